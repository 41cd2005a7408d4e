"""The classifier: from text to clauses.

    >>> from policyclf import load
    >>> load().classify("We never sell your data.")[0].denied
    (<Practice.THIRD_PARTY_SHARING_COLLECTION: 'third_party_sharing_collection'>,)
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from policyclf.document import Document
from policyclf.evidence import dictionary_words, spans_for, words
from policyclf.practices import Practice
from policyclf.reading import read
from policyclf.results import Clause, Clauses, Span
from policyclf.script import language_of
from policyclf.segmenting import Segment, apart, segments

if TYPE_CHECKING:
    from policyclf.model import Config, Model, Reading

_NO_SCORES: Mapping[Practice, float] = MappingProxyType(dict.fromkeys(Practice, 0.0))
_NO_EVIDENCE: Mapping[Practice, tuple[Span, ...]] = MappingProxyType({})


class Classifier:
    """A loaded model that labels policies; `policyclf.load()` gives the shipped one."""

    def __init__(self, model: Model, thresholds: str = "balanced", *, words: bool = False) -> None:
        """`thresholds` is the name of a set of the model's; ValueError where it has no such set.

        With `words`, Japanese evidence is given in the words of a dictionary;
        MissingExtraError where that is not installed.
        """
        known = model.config.thresholds
        if thresholds not in known:
            raise ValueError(f"thresholds must be one of {', '.join(known)}, not {thresholds!r}")
        self._model = model
        self._thresholds = known[thresholds]
        if words:
            dictionary_words("")
        self._words = words

    @property
    def config(self) -> Config:
        """The model's configuration: labels, thresholds, calibration, figures."""
        return self._model.config

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return self._model.folder

    def classify(self, text: str | Document | Iterable[str], /) -> list[Clause]:
        """Label a document, or each of several sentences.

        A str is a document or a passage: it is segmented, each segment is read in its
        context, and the clauses come back in reading order; so do those of a `Document`
        that `policyclf.read` gave. Anything else must be an iterable of str (a list, a column
        of pandas or numpy): each is read by itself as one clause, and the list that comes
        back is as long, in the same order (blank strings have no labels). In a notebook
        either list shows itself as a page (see `policyclf.report`).

        Raises TypeError for anything else, and for an item that is no str, naming it.
        """
        if isinstance(text, (str, Document)):
            return self._document(text)
        return Clauses(self._alone(sentence) for sentence in sentences(text))

    def classify_file(self, path: str | os.PathLike[str], /) -> list[Clause]:
        """Label the document in a file (.txt, .md, .html, .htm, .pdf).

        Places are characters of `policyclf.read(path).text`. What is page furniture (menus,
        footers, cookie banners, page numbers) is among the clauses, and marked as such.
        Raises FileError where the file cannot be read, MissingExtraError for a PDF without
        the extra `pdf`.
        """
        return self.classify(read(path))

    def _document(self, document: str | Document) -> Clauses:
        text, blocks = (document, None) if isinstance(document, str) else (document.text, document.blocks)
        clauses = [c for group in apart(segments(document)) for c in self._read(text, group)]
        return Clauses(sorted(clauses, key=lambda clause: clause.start), text, blocks)

    def _alone(self, sentence: str) -> Clause:
        stripped = sentence.strip("\ufeff \t\r\n\f\v\u3000\xa0")
        if not stripped or stripped.isspace():
            return Clause(sentence, 0, len(sentence), "sentence", "en", (), (), _NO_SCORES, _NO_EVIDENCE)
        whole = Segment(0, len(sentence), "sentence", language_of(sentence), None)
        return self._read(sentence, [whole])[0]

    def _read(self, text: str, found: Sequence[Segment]) -> list[Clause]:
        readings = self._model.read(
            [text[s.start : s.end] for s in found],
            [s.kind for s in found],
            [s.lead_in for s in found],
        )
        return [self._clause(text, s, r) for s, r in zip(found, readings, strict=True)]

    def _clause(self, text: str, segment: Segment, reading: Reading) -> Clause:
        labels: tuple[Practice, ...] = ()
        denied: tuple[Practice, ...] = ()
        scores = _NO_SCORES
        evidence = _NO_EVIDENCE
        if segment.kind != "heading":
            config = self._model.config
            thresholds = self._thresholds
            probabilities = [float(p) for p in reading.scores]
            ranked = sorted(range(len(probabilities)), key=lambda i: -probabilities[i])
            chosen = [i for i in ranked if probabilities[i] >= thresholds.labels[i]]
            if not chosen and probabilities[ranked[0]] >= thresholds.floor:
                chosen = ranked[:1]
            labels = tuple(config.labels[i] for i in chosen)
            denied = tuple(
                config.labels[i]
                for i in chosen
                if float(reading.denied[i]) >= thresholds.denied[i]
            )
            scores = MappingProxyType(dict(zip(config.labels, probabilities, strict=True)))
            spans = self._spans(text, segment, reading, chosen)
            evidence = MappingProxyType(dict(zip(labels, spans, strict=True)))
        return Clause(
            text=text[segment.start : segment.end],
            start=segment.start,
            end=segment.end,
            kind=segment.kind,
            language=segment.language,
            labels=labels,
            denied=denied,
            scores=scores,
            evidence=evidence,
            furniture=segment.furniture,
        )

    def _spans(
        self, text: str, segment: Segment, reading: Reading, labels: Sequence[int]
    ) -> list[tuple[Span, ...]]:
        """The evidence for each of `labels`, as spans of `text`."""
        if not labels:
            return []
        own = text[segment.start : segment.end]
        if self._words and segment.language == "ja":
            found = dictionary_words(own)
        else:
            found = words(own, reading.offsets)
        return spans_for(own, found, reading.offsets, reading.weights[:, labels], segment.start)


def load(
    model: str | os.PathLike[str] | None = None,
    *,
    thresholds: str = "balanced",
    threads: int | None = None,
    words: bool = False,
) -> Classifier:
    """The classifier of a model folder; of the shipped model where None.

    `thresholds` names the set by which labels are given: "balanced" weighs wrong and
    missed labels alike (F1), "precision" gives fewer, surer labels (F0.5), "recall"
    misses fewer (F2); scores are the same. `threads` bounds the processor threads of one
    call (None: ONNX Runtime's choice). With `words`, Japanese evidence is given in the words
    of a dictionary (the extra "words") instead of the model's own pieces; labels and scores
    are the same. A folder is read once for each number of threads.
    Raises ModelError where the folder is missing, truncated or not a policyclf model,
    ValueError where it has no such thresholds, MissingExtraError where the dictionary is
    not installed.
    """
    if model is not None and not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model must be a folder's path or None, not {type(model).__name__}")
    if not isinstance(thresholds, str):
        raise TypeError(f"thresholds must be a name, not {type(thresholds).__name__}")
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool)):
        raise TypeError(f"threads must be an int or None, not {type(threads).__name__}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    if not isinstance(words, bool):
        raise TypeError(f"words must be a bool, not {type(words).__name__}")
    folder = shipped_model() if model is None else Path(model)
    return _load(folder.absolute(), thresholds, threads, words)


@functools.lru_cache(maxsize=24)
def _load(folder: Path, thresholds: str, threads: int | None, words: bool) -> Classifier:
    return Classifier(_read(folder, threads), thresholds, words=words)


@functools.lru_cache(maxsize=8)
def _read(folder: Path, threads: int | None) -> Model:
    from policyclf.model import Model

    return Model(folder, threads)


def shipped_model() -> Path:
    """The folder of the model in the wheel; in a source checkout, models/policyclf."""
    package = Path(__file__).resolve().parent
    inside = package / "released"
    return inside if inside.is_dir() else package.parent / "models" / "policyclf"


def sentences(given: object, taker: str = "classify() takes a str (a document) or") -> list[str]:
    """The items of an iterable of str; TypeError for all else, in the words of `taker`."""
    expected = f"{taker} an iterable of str (sentences)"
    if given is None or isinstance(given, (bytes, bytearray, memoryview)) or not isinstance(given, Iterable):
        raise TypeError(f"{expected}, not {type(given).__name__}")
    dimensions = getattr(given, "ndim", 1)
    if dimensions != 1:
        # The items of a DataFrame are the names of its columns, which are strings too.
        raise TypeError(
            f"{expected}, not {type(given).__name__} of {dimensions} dimensions; "
            "give it one column"
        )
    items = list(given)
    index = getattr(given, "index", None) if hasattr(given, "iloc") else None  # a pandas Series
    for i, item in enumerate(items):
        if not isinstance(item, str):
            row = "" if index is None else f" (row {index[i]})"
            gap = ", a missing value: drop it, or fill it with ''" if _is_missing(item) else ""
            raise TypeError(f"{expected}; item {i}{row} is {type(item).__name__}{gap}")
    return [item if type(item) is str else str.__str__(item) for item in items]  # numpy.str_, enums


def _is_missing(item: object) -> bool:
    """Whether `item` is None, NaN, or the NA or NaT of pandas."""
    return item is None or type(item).__name__ in ("NAType", "NaTType") or (
        isinstance(item, float) and item != item
    )

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
from policyclf.evidence import spans_for
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

    def __init__(self, model: Model, thresholds: str = "balanced") -> None:
        """`thresholds` is the name of a set of the model's; ValueError where it has no such set."""
        known = model.config.thresholds
        if thresholds not in known:
            raise ValueError(f"thresholds must be one of {', '.join(known)}, not {thresholds!r}")
        self._model = model
        self._thresholds = known[thresholds]

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
        that `policyclf.read` gave. Anything else must be an iterable of str: each is read by
        itself as one clause, and the list that comes back is as long, in the same order
        (blank strings have no labels). In a notebook either list shows itself as a page (see
        `policyclf.report`).

        Raises TypeError for anything else, and for an item that is no str.
        """
        if isinstance(text, str):
            return Clauses(self._document(text), source=text)
        if isinstance(text, Document):
            return Clauses(self._document(text), source=text.text, blocks=text.blocks)
        return Clauses(self._alone(sentence) for sentence in _sentences(text))

    def classify_file(self, path: str | os.PathLike[str], /) -> list[Clause]:
        """Label the document in a file (.txt, .md, .html, .htm, .pdf).

        Places are characters of `policyclf.read(path).text`. What is page furniture (menus,
        footers, cookie banners, page numbers) is among the clauses, and marked as such.
        Raises FileError where the file cannot be read, MissingExtraError for a PDF without
        the extra `pdf`.
        """
        return self.classify(read(path))

    def _document(self, document: str | Document) -> list[Clause]:
        text = document if isinstance(document, str) else document.text
        clauses = [c for group in apart(segments(document)) for c in self._read(text, group)]
        return sorted(clauses, key=lambda clause: clause.start)

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
            evidence = MappingProxyType(
                {
                    config.labels[i]: spans_for(
                        text, segment.start, segment.end, reading.offsets, reading.weights[:, i]
                    )
                    for i in chosen
                }
            )
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


def load(
    model: str | os.PathLike[str] | None = None,
    *,
    thresholds: str = "balanced",
    threads: int | None = None,
) -> Classifier:
    """The classifier of a model folder; of the shipped model where None.

    `thresholds` names the set by which labels are given: "balanced" weighs wrong and
    missed labels alike (F1), "precision" gives fewer, surer labels (F0.5), "recall"
    misses fewer (F2); scores are the same. `threads` bounds the processor threads of one
    call (None: ONNX Runtime's choice). A folder is read once for each number of threads.
    Raises ModelError where the folder is missing, truncated or not a policyclf model,
    ValueError where it has no such thresholds.
    """
    if model is not None and not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model must be a folder's path or None, not {type(model).__name__}")
    if not isinstance(thresholds, str):
        raise TypeError(f"thresholds must be a name, not {type(thresholds).__name__}")
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool)):
        raise TypeError(f"threads must be an int or None, not {type(threads).__name__}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    folder = shipped_model() if model is None else Path(model)
    return _load(folder.absolute(), thresholds, threads)


@functools.lru_cache(maxsize=24)
def _load(folder: Path, thresholds: str, threads: int | None) -> Classifier:
    return Classifier(_read(folder, threads), thresholds)


@functools.lru_cache(maxsize=8)
def _read(folder: Path, threads: int | None) -> Model:
    from policyclf.model import Model

    return Model(folder, threads)


def shipped_model() -> Path:
    """The folder of the model in the wheel; in a source checkout, models/policyclf."""
    package = Path(__file__).resolve().parent
    inside = package / "released"
    return inside if inside.is_dir() else package.parent / "models" / "policyclf"


def _sentences(given: object) -> list[str]:
    """The items of an iterable of str; TypeError for all else."""
    expected = "a str (a document) or an iterable of str (sentences)"
    if given is None or isinstance(given, (bytes, bytearray, memoryview)) or not isinstance(given, Iterable):
        raise TypeError(f"classify() takes {expected}, not {type(given).__name__}")
    items = list(given)
    for i, item in enumerate(items):
        if not isinstance(item, str):
            raise TypeError(f"classify() takes {expected}; item {i} is {type(item).__name__}")
    return items

"""The spaCy pipeline component "policyclf", which spaCy finds by itself.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> component = nlp.add_pipe("policyclf")
    >>> doc = nlp("We keep logs for 30 days. We never sell them.")
    >>> for span in doc.spans["policyclf"]:
    ...     print(span.label_, span.label_ in span._.policyclf.denied, span.text)
    data_retention False We keep logs for 30 days.
    third_party_sharing_collection True We never sell them.

``doc.spans["policyclf"]`` has a span for each practice of each clause, as spancat gives
them: overlapping spans, probabilities in ``.attrs["scores"]``. ``doc._.policyclf`` is
the list of all clauses, those without labels too; ``span._.policyclf`` the clause of a
span, of this group or any other (None where there is none). Clauses keep their exact
characters of ``doc.text`` whatever the tokens are.

A Doc that is read in another process (from bytes, from a DocBin that stores user data)
shows its clauses once this module is imported or the component created.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from policyclf.classifier import Classifier, load
from policyclf.errors import MissingExtraError
from policyclf.practices import Practice
from policyclf.results import Clause

try:
    import numpy as np
    import srsly
    from spacy.language import Language
    from spacy.tokens import Doc, Span, SpanGroup
except ModuleNotFoundError as error:
    raise MissingExtraError("the spaCy component", "spacy") from error

from policyclf.spacy_clauses import clear, keep, span_id

__all__ = ["PracticeComponent", "create"]

ALIGNMENTS = ("expand", "contract", "strict")
# What classifying needs of a model folder, and its card.
_FILES = ("config.json", "model.onnx", "tokenizer.json", "README.md")


@Language.factory(
    "policyclf",
    assigns=["doc.spans", "doc._.policyclf", "span._.policyclf"],
    default_config={
        "model": None,
        "thresholds": "balanced",
        "threads": None,
        "spans_key": "policyclf",
        "alignment_mode": "expand",
        "set_sents": False,
    },
)
def create(
    nlp: Language,
    name: str,
    model: str | None,
    thresholds: str,
    threads: int | None,
    spans_key: str,
    alignment_mode: str,
    set_sents: bool,
) -> PracticeComponent:
    """The component as ``nlp.add_pipe("policyclf", config={...})`` makes it.

    `model`, `thresholds` and `threads` are those of `policyclf.load`; give ``threads=1``
    where ``nlp.pipe(n_process=...)`` shares the processors out already. `spans_key` names
    the group in ``doc.spans``. `alignment_mode` is for clauses that begin or end inside
    a token, as Japanese ones do for an English tokenizer: "expand" takes the whole
    token in (so that spans of neighbours overlap), "contract" leaves it out, "strict"
    drops the spans of such a clause; its place in ``doc._.policyclf`` is exact in any
    case. `set_sents` makes the clauses the Doc's sentences too: one begins at the token
    in which a clause begins.

    Raises ValueError or TypeError for a wrong setting, ModelError for a wrong folder.
    """
    return PracticeComponent(
        model,
        thresholds=thresholds,
        threads=threads,
        spans_key=spans_key,
        alignment_mode=alignment_mode,
        set_sents=set_sents,
    )


class PracticeComponent:
    """Labels ``doc.text`` and writes what it finds on the Doc; see `create`.

    A pipeline that is saved takes the files of a model folder of your own along, in
    place of its path; of the shipped model it takes nothing, so that the installed
    policyclf's is used.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        thresholds: str = "balanced",
        threads: int | None = None,
        spans_key: str = "policyclf",
        alignment_mode: str = "expand",
        set_sents: bool = False,
    ) -> None:
        if alignment_mode not in ALIGNMENTS:
            raise ValueError(f"alignment_mode must be one of {', '.join(ALIGNMENTS)}, not {alignment_mode!r}")
        self.model = model
        self.thresholds = thresholds
        self.threads = threads
        self.spans_key = spans_key
        self.alignment_mode = alignment_mode
        self.set_sents = set_sents
        self._unpacked = False  # whether the model's folder is ours, made by from_bytes
        if model is None or Path(model).is_dir():
            self.classifier.config  # noqa: B018  wrong settings are reported here, not at the first Doc
        # A saved pipeline names the folder it was made with, which may be gone: its own
        # copy comes with from_disk.

    @property
    def classifier(self) -> Classifier:
        """The classifier, loaded once in each process."""
        return load(self.model, thresholds=self.thresholds, threads=self.threads)

    @property
    def labels(self) -> tuple[str, ...]:
        """The practices that spans may bear."""
        return tuple(practice.value for practice in Practice)

    def __call__(self, doc: Doc) -> Doc:
        """Set the spans and the clauses of `doc`, and its sentences where asked for."""
        clauses = self.classifier.classify(doc.text)
        clear(doc)
        spans, scores = [], []
        for clause in clauses:
            keep(doc, clause)
            aligned = doc.char_span(clause.start, clause.end, alignment_mode=self.alignment_mode)
            if aligned is None:
                continue
            name = span_id(clause, aligned)
            for practice in clause.labels:
                spans.append(Span(doc, aligned.start, aligned.end, practice.value, span_id=name))
                scores.append(clause.scores[practice])
        attributes = {"scores": np.array(scores, dtype=np.float32)}
        doc.spans[self.spans_key] = SpanGroup(doc, name=self.spans_key, attrs=attributes, spans=spans)
        if self.set_sents:
            _set_sents(doc, clauses)
        return doc

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the model's files into the folder `path`; nothing for the shipped model."""
        files = self._files()
        if files:
            Path(path).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (Path(path) / name).write_bytes(content)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> PracticeComponent:
        """Use the model that `to_disk` wrote to `path`, if it wrote one."""
        if (Path(path) / "config.json").is_file():
            self.model = str(Path(path).absolute())
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The model's files; b"" for the shipped model."""
        files = self._files()
        return bytes(srsly.msgpack_dumps(files)) if files else b""

    def from_bytes(self, content: bytes, *, exclude: Iterable[str] = ()) -> PracticeComponent:
        """Use the model that `to_bytes` packed, if it packed one."""
        if content:
            files = srsly.msgpack_loads(content)
            self.model, self._unpacked = tempfile.mkdtemp(prefix="policyclf-"), True
            weakref.finalize(self, _remove, self.model, os.getpid())
            for name in _FILES:
                if name in files:
                    (Path(self.model) / name).write_bytes(files[name])
        return self

    def __getstate__(self) -> dict[str, Any]:
        # An unpacked folder goes when its component goes, so that a copy needs its own.
        packed = self.to_bytes() if self._unpacked else b""
        return {**self.__dict__, "_unpacked": False, "packed": packed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        packed = state.pop("packed")
        self.__dict__.update(state)
        self.from_bytes(packed)

    def _files(self) -> dict[str, bytes]:
        if self.model is None:
            return {}
        folder = self.classifier.folder  # loading it has checked the hashes
        return {name: (folder / name).read_bytes() for name in _FILES if (folder / name).is_file()}


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:  # a forked worker that ends leaves its parent the folder
        shutil.rmtree(folder, ignore_errors=True)


def _set_sents(doc: Doc, clauses: Iterable[Clause]) -> None:
    if len(doc) and doc.has_annotation("DEP"):  # an empty Doc counts as annotated
        raise ValueError(
            "set_sents cannot change the sentences of a parsed Doc: add policyclf before the parser, "
            'nlp.add_pipe("policyclf", before="parser", config={"set_sents": True})'
        )
    spans = (doc.char_span(c.start, c.end, alignment_mode="expand") for c in clauses)
    starts = sorted({span.start for span in spans if span is not None})
    values = np.full(len(doc), -1, dtype=np.int64)
    # White space before the first clause is no sentence of its own.
    values[[0, *starts[1:]] if len(doc) else []] = 1
    # Token by token, spaCy would search the whole Doc for a parse each time.
    unsigned: Any = values.astype(np.uint64)  # as spaCy keeps its -1
    doc.from_array(["SENT_START"], unsigned)

"""A model folder, loaded: tokenizer, ONNX network, thresholds and calibration.

The folder is the unit: `model.onnx`, `tokenizer.json` and `config.json`, which holds
every number that belongs to the model (labels, thresholds, calibration, the window's
budget) and the hashes that loading checks. Nothing here knows of torch.

The network reads one window of segments and gives, for each token and practice, six
numbers. Four decide: attention and value for the practice, attention and value for its
denial (label-wise attention as in CAML, Mullenbach et al., NAACL 2018, with the output
layer taken inside the sum). A segment's logit is the mean of its tokens' values, weighted
by the softmax of their attentions. Two explain: a token's evidence for the practice is the
one, times its share of the attention, plus the other; training.evidence fitted them so that
the evidence of words is what the logit would fall by if they were erased.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyclf.errors import ModelError
from policyclf.practices import Practice
from policyclf.recent import RecentOutputs
from policyclf.windows import Window, windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 2
_SURROGATE = re.compile("[\ud800-\udfff]")
MARKS = {"sentence": "[SENTENCE]", "list_item": "[ITEM]", "heading": "[HEADING]"}


@dataclass(frozen=True)
class Thresholds:
    """What turns probabilities into labels; one threshold a label, in the labels' order.

    A label is given where its calibrated probability reaches its threshold; where none
    does, the most probable label is given if it reaches `floor`.
    """

    labels: tuple[float, ...]
    denied: tuple[float, ...]
    floor: float


@dataclass(frozen=True)
class Config:
    """config.json, checked; `thresholds` by name."""

    name: str
    labels: tuple[Practice, ...]
    max_tokens: int
    thresholds: Mapping[str, Thresholds]
    temperature: float
    denied_temperature: float
    sha256: Mapping[str, str]
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Config:
        """The configuration of a model folder; ModelError where it is missing or wrong."""
        path = folder / "config.json"
        if not folder.is_dir():
            raise ModelError(f"no model folder at {folder}")
        if not path.is_file():
            raise ModelError(f"{folder} is not a policyclf model: it holds no config.json")
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} is damaged: {error}") from error
        version = raw.get("policyclf_format") if isinstance(raw, dict) else None
        if version is None:
            raise ModelError(f"{folder} is not a policyclf model: its config.json has no policyclf_format")
        if version != FORMAT:
            raise ModelError(
                f"{folder} is of model format {version!r}; this version of policyclf reads {FORMAT}"
            )
        try:
            labels = tuple(Practice(label) for label in raw["labels"])
            return cls(
                name=str(raw["name"]),
                labels=labels,
                max_tokens=int(raw["max_tokens"]),
                thresholds={
                    str(name): Thresholds(
                        labels=_by_label(chosen["labels"], labels),
                        denied=_by_label(chosen["denied"], labels),
                        floor=float(chosen["floor"]),
                    )
                    for name, chosen in raw["thresholds"].items()
                },
                temperature=float(raw["calibration"]["temperature"]),
                denied_temperature=float(raw["calibration"]["denied_temperature"]),
                sha256=dict(raw["sha256"]),
                raw=raw,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _by_label(values: Mapping[str, Any], labels: Sequence[Practice]) -> tuple[float, ...]:
    return tuple(float(values[label]) for label in labels)


@dataclass(frozen=True)
class Reading:
    """What the model reads from one segment.

    `scores` and `denied` are calibrated probabilities of each label of the
    configuration, (n_labels,); `weights` is each token's evidence for each label, about
    what its logit would fall by without the token, (n_tokens, n_labels); `offsets` the
    tokens' characters in the segment.
    """

    scores: NDArray[np.float32]
    denied: NDArray[np.float32]
    weights: NDArray[np.float32]
    offsets: Sequence[tuple[int, int]]


class Model:
    """The network and tokenizer of a folder; safe to call from several threads."""

    def __init__(self, folder: Path, threads: int | None = None, *, remember: int = 0) -> None:
        """Load `folder`, checking format and hashes (ModelError says what is wrong).

        `threads` bounds the processor threads that one call uses; None leaves the
        choice to ONNX Runtime. `remember` is the bytes of memory in which the network's
        outputs for the windows read last are kept, for collections that repeat
        themselves; scores are the same with or without.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        self.folder = folder
        self.recent = RecentOutputs(remember) if remember else None
        self.config = Config.read(folder)
        contents = {name: _checked(folder, name, digest) for name, digest in self.config.sha256.items()}
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._tokenizer = Tokenizer.from_str(contents["tokenizer.json"].decode("utf-8"))
            self._session = onnxruntime.InferenceSession(
                contents["model.onnx"],
                options,
                providers=["CPUExecutionProvider"],
                # A fused addition and normalisation takes six times as long as the two apart.
                disabled_optimizers=["SkipLayerNormFusion"],
            )
            found = {name: self._tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]", *MARKS.values())}
        except Exception as error:  # each library raises what it likes at a file that is not its own
            raise ModelError(f"{folder} cannot be loaded: {error}") from error
        self._ids = {name: i for name, i in found.items() if i is not None}
        if len(self._ids) < len(found):
            missing = ", ".join(found.keys() - self._ids.keys())
            raise ModelError(f"{folder}/tokenizer.json lacks the pieces {missing}")

    def read(
        self,
        texts: Sequence[str],
        kinds: Sequence[str],
        lead_ins: Sequence[int | None],
    ) -> list[Reading]:
        """Read a document's segments, in order and in context; one reading for each.

        A lone sentence is a document of one. What one document's segments get depends
        on that document alone, not on what else is classified beside it.
        """
        # A surrogate is no character and the tokenizer cannot take it. The replacement is as
        # long, so that offsets stand.
        encoded = self._tokenizer.encode_batch(
            [_SURROGATE.sub("\ufffd", t) for t in texts],
            add_special_tokens=False,
        )
        rows = [[self._ids[MARKS[k]], *e.ids] for k, e in zip(kinds, encoded, strict=True)]
        outputs: list[list[NDArray[np.float32]]] = [[] for _ in rows]
        budget = self.config.max_tokens - 2  # [CLS] and [SEP]
        for window in windows([len(r) for r in rows], [k == "heading" for k in kinds], lead_ins, budget):
            for segment, part in self._run(rows, window):
                outputs[segment].append(part)
        return self._readings(outputs, [[(0, 0), *e.offsets] for e in encoded])

    def _run(
        self, rows: Sequence[Sequence[int]], window: Window
    ) -> list[tuple[int, NDArray[np.float32]]]:
        """The window's own pieces: segment and token outputs, (n_tokens, 6 * n_labels)."""
        import numpy as np

        ids = [self._ids["[CLS]"]]
        places = []
        for piece in (*window.context, *window.own):
            places.append((piece, len(ids)))
            ids += rows[piece.segment][piece.first : piece.last]
        ids.append(self._ids["[SEP]"])
        output = self._output(np.array([ids], dtype=np.int64))
        own = places[len(window.context) :]
        return [(p.segment, output[at : at + p.length]) for p, at in own]

    def _output(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The network's output for one window, (1, n_tokens) to (n_tokens, 6 * n_labels)."""
        # One window a run: dynamic int8 scales activations over the whole input, so that
        # a batch would make a segment's score depend on its neighbours in the batch.
        output: NDArray[np.float32] | None = self.recent.get(ids) if self.recent else None
        if output is None:
            output = self._session.run(None, {"input_ids": ids})[0][0]
            if self.recent:
                self.recent.put(ids, output)
        return output

    def _readings(
        self,
        outputs: Sequence[Sequence[NDArray[np.float32]]],
        offsets: Sequence[list[tuple[int, int]]],
    ) -> list[Reading]:
        """Token outputs of each segment, pooled. All segments at once: a document has hundreds."""
        import numpy as np

        lengths = [sum(map(len, parts)) for parts in outputs]
        starts = np.cumsum([0, *lengths[:-1]])
        segment = np.repeat(np.arange(len(lengths)), lengths)
        tokens = np.concatenate([part for parts in outputs for part in parts])
        # (n_tokens, 3, 2, n_labels): attention and value, the same of the denial, evidence
        tokens = tokens.reshape(len(segment), 3, 2, len(self.config.labels))
        attention, value = tokens[:, :2, 0], tokens[:, :2, 1]
        powers = np.exp(attention - np.maximum.reduceat(attention, starts)[segment])
        shares = powers / np.add.reduceat(powers, starts)[segment]
        logits: NDArray[np.float32] = np.add.reduceat(shares * value, starts)  # (n_segments, 2, n_labels)
        scores = _sigmoid(logits[:, 0] / np.float32(self.config.temperature))
        denied = _sigmoid(logits[:, 1] / np.float32(self.config.denied_temperature))
        weights = np.split(shares[:, 0] * tokens[:, 2, 0] + tokens[:, 2, 1], starts[1:])
        return [Reading(*each) for each in zip(scores, denied, weights, offsets, strict=True)]


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    result: NDArray[np.float32] = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
    return result


def _checked(folder: Path, name: str, digest: str) -> bytes:
    """The bytes of a file of the folder whose hash is as the configuration says."""
    path = folder / name
    if not path.is_file():
        raise ModelError(f"{folder} is incomplete: {name} is missing")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(
            f"{path} is damaged or not this model's: its SHA-256 differs from the one in config.json"
        )
    return content

"""Hold the exported network against torch on thousands of the corpus' segments.

    python -m training.parity [--model FOLDER] [--encoder FOLDER] [--segments 5000] [--alternatives]

Whole documents of both languages, half of the segments in each: the validation and test
splits first, then the training split until there are enough. Torch runs the trainable
weights (model.safetensors); the library reads the folder as it is released (int8) and with
the network exported in fp32 put in its place. Printed are the differences of probability
from torch, how many segments get the same labels, micro-F1 against the corpus' labels,
and how far it falls, with a 95 % interval by bootstrap over documents. int8 may be
released where micro-F1 falls by less than half a point in either language.

With --alternatives other ways of quantising are measured beside it. Exit status 1 where the
released network falls by more. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from policyclf.model import Config, Model
from training import corpus, export
from training.calibration import decided
from training.documents import documents
from training.finetune import ENCODER, RELEASED
from training.fitting import logits
from training.model import Document, load

LIMIT = 0.5  # points of micro-F1 that the released network may lose
DRAWS = 1000

_RELEASED_WAY: dict[str, Any] = {
    "op_types_to_quantize": ["MatMul", "Gemm", "Gather"],
    "weight_type": QuantType.QInt8,
    "per_channel": True,
    "reduce_range": True,
}
ALTERNATIVES: dict[str, dict[str, Any]] = {
    "int8, all eight bits": {"reduce_range": False},
    "int8, a scale a tensor": {"per_channel": False},
    "int8, embeddings in fp32": {"op_types_to_quantize": ["MatMul", "Gemm"]},
    "uint8 weights": {"weight_type": QuantType.QUInt8},
}


@dataclass(frozen=True)
class Measured:
    """Probabilities of one language's segments, headings left out, (n_segments, n_labels)."""

    p: np.ndarray
    document: np.ndarray  # (n_segments,): which document each is of


def chosen(splits: Mapping[str, Sequence[corpus.Policy]], segments: int) -> list[corpus.Policy]:
    """Whole policies with at least half of `segments` (no headings) in either language, if there are."""
    found = []
    for language in corpus.LANGUAGES:
        count = 0
        for split in ("validation", "test", "train"):
            for policy in splits[split]:
                if policy.language == language and count < segments / 2:
                    found.append(policy)
                    count += sum(s.kind != "heading" for s in policy.segments)
    return found


def by_torch(folder: Path, encoder: Path, policies: Sequence[corpus.Policy]) -> list[np.ndarray]:
    """Each document's probabilities by the trainable weights, (n_segments, n_labels)."""
    config = Config.read(folder)
    model = load(folder / "model.safetensors", encoder, len(config.labels))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    docs: list[Document] = documents(policies, tokenizer)
    found = logits(model, docs, tokenizer, config.max_tokens - 2)
    return [1 / (1 + np.exp(-practice / config.temperature)) for practice, _ in found]


def by_library(model: Model, docs: Sequence[Document], policies: Sequence[corpus.Policy]) -> list[np.ndarray]:
    """The same by the library."""
    return [
        np.array([r.scores for r in model.read([s.text for s in policy.segments], doc.kinds, doc.lead_ins)])
        for doc, policy in zip(docs, policies, strict=True)
    ]


def with_network(folder: Path, network: Path, out: Path) -> Model:
    """The model of `folder` with another network, made into a folder of its own at `out`."""
    out.mkdir()
    shutil.copy(network, out / "model.onnx")
    shutil.copy(folder / "tokenizer.json", out)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["sha256"]["model.onnx"] = hashlib.sha256(network.read_bytes()).hexdigest()
    (out / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Model(out, threads=2)


def counts(p: np.ndarray, truth: np.ndarray, config: Config) -> np.ndarray:
    """Labels rightly given, wrongly given and missed, of each segment, (n_segments, 3)."""
    thresholds = config.thresholds["balanced"]
    given = decided(p, thresholds.labels, thresholds.floor)
    true = truth.astype(bool)
    return np.stack([(a).sum(axis=1) for a in (given & true, given & ~true, ~given & true)], axis=1)


def micro_f1(table: np.ndarray) -> float:
    """Micro-F1 of summed counts, in percent."""
    right, wrong, missed = table.sum(axis=0)
    return float(200 * right / max(1, 2 * right + wrong + missed))


def fall(table: np.ndarray, other: np.ndarray, document: np.ndarray) -> tuple[float, float, float]:
    """Points of micro-F1 by which `other` is below `table`, and the 95 % interval.

    By bootstrap over documents: both have the counts of the same segments, (n, 3).
    """
    names = np.unique(document)
    sums = [np.array([t[document == d].sum(axis=0) for d in names]) for t in (table, other)]
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(names), (DRAWS, len(names)))
    falls = np.sort([micro_f1(sums[0][d]) - micro_f1(sums[1][d]) for d in draws])
    point = micro_f1(table) - micro_f1(other)
    return point, float(falls[int(0.025 * DRAWS)]), float(falls[int(0.975 * DRAWS) - 1])


def compare(
    systems: Mapping[str, Sequence[np.ndarray]],
    docs: Sequence[Document],
    config: Config,
) -> dict[tuple[str, str], float]:
    """Print the table; the first system is what the others are held against.

    Returns by how many points of micro-F1 each is below it, by system and language.
    """
    reference = next(iter(systems))
    falls = {}
    thresholds = config.thresholds["balanced"]
    for language in corpus.LANGUAGES:
        mine = [i for i, doc in enumerate(docs) if doc.language == language]
        if not mine:
            continue
        body = [~np.array(docs[i].headings) for i in mine]
        truth = np.concatenate([docs[i].practice[keep] for i, keep in zip(mine, body, strict=True)])
        document = np.repeat(mine, [int(keep.sum()) for keep in body])
        p = {
            name: np.concatenate([found[i][keep] for i, keep in zip(mine, body, strict=True)])
            for name, found in systems.items()
        }
        table = {name: counts(x, truth, config) for name, x in p.items()}
        given = {name: decided(x, thresholds.labels, thresholds.floor) for name, x in p.items()}
        print(f"\n{language}: {len(mine)} documents, {len(truth)} segments")
        print(
            f"{'':<26}{'difference of probability':<36}{'same':>8}{'micro-F1':>10}"
            f"{'fall (points, 95 %)':>26}\n"
            f"{'':<26}{'mean':>9}{'99.9 %':>9}{'greatest':>9}{'':<9}{'labels':>8}"
        )
        for name in systems:
            gap = np.abs(p[name] - p[reference])
            same = (given[name] == given[reference]).all(axis=1).mean()
            line = f"{name:<26}{gap.mean():>9.6f}{np.quantile(gap, 0.999):>9.4f}{gap.max():>9.4f}{'':<9}"
            line += f"{100 * same:>7.2f}%{micro_f1(table[name]):>10.2f}"
            if name != reference:
                point, low, high = fall(table[reference], table[name], document)
                falls[name, language] = point
                line += f"{point:>+12.2f} [{low:+.2f}, {high:+.2f}]"
            print(line)
    return falls


def steadiness(model: Model, folder: Path, policies: Sequence[corpus.Policy]) -> None:
    """Print whether a segment's scores depend on what is read beside it, or on threads."""
    every = [s.text for p in policies for s in p.segments if s.kind != "heading"]
    sentences = every[:: max(1, len(every) // 100)][:100]
    beside = [model.read([s], ["sentence"], [None])[0].scores for s in sentences]
    again = [model.read([s], ["sentence"], [None])[0].scores for s in reversed(sentences)][::-1]
    single = Model(folder, threads=1)
    alone = [single.read([s], ["sentence"], [None])[0].scores for s in sentences]
    for what, other in (("read in another order", again), ("read by one thread", alone)):
        gap = max(float(np.abs(a - b).max()) for a, b in zip(beside, other, strict=True))
        print(f"{len(sentences)} sentences {what}: greatest difference {gap:g}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=RELEASED, help="a model folder with model.safetensors")
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="the encoder that it was begun from")
    parser.add_argument("--segments", type=int, default=5000)
    parser.add_argument("--alternatives", action="store_true", help="other ways of quantising, too")
    options = parser.parse_args(arguments)
    config = Config.read(options.model)
    policies = chosen(corpus.load_splits(), options.segments)
    docs = documents(policies, Tokenizer.from_file(str(options.model / "tokenizer.json")))
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser advises what is of no use here
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        weights = load(options.model / "model.safetensors", options.encoder, len(config.labels))
        export.to_onnx(weights, work / "full.onnx")
        systems = {"torch": by_torch(options.model, options.encoder, policies)}
        full = with_network(options.model, work / "full.onnx", work / "full")
        systems["ONNX, fp32"] = by_library(full, docs, policies)
        released = Model(options.model, threads=2)
        systems["released (int8)"] = by_library(released, docs, policies)
        for name, changes in ALTERNATIVES.items() if options.alternatives else ():
            path = work / f"{len(systems)}.onnx"
            quantize_dynamic(work / "full.onnx", path, **(_RELEASED_WAY | changes))
            other = with_network(options.model, path, work / path.stem)
            systems[name] = by_library(other, docs, policies)
        falls = compare(systems, docs, config)
    print()
    steadiness(released, options.model, policies)
    worst = max(points for (name, _), points in falls.items() if name == "released (int8)")
    print(f"released network: falls by {worst:.2f} points at most; {LIMIT} are allowed")
    return int(worst >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())

"""Export a fine-tuned model: ONNX, int8, and the folder that policyclf loads."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from torch import Tensor, nn

import policyclf
from policyclf.model import FORMAT
from training import corpus
from training.calibration import Decisions
from training.model import ClauseModel

# Encoders in which every token attends to every other, so that an unpadded window needs no mask.
FULL_ATTENTION = ("bert", "roberta", "xlm-roberta")


class _Exported(nn.Module):
    """The network as it is shipped: one unpadded window a run, evidence beside the decisions."""

    def __init__(self, model: ClauseModel) -> None:
        super().__init__()
        self.encoder = model.encoder
        self.masked = model.encoder.config.model_type not in FULL_ATTENTION
        self.head = nn.Linear(model.head.in_features, 6 * model.labels)
        for name in ("weight", "bias"):
            both = torch.cat([getattr(model.head, name), getattr(model.evidence, name)])
            setattr(self.head, name, nn.Parameter(both.detach()))

    def forward(self, input_ids: Tensor) -> Tensor:
        # four dimensions: what is added to the attention scores, as it is
        mask = torch.ones_like(input_ids) if self.masked else torch.zeros(1, 1, 1, 1)
        output: Tensor = self.head(self.encoder(input_ids=input_ids, attention_mask=mask)[0])
        return output


def to_onnx(model: ClauseModel, path: Path) -> None:
    """Write the network in fp32: input_ids (1, length) -> (1, length, 6 * n_labels).

    Attention is exported in its plain form: the fused one guards against rows that are
    masked throughout, which takes as long as a quarter of the network.
    """
    sample = torch.randint(8, model.encoder.config.vocab_size, (1, 24))
    attention = model.encoder.config._attn_implementation
    model.encoder.set_attn_implementation("eager")
    try:
        program = torch.onnx.export(
            _Exported(model).eval(),
            (sample,),
            input_names=["input_ids"],
            output_names=["outputs"],
            dynamic_shapes={"input_ids": {1: torch.export.Dim("length", min=2, max=512)}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    finally:
        model.encoder.set_attn_implementation(attention)
    assert program is not None
    program.save(str(path), external_data=False)


def to_int8(source: Path, path: Path) -> None:
    """Quantise weights to int8, a scale for each output channel.

    Seven bits of the eight are used (`reduce_range`): without them, products saturate
    on processors that lack VNNI instructions and the scores drift from machine to machine.
    """
    quantize_dynamic(
        source,
        path,
        op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
    )


def write(
    model: ClauseModel,
    tokenizer: Tokenizer,
    decisions: Decisions,
    out: Path,
    settings: Mapping[str, Any],
    data: Path,
) -> None:
    """Write model.onnx (int8), tokenizer.json and config.json to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        to_onnx(model, full)
        to_int8(full, out / "model.onnx.new")
    (out / "model.onnx.new").replace(out / "model.onnx")
    tokenizer.save(str(out / "tokenizer.json"))
    labels = list(corpus.codes().values())
    config = {
        "policyclf_format": FORMAT,
        "name": "policyclf-bilingual-6x384",
        "labels": labels,
        "max_tokens": settings["max_tokens"],
        "thresholds": {
            name: {
                "labels": dict(zip(labels, chosen.labels, strict=True)),
                "denied": dict(zip(labels, chosen.denied, strict=True)),
                "floor": chosen.floor,
            }
            for name, chosen in decisions.thresholds.items()
        },
        "calibration": {
            "temperature": decisions.temperature,
            "denied_temperature": decisions.denied_temperature,
        },
        "corpus_sha256": corpus.digest([data]),
        "training": dict(settings),
        "metrics": {"validation_calibration_error": decisions.calibration_error},
        "sha256": {
            name: hashlib.sha256((out / name).read_bytes()).hexdigest()
            for name in ("model.onnx", "tokenizer.json")
        },
    }
    _write_json(out / "config.json", config)


def score(folder: Path, splits: Mapping[str, Sequence[corpus.Policy]]) -> dict[str, Any]:
    """Micro-F1 of the folder on the validation and test policies, put into its config.json.

    Whole documents go through the library, with its own segmentation; a gold segment
    is compared with the clause that covers most of it.
    """
    classifier = policyclf.load(folder)
    figures: dict[str, Any] = {}
    for split in ("validation", "test"):
        for language in corpus.LANGUAGES:
            counts = [0, 0, 0]
            for policy in splits[split]:
                if policy.language == language:
                    for i, n in enumerate(_counts(classifier, policy)):
                        counts[i] += n
            hit, extra, missed = counts
            figures[f"{split}_{language}_micro_f1"] = round(2 * hit / max(1, 2 * hit + extra + missed), 4)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["metrics"] |= figures
    _write_json(folder / "config.json", config)
    return figures


def _counts(classifier: policyclf.Classifier, policy: corpus.Policy) -> tuple[int, int, int]:
    """Labels of `policy` that were found, wrongly given, and missed."""
    hit = extra = missed = 0
    clauses = classifier.classify(policy.text)
    for segment in policy.segments:
        if segment.kind == "heading":
            continue
        best = max(clauses, key=lambda c: min(c.end, segment.end) - max(c.start, segment.start))
        given = {label.value for label in best.labels}
        hit += len(given & set(segment.labels))
        extra += len(given - set(segment.labels))
        missed += len(set(segment.labels) - given)
    return hit, extra, missed


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)

"""Fine-tune the encoder on OPP-115 and hold it against published figures.

    python -m training.benchmark opp115 --data FOLDER [--encoder FOLDER] [--seeds 3]
        [--splits majority plue sentences] [--set epochs=12] [--json OUT]
    python -m training.benchmark opp115 --merge OUT OUT ...

The network is the released one, an encoder with label-wise attention over a segment's
tokens (training.model), but fine-tuned on OPP-115 alone, so that encoder and head are
compared with others on data that is not our own. A segment of `majority` and `plue` is
read by itself, up to the encoder's 512 tokens and in pieces beyond that; a sentence of
`sentences` in a window of its neighbours. Threshold and floor are chosen on the
validation split. Nothing that is trained here is kept.

Needs torch, transformers, tokenizers, safetensors and numpy; uses a GPU where torch
finds one. Runs of several processes are brought together by `--json` and `--merge`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from training import opp115_data
from training.opp115_data import Split
from training.opp115_finetune import Settings, train
from training.opp115_table import Run, figures, table

ROOT = Path(__file__).resolve().parent.parent


def options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--data", type=Path, help="folder with majority/, plue/ and sentences.jsonl")
    parser.add_argument("--encoder", type=Path, default=ROOT / "models" / "encoder")
    parser.add_argument(
        "--weights", type=Path, help="begin from the encoder inside this fine-tuned model.safetensors"
    )
    parser.add_argument("--splits", nargs="+", default=opp115_data.SPLITS, choices=opp115_data.SPLITS)
    parser.add_argument("--seeds", type=int, default=3, help="how many runs a split (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="change settings")
    parser.add_argument(
        "--tfidf", action="store_true", help="a TF-IDF baseline too (needs scikit-learn)"
    )
    parser.add_argument("--tune", action="store_true", help="print validation figures alone")
    parser.add_argument("--json", type=Path, help="write the runs' figures to this file")
    parser.add_argument("--merge", type=Path, nargs="+", help="print the table of such files; run nothing")


def changed(settings: Settings, changes: Sequence[str]) -> Settings:
    """Settings with some `NAME=VALUE` put in; ValueError at an unknown name or a wrong value."""
    types = {f.name: type(getattr(settings, f.name)) for f in dataclasses.fields(settings)}
    values: dict[str, float] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in types:
            raise ValueError(f"no setting {name!r}; there are {', '.join(types)}")
        values[name] = value.lower() in ("1", "true", "yes") if types[name] is bool else types[name](value)
    return replace(settings, **values)  # type: ignore[arg-type]


def main(given: argparse.Namespace) -> list[Run]:
    """Train every run that the command line asks for, and print the table."""
    runs: list[Run] = []
    if given.merge:
        for path in given.merge:
            runs += [Run(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    else:
        if given.data is None:
            raise SystemExit("--data FOLDER is needed: where majority/, plue/ and sentences.jsonl are")
        settings = changed(Settings(), given.set)
        for name in given.splits:
            split = opp115_data.read(name, given.data)
            print(split.describe(), flush=True)
            if given.tfidf:
                runs.append(tfidf(split))
            for seed in range(given.first_seed, given.first_seed + given.seeds):
                runs.append(run(split, given.encoder, given.weights, seed, settings))
                print(_log_line(runs[-1], test=not given.tune), flush=True)
                if given.json:
                    _write(given.json, runs)
    print(table(runs, asdict(Settings()), test=not given.tune))
    return runs


def run(split: Split, encoder: Path, weights: Path | None, seed: int, settings: Settings) -> Run:
    """Train one model and read the validation and test parts with it."""
    began = time.monotonic()
    reader = train(split, encoder, weights, seed, settings)
    parts = {"validation": split.validation, "test": split.test}
    return figures(
        split,
        {part: reader.probabilities(units) for part, units in parts.items()},
        seed=seed,
        encoder=encoder.resolve().name + (f" of {weights.resolve().parent.name}" if weights else ""),
        settings=asdict(settings),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        seconds=round(time.monotonic() - began, 1),
    )


def tfidf(split: Split) -> Run:
    """TF-IDF of words with logistic regression, on each passage alone.

    Near the published SVM, it shows that files and measure are theirs; for `sentences`,
    which has no published figures, it is what there is to compare with.
    """
    from training.baselines import Example, TfIdf

    began = time.monotonic()
    train_, validation, test = (
        [Example(p.text, "", "", p.labels) for unit in units for p in unit]
        for units in (split.train, split.validation, split.test)
    )
    baseline = TfIdf("en", context=False).fit(train_, validation, len(split.labels))
    return figures(
        split,
        {"validation": baseline.probabilities(validation), "test": baseline.probabilities(test)},
        seed=0,
        encoder=baseline.name,
        settings={},
        device="cpu",
        seconds=round(time.monotonic() - began, 1),
    )


def _log_line(run: Run, *, test: bool) -> str:
    line = f"{run.split} seed {run.seed}: validation {run.validation_micro:.4f} {run.validation_macro:.4f}"
    if test:
        line += f", test {run.micro:.4f} {run.macro:.4f}"
    return f"{line}, {run.seconds:.0f} s on {run.device}"


def _write(path: Path, runs: Sequence[Run]) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps([asdict(r) for r in runs]) + "\n", encoding="utf-8")
    temporary.replace(path)

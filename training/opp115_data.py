"""OPP-115 (Wilson et al., ACL 2016) as three published or derived splits, read from a folder.

- ``majority``: segments that two of three annotators agreed on, split at random, as most
  papers use it (Mousavi Nejad et al., IFIP SEC 2020; Srinath et al., ACL 2021). CSV of
  text and label, one row a label.
- ``plue``: segments split by policy (Chi et al., ACL 2023). JSON Lines.
- ``sentences``: sentences whose labels are derived from the annotators' marked spans; no
  published split, so policies are dealt out here by a hash of their names.

The corpus may be used for research and teaching only: nothing that is shipped is trained
on it, and the folder is the user's own.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPLITS = ("majority", "plue", "sentences")
# What a spreadsheet program left of a cell that it took for a formula.
DAMAGED = "#NAME?"
# Shares of the policies of `sentences`.
TRAIN_SHARE, VALIDATION_SHARE = 0.65, 0.15


@dataclass(frozen=True)
class Passage:
    """A segment or sentence, its labels, and labels that too few annotators gave it."""

    text: str
    labels: tuple[int, ...]
    doubtful: tuple[int, ...] = ()


# A policy's sentences in reading order, or one segment whose neighbours are not known.
Unit = list[Passage]


@dataclass(frozen=True)
class Split:
    """One way of cutting the corpus; `labels` are what Passage.labels are indices of."""

    name: str
    labels: tuple[str, ...]
    train: list[Unit]
    validation: list[Unit]
    test: list[Unit]
    damaged: int  # rows left out because their text is lost
    repeated: int  # test passages whose text stands in training too; kept, as published

    def describe(self) -> str:
        """One line: how many passages, and what is wrong with the files."""
        sizes = ", ".join(
            f"{sum(map(len, units))} {part}"
            for part, units in (("train", self.train), ("validation", self.validation), ("test", self.test))
        )
        return (
            f"{self.name}: {sizes} passages, {len(self.labels)} labels; "
            f"{self.damaged} damaged rows left out, {self.repeated} test texts stand in training too"
        )


def read(name: str, folder: Path) -> Split:
    """The split `name`, one of SPLITS, from the folder that holds the three.

    ValueError where `name` is unknown or a row cannot be read, naming file and line.
    """
    if name == "majority":
        parts, damaged = _majority(folder / "majority")
    elif name == "plue":
        parts, damaged = _plue(folder / "plue"), 0
    elif name == "sentences":
        return _sentences(folder / "sentences.jsonl")
    else:
        raise ValueError(f"{name!r} is none of the splits {', '.join(SPLITS)}")
    labels = sorted({label for rows in parts for _, given in rows for label in given})
    return _split(name, labels, [[[(text, given, ())] for text, given in rows] for rows in parts], damaged)


Row = tuple[str, Sequence[str]]  # text, names of its labels
Judged = tuple[str, Sequence[str], Sequence[str]]  # and of its doubtful labels


def _majority(folder: Path) -> tuple[list[list[Row]], int]:
    """Rows of equal text are one segment with several labels."""
    parts, damaged = [], 0
    for part in ("train", "validation", "test"):
        path = folder / f"{part}.csv"
        labels: dict[str, list[str]] = {}
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if len(row) != 2 or not row[1].strip():
                    raise ValueError(f"{path}, row {number}: not a text and a label")
                text, label = " ".join(row[0].split()), row[1].strip()
                if text == DAMAGED:
                    damaged += 1
                elif label not in labels.setdefault(text, []):
                    labels[text].append(label)
        parts.append(list(labels.items()))
    return [[(text, given) for text, given in rows] for rows in parts], damaged


def _plue(folder: Path) -> list[list[Row]]:
    return [
        [(" ".join(row["text"].split()), row["label"]) for row in _json_lines(folder / f"{part}.jsonl")]
        for part in ("train", "valid", "test")
    ]


def _sentences(path: Path) -> Split:
    """Sentences that two or more annotators gave a label bear it; those with none count too."""
    policies: dict[str, list[Judged]] = {}
    for row in _json_lines(path):
        doubtful = [label for label in row["any"] if label not in row["labels"]]
        policies.setdefault(row["policy"], []).append((row["text"], row["labels"], doubtful))
    names = sorted(policies, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    first = round(TRAIN_SHARE * len(names))
    second = round((TRAIN_SHARE + VALIDATION_SHARE) * len(names))
    parts = [[policies[n] for n in part] for part in (names[:first], names[first:second], names[second:])]
    labels = sorted({label for units in parts for unit in units for _, given, _ in unit for label in given})
    return _split("sentences", labels, parts, 0)


def _split(
    name: str, labels: Sequence[str], parts: Sequence[Sequence[Sequence[Judged]]], damaged: int
) -> Split:
    index = {label: i for i, label in enumerate(labels)}

    def numbers(given: Iterable[str]) -> tuple[int, ...]:
        return tuple(index[label] for label in given if label in index)

    train, validation, test = (
        [[Passage(text, numbers(given), numbers(rest)) for text, given, rest in unit] for unit in units]
        for units in parts
    )
    known = {passage.text for unit in train for passage in unit}
    repeated = sum(passage.text in known for unit in test for passage in unit)
    return Split(name, tuple(labels), train, validation, test, damaged, repeated)


def _json_lines(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from error
    return rows

"""The corpus as a Hugging Face data set: data/segments/SPLIT.parquet, one row a segment.

    python -m training.dataset

The policy files are the source; this writes what `datasets.load_dataset("data")` reads
(the dataset card, data/README.md, names the files). A test fails where they differ.
Needs the `train` extra.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from training import corpus

SEGMENTS = corpus.DATA / "segments"


def rows(policies: list[corpus.Policy]) -> list[dict[str, Any]]:
    """A row for each segment, headings among them, in reading order."""
    return [
        {
            "policy": f"{policy.language}/{policy.name}",
            "organisation": policy.organisation,
            "sector": policy.sector,
            "style": policy.style,
            "language": policy.language,
            "pair": policy.pair,
            "position": position,
            "kind": segment.kind,
            "text": segment.text,
            "start": segment.start,
            "end": segment.end,
            "labels": list(segment.labels),
            "denied": list(segment.denied),
            "hard_cases": list(segment.cases),
            "match": segment.match,
        }
        for policy in policies
        for position, segment in enumerate(policy.segments)
    ]


SCHEMA = pyarrow.schema(
    [
        ("policy", pyarrow.string()),
        ("organisation", pyarrow.string()),
        ("sector", pyarrow.string()),
        ("style", pyarrow.string()),
        ("language", pyarrow.string()),
        ("pair", pyarrow.string()),
        ("position", pyarrow.int32()),
        ("kind", pyarrow.string()),
        ("text", pyarrow.string()),
        ("start", pyarrow.int32()),
        ("end", pyarrow.int32()),
        ("labels", pyarrow.list_(pyarrow.string())),
        ("denied", pyarrow.list_(pyarrow.string())),
        ("hard_cases", pyarrow.list_(pyarrow.int32())),
        ("match", pyarrow.int32()),
    ]
)


def write(folder: Path = SEGMENTS) -> dict[str, int]:
    """Write a file for each split; returns how many segments each holds."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for split, policies in corpus.load_splits().items():
        table = pyarrow.Table.from_pylist(rows(policies), schema=SCHEMA)
        temporary = folder / f"{split}.parquet.new"
        pyarrow.parquet.write_table(table, temporary, compression="zstd")
        temporary.replace(folder / f"{split}.parquet")
        counts[split] = table.num_rows
    return counts


if __name__ == "__main__":
    print(json.dumps(write()))

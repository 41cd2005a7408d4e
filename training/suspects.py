"""Segments whose annotation the teachers doubt, for a person to look at again.

    python -m training.suspects [--work FOLDER] [--encoder FOLDER] [-o FOLDER]

Each training policy is judged by the one teacher that was not trained on it
(training.teachers): a label that it finds improbable, one that it finds probable and that
is not there, or a denial told otherwise. Most such places are hard, some are wrong
(confident learning: Northcutt et al., JAIR 2021). Prints a line each, most doubtful
policies first; a policy's own file with `-o`. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from training import corpus
from training.documents import documents
from training.finetune import ENCODER, ROOT
from training.fitting import Settings
from training.teachers import Opinion, folds, held_out_opinions, teach

IMPROBABLE, PROBABLE = 0.2, 0.6  # a label that stands, one that does not
SURE = 0.7  # of a denial, or of none


@dataclass(frozen=True)
class Suspect:
    """A segment, and what is said against its annotation."""

    segment: corpus.Segment
    objections: tuple[str, ...]


def suspects(policy: corpus.Policy, opinion: Opinion) -> Iterator[Suspect]:
    """The doubtful segments of a policy, headings left out, in reading order."""
    codes = {label: code for code, label in corpus.codes().items()}
    for segment, practice, denial in zip(policy.segments, *opinion, strict=True):
        if segment.kind == "heading":
            continue
        found = []
        for label, p, denied in zip(codes, practice, denial, strict=True):
            stands = label in segment.labels
            if stands and p < IMPROBABLE:
                found.append(f"doubts {codes[label]} ({p:.2f})")
            elif not stands and p > PROBABLE:
                found.append(f"would add {codes[label]} ({p:.2f})")
            elif stands and label not in segment.denied and denied > SURE:
                found.append(f"denies {codes[label]} ({denied:.2f})")
            elif label in segment.denied and denied < 1 - SURE:
                found.append(f"affirms {codes[label]} ({denied:.2f})")
        if found:
            yield Suspect(segment, tuple(found))


def report(policy: corpus.Policy, found: list[Suspect]) -> list[str]:
    """A line for the policy and one for each of its suspects."""
    body = sum(s.kind != "heading" for s in policy.segments)
    lines = [f"# {policy.language}/{policy.name}: {len(found)} doubtful of {body}"]
    codes = {label: code for code, label in corpus.codes().items()}
    for suspect in found:
        s = suspect.segment
        tags = " ".join(codes[x] + "!" * (x in s.denied) for x in s.labels) or "-"
        lines.append(f"{policy.path}:{s.line}: [{tags}] {'; '.join(suspect.objections)}: {s.text}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "finetune", help="keeps the teachers")
    parser.add_argument("--encoder", type=Path, default=ENCODER)
    parser.add_argument("-o", "--out", type=Path, help="folder for a file a policy")
    options = parser.parse_args()
    settings = Settings()
    tokenizer = Tokenizer.from_file(str(options.encoder / "tokenizer.json"))
    policies = corpus.load_splits()["train"]
    docs = documents(policies, tokenizer)
    fold = folds(policies, settings.folds)
    teachers = teach(docs, fold, tokenizer, options.encoder, settings, options.work)
    opinions = held_out_opinions(teachers, docs, fold, tokenizer, settings)
    found = [(p, list(suspects(p, o))) for p, o in zip(policies, opinions, strict=True)]
    found.sort(key=lambda row: -len(row[1]) / len(row[0].segments))
    for policy, mine in found:
        lines = report(policy, mine)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            path = options.out / f"{policy.language}-{policy.name}.txt"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            print("\n".join(lines))


if __name__ == "__main__":
    main()

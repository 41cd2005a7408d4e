"""The corpus: one text file a policy, annotated in place; reading and checking it.

A policy file is a TOML header between ``+++`` lines, then the document itself with
a tag after every segment::

    +++
    organisation = "Brackwater Ferries"
    sector = "travel"
    style = "uk-plain"
    language = "en"
    written = 2026
    +++
    Privacy notice [[heading]]

    We sell tickets, not data. [[third!]] We keep bookings for two years: [[retention]]

    - your name [[item retention]]

A tag is ``[[KIND CODE CODE!]]``. KIND is ``item`` (a list item) or ``heading``;
without it the segment is a sentence. CODE is a label's code from data/labels.toml;
``!`` says that the segment denies the practice; ``-`` stands for no label. ``#N`` marks
an instance of a hard case of data/guidelines.md. In a policy published in both
languages ``=N`` joins segments that translate one another: those of either file that
bear the same number (one to one, two to one; none where one language stands alone).
Taking every tag away, with the one space before it, gives the document, character for
character; a segment is what stands between two tags, less the white space around it.

    python -m training.corpus check [--json] [--against FOLDER] [PATH ...]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import sys
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "data"
LANGUAGES = ("en", "ja")
SPLITS = ("train", "validation", "test")
KINDS = {"item": "list_item", "heading": "heading"}
HEADER = {"organisation": str, "sector": str, "style": str, "language": str, "written": int}
OPTIONAL = {"pair": str}
TAG = re.compile(r"( ?)\[\[([^\[\]\n]*)\]\]")
FENCE = "+++"

# Shares over which the corpus is too repetitive, and the length under which a
# repeated segment ("Your name") says nothing.
NEAR_COPY_LIMIT = 0.05
NEAR_COPY_JACCARD = 0.8
NEAR_COPY_MINIMUM = {"en": 40, "ja": 20}  # characters
HARD_CASES = 24  # of the annotation guidelines

# What the corpus holds at least, in each language where nothing else is said.
MINIMUM_POLICIES = 80
MINIMUM_SEGMENTS = 10_000  # both languages together, headings not counted
MINIMUM_SHARE = 0.45  # of a language, of all segments
MINIMUM_PAIRS = 30
MINIMUM_LABEL = 250
MINIMUM_DO_NOT_TRACK = {"en": 120, "ja": 60}
MINIMUM_UNLABELLED = 400
MINIMUM_DENIED = 400
MINIMUM_HARD_CASE = 20
MINIMUM_SEVERAL = 0.15  # share of segments with two labels or more
SHARED_RUN = {"en": 8, "ja": 20}  # words, characters


@dataclass(frozen=True)
class Segment:
    """One annotated segment; ``text == policy.text[start:end]``."""

    kind: str
    text: str
    labels: tuple[str, ...]
    denied: tuple[str, ...]
    start: int
    end: int
    line: int  # of the policy file, from 1
    match: int | None = None  # joins segments of a pair of policies
    cases: tuple[int, ...] = ()  # hard cases of the guidelines that it is an instance of


@dataclass(frozen=True)
class Policy:
    """One annotated document and what its header says."""

    path: Path
    organisation: str
    sector: str
    style: str
    language: str
    pair: str | None
    text: str
    segments: tuple[Segment, ...]

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


@dataclass(frozen=True)
class Fault:
    """Something wrong at a place in a policy file."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def codes() -> dict[str, str]:
    """Label ids by the code that stands in the corpus files, in the scheme's order."""
    with (DATA / "labels.toml").open("rb") as file:
        return {label["code"]: label["id"] for label in tomllib.load(file)["label"]}


def paths(places: Sequence[Path] = ()) -> list[Path]:
    """Policy files in `places` (files or folders), by default all of data/policies."""
    found: list[Path] = []
    for place in places or (DATA / "policies",):
        found += sorted(place.rglob("*.txt")) if place.is_dir() else [place]
    return found


def load(places: Sequence[Path] = ()) -> list[Policy]:
    """Every policy of the corpus.

    Raises ValueError, naming file and line, at the first fault.
    """
    policies = []
    for path in paths(places):
        policy, faults = read(path)
        if policy is None or faults:
            raise ValueError(str(faults[0]))
        policies.append(policy)
    return policies


def load_splits(places: Sequence[Path] = ()) -> dict[str, list[Policy]]:
    """The policies of each split named in data/splits.json.

    Raises ValueError where a policy stands in no split.
    """
    named = {
        name: split
        for split, names in json.loads((DATA / "splits.json").read_text(encoding="utf-8")).items()
        for name in names
    }
    splits: dict[str, list[Policy]] = {split: [] for split in SPLITS}
    for policy in load(places):
        key = f"{policy.language}/{policy.name}"
        if key not in named:
            raise ValueError(f"{policy.path} stands in no split of {DATA / 'splits.json'}")
        splits[named[key]].append(policy)
    return splits


def digest(places: Sequence[Path] = ()) -> str:
    """SHA-256 over the names and contents of the policy files: which corpus this is."""
    whole = hashlib.sha256()
    for path in paths(places):
        whole.update(f"{path.parent.name}/{path.name}\n".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def read(path: Path) -> tuple[Policy | None, list[Fault]]:
    """One policy file and its faults; no policy where the header cannot be read."""
    try:
        source = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [Fault(path, 1, f"cannot be read as UTF-8: {error}")]
    faults: list[Fault] = []
    header, body, first_line = _split_header(path, source, faults)
    if header is None:
        return None, faults
    text, segments = _parse_body(path, body, first_line, faults)
    policy = Policy(
        path=path,
        organisation=str(header["organisation"]),
        sector=str(header["sector"]),
        style=str(header["style"]),
        language=str(header["language"]),
        pair=str(header["pair"]) if "pair" in header else None,
        text=text,
        segments=tuple(segments),
    )
    return policy, faults


def _split_header(
    path: Path, source: str, faults: list[Fault]
) -> tuple[dict[str, object] | None, str, int]:
    fence = f"{FENCE}\n"
    end = source.find(f"\n{fence}")
    if not source.startswith(fence) or end < 0:
        faults.append(Fault(path, 1, f"no header: the file begins with TOML between {FENCE} lines"))
        return None, "", 1
    try:
        header = tomllib.loads(source[len(fence) : end + 1])
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(path, 1, f"header: {error}"))
        return None, "", 1
    before = len(faults)
    for key, type_ in HEADER.items():
        if not isinstance(header.get(key), type_):
            faults.append(Fault(path, 1, f"header: {key} is missing or not of type {type_.__name__}"))
    for key in header.keys() - HEADER.keys() - OPTIONAL.keys():
        faults.append(Fault(path, 1, f"header: unknown key {key!r}"))
    language = header.get("language")
    if language not in LANGUAGES:
        faults.append(Fault(path, 1, f"header: language is {language!r}, not one of {LANGUAGES}"))
    elif path.parent.name in LANGUAGES and path.parent.name != language:
        faults.append(Fault(path, 1, f"header: language is {language!r} in folder {path.parent.name}"))
    body_at = end + 1 + len(fence)
    if len(faults) > before:
        return None, "", 1
    return header, source[body_at:], source.count("\n", 0, body_at) + 1


def _parse_body(
    path: Path, body: str, first_line: int, faults: list[Fault]
) -> tuple[str, list[Segment]]:
    known = codes()
    pieces: list[str] = []
    segments: list[Segment] = []
    at = 0  # in the body, with tags
    length = 0  # of the document so far, without tags
    for tag in TAG.finditer(body):
        piece = body[at : tag.start()]
        line = first_line + body.count("\n", 0, tag.start())
        if not tag[1]:
            faults.append(Fault(path, line, f"no space before {tag[0]}"))
        kind, labels, denied, match, cases, wrong = _parse_tag(tag[2], known)
        faults += [Fault(path, line, f"{tag[0].strip()}: {message}") for message in wrong]
        stripped = piece.strip()
        if not stripped:
            faults.append(Fault(path, line, f"no text before {tag[0].strip()}"))
        else:
            start = length + piece.index(stripped)
            segments.append(
                Segment(kind, stripped, labels, denied, start, start + len(stripped), line, match, cases)
            )
        pieces.append(piece)
        length += len(piece)
        at = tag.end()
    rest = body[at:]
    line = first_line + body.count("\n", 0, at)
    if rest.strip():
        faults.append(Fault(path, line, f"text without a tag: {rest.strip()[:60]!r}"))
    pieces.append(rest)
    if not segments:
        faults.append(Fault(path, first_line, "no segments"))
    text = "".join(pieces)
    if "[[" in text or "]]" in text:
        mark = min(i for i in (body.find("[["), body.find("]]")) if i >= 0)
        where = first_line + body.count("\n", 0, mark)
        faults.append(Fault(path, where, "a tag is malformed: [[ or ]] is left in the document"))
    return text, segments


def _parse_tag(
    tag: str, known: dict[str, str]
) -> tuple[str, tuple[str, ...], tuple[str, ...], int | None, tuple[int, ...], list[str]]:
    words = tag.split()
    wrong: list[str] = []
    match = None
    if words and re.fullmatch(r"=[1-9][0-9]*", words[-1]):
        match = int(words.pop()[1:])
    numbers: list[int] = []
    while words and re.fullmatch(r"#[0-9]+", words[-1]):
        numbers.append(int(words.pop()[1:]))
    cases = tuple(sorted(numbers))
    if any(n not in range(1, HARD_CASES + 1) for n in cases):
        wrong.append(f"hard cases are numbered 1 to {HARD_CASES}")
    kind = KINDS[words.pop(0)] if words and words[0] in KINDS else "sentence"
    labels: list[str] = []
    denied: list[str] = []
    if kind == "heading":
        if words:
            wrong.append("a heading bears no labels")
        return kind, (), (), match, cases, wrong
    if not words:
        wrong.append("no label; write - for none")
    for word in words if words != ["-"] else []:
        label = known.get(word.removesuffix("!"))
        if label is None:
            wrong.append(f"unknown label {word!r}; known are {', '.join(known)}")
        elif label in labels:
            wrong.append(f"label {word!r} twice")
        else:
            labels.append(label)
            if word.endswith("!"):
                denied.append(label)
    return kind, tuple(labels), tuple(denied), match, cases, wrong


def check(places: Sequence[Path] = ()) -> tuple[list[Policy], list[Fault]]:
    """All policies that can be read, and every fault in and between them."""
    policies: list[Policy] = []
    faults: list[Fault] = []
    for path in paths(places):
        policy, wrong = read(path)
        faults += wrong
        if policy is not None:
            policies.append(policy)
    faults += _inconsistent(policies)
    faults += _unmatched(policies)
    if not places:
        faults += _unsplit(policies)
        faults += _too_few(figures(policies))
    copies = near_copies(policies)
    segments = sum(1 for policy in policies for _ in _body(policy))
    if segments and len(copies) / segments > NEAR_COPY_LIMIT:
        faults += [
            Fault(a.path, s.line, f"nearly the same as {b.path}:{t.line}") for a, s, b, t in copies
        ]
    return policies, faults


def _body(policy: Policy) -> Iterator[Segment]:
    return (s for s in policy.segments if s.kind != "heading")


def normal(text: str) -> str:
    """`text` for comparison: NFKC, case-folded, letters and digits only, single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", folded).split())


def _inconsistent(policies: Iterable[Policy]) -> list[Fault]:
    """The same words under the same heading and of the same kind, labelled differently."""
    seen: dict[tuple[str, str, str], tuple[Policy, Segment]] = {}
    faults = []
    for policy in policies:
        heading = ""
        for segment in policy.segments:
            if segment.kind == "heading":
                heading = normal(segment.text)
                continue
            key = (normal(segment.text), segment.kind, heading)
            before, other = seen.setdefault(key, (policy, segment))
            if len(key[0]) >= 8 and (
                set(other.labels) != set(segment.labels) or set(other.denied) != set(segment.denied)
            ):
                message = f"labelled differently at {before.path}:{other.line}: {segment.text[:50]!r}"
                faults.append(Fault(policy.path, segment.line, message))
    return faults


def _too_few(counts: Mapping[str, Any]) -> list[Fault]:
    """Counts of the whole corpus that fall short of the minimums above."""
    short: list[str] = []

    def at_least(what: str, found: float, minimum: float) -> None:
        if found < minimum:
            short.append(f"{what}: {found:g}, at least {minimum:g} wanted")

    total = sum(counts[language]["segments"] for language in LANGUAGES)
    at_least("segments", total, MINIMUM_SEGMENTS)
    at_least("pairs of policies", counts["pairs"], MINIMUM_PAIRS)
    for language in LANGUAGES:
        mine = counts[language]
        at_least(f"{language}: policies", mine["policies"], MINIMUM_POLICIES)
        at_least(f"{language}: share of segments", mine["segments"] / max(1, total), MINIMUM_SHARE)
        several = mine["several_labels"] / max(1, mine["segments"])
        at_least(f"{language}: share with several labels", several, MINIMUM_SEVERAL)
        for label, n in mine["labels"].items():
            minimum = MINIMUM_LABEL
            if label == "none":
                minimum = MINIMUM_UNLABELLED
            elif label == "do_not_track":
                minimum = MINIMUM_DO_NOT_TRACK[language]
            at_least(f"{language}: {label}", n, minimum)
        at_least(f"{language}: segments with a denial", mine["with_denied"], MINIMUM_DENIED)
        for number, n in mine["hard_cases"].items():
            at_least(f"{language}: hard case {number}", n, MINIMUM_HARD_CASE)
    return [Fault(DATA / "policies", 0, message) for message in short]


def _unsplit(policies: Sequence[Policy]) -> list[Fault]:
    """Policies in no split or in several, names without a policy, organisations torn apart."""
    path = DATA / "splits.json"
    splits: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    faults = []
    if tuple(splits) != SPLITS:
        faults.append(Fault(path, 1, f"the splits are {', '.join(splits)}, not {', '.join(SPLITS)}"))
    where: dict[str, list[str]] = defaultdict(list)
    for split, names in splits.items():
        for name in names:
            where[name].append(split)
    by_owner: dict[str, set[str]] = defaultdict(set)
    for policy in policies:
        found = where.pop(f"{policy.language}/{policy.name}", [])
        if len(found) != 1:
            faults.append(Fault(policy.path, 1, f"stands in {len(found)} splits of {path}, not one"))
        by_owner[policy.pair or policy.organisation].update(found)
    faults += [Fault(path, 1, f"{name!r} is no policy of the corpus") for name in where]
    faults += [
        Fault(path, 1, f"{owner!r} stands in several splits: {', '.join(sorted(found))}")
        for owner, found in by_owner.items()
        if len(found) > 1
    ]
    return faults


def _unmatched(policies: Sequence[Policy]) -> list[Fault]:
    """Pairs that are not one policy in each language, and matches without a counterpart."""
    pairs: dict[str, list[Policy]] = defaultdict(list)
    faults = []
    for policy in policies:
        if policy.pair is not None:
            pairs[policy.pair].append(policy)
        else:
            faults += [
                Fault(policy.path, s.line, f"={s.match} in a policy without `pair`")
                for s in policy.segments
                if s.match is not None
            ]
    for name, members in pairs.items():
        if sorted(p.language for p in members) != sorted(LANGUAGES):
            found = ", ".join(f"{p.path.parent.name}/{p.name}" for p in members)
            faults.append(Fault(members[0].path, 1, f"pair {name!r} is {found}, not one in each"))
            continue
        for mine, other in (members, members[::-1]):
            theirs = {s.match for s in other.segments}
            faults += [
                Fault(mine.path, s.line, f"={s.match} has no counterpart in {other.path}")
                for s in mine.segments
                if s.match is not None and s.match not in theirs
            ]
    return faults


def _shingles(text: str, size: int = 5) -> set[str]:
    return {text[i : i + size] for i in range(max(1, len(text) - size + 1))}


def near_copies(policies: Sequence[Policy]) -> list[tuple[Policy, Segment, Policy, Segment]]:
    """Segments whose 5-character shingles nearly equal (Jaccard) an earlier policy's segment's.

    A pair of policies (the same document in two languages) cannot meet here: the
    languages are compared each with itself. Short segments are passed over. Two sets that
    are so alike share one of their rarest shingles at least, so that only these are looked
    up (prefix filtering: Chaudhuri, Ganti and Kaushik, ICDE 2006).
    """
    items: list[tuple[Policy, Segment, set[str]]] = []
    for policy in policies:
        for segment in _body(policy):
            text = normal(segment.text)
            if len(text) >= NEAR_COPY_MINIMUM[policy.language]:
                items.append((policy, segment, _shingles(policy.language + text)))
    often = Counter(s for _, _, shingles in items for s in shingles)
    found = []
    index: dict[str, list[int]] = defaultdict(list)
    for number, (policy, segment, shingles) in enumerate(items):
        rarest = sorted(shingles, key=lambda s: (often[s], s))
        rarest = rarest[: len(rarest) - math.ceil(NEAR_COPY_JACCARD * len(rarest)) + 1]
        for i in sorted({i for s in rarest for i in index[s]}):
            other_policy, other, theirs = items[i]
            common = len(shingles & theirs)
            if other_policy is not policy and common >= NEAR_COPY_JACCARD * len(shingles | theirs):
                found.append((policy, segment, other_policy, other))
                break
        for s in rarest:
            index[s].append(number)
    return found


def shared_runs(policies: Sequence[Policy], folder: Path) -> list[Fault]:
    """Runs of 8 English words or 20 Japanese characters that also stand in `folder`'s texts.

    A development check against real policies: set phrases are found too, and a
    person tells which those are.
    """
    runs: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for path in sorted(folder.rglob("*.txt")):
        text = normal(path.read_text(encoding="utf-8", errors="replace"))
        for language in LANGUAGES:
            runs[language].update(run for run in _runs(text, language))
    faults = []
    for policy in policies:
        for segment in _body(policy):
            for run in _runs(normal(segment.text), policy.language):
                if run in runs[policy.language]:
                    faults.append(Fault(policy.path, segment.line, f"shared with {folder}: {run}"))
                    break
    return faults


def _runs(text: str, language: str) -> Iterator[str]:
    size = SHARED_RUN[language]
    if language == "ja":
        units: Sequence[str] = text.replace(" ", "")
        joint = ""
    else:
        units, joint = text.split(), " "
    for i in range(len(units) - size + 1):
        run = joint.join(units[i : i + size])
        if language == "en" or not run.isascii():
            yield run


def figures(policies: Sequence[Policy]) -> dict[str, Any]:
    """Counts for the table and for programs: policies, segments, labels, denials by language."""
    result: dict[str, Any] = {}
    for language in LANGUAGES:
        mine = [p for p in policies if p.language == language]
        body = [s for p in mine for s in _body(p)]
        result[language] = {
            "policies": len(mine),
            "organisations": len({p.organisation for p in mine}),
            "segments": len(body),
            "headings": sum(s.kind == "heading" for p in mine for s in p.segments),
            "list_items": sum(s.kind == "list_item" for s in body),
            "several_labels": sum(len(s.labels) > 1 for s in body),
            "with_denied": sum(bool(s.denied) for s in body),
            "labels": {
                label: sum(label in s.labels for s in body) for label in codes().values()
            }
            | {"none": sum(not s.labels for s in body)},
            "denied": {label: sum(label in s.denied for s in body) for label in codes().values()},
            "hard_cases": {
                str(n): sum(n in s.cases for s in body) for n in range(1, HARD_CASES + 1)
            },
        }
    body_count = sum(1 for p in policies for _ in _body(p))
    result["pairs"] = len({p.pair for p in policies if p.pair is not None})
    copies = len(near_copies(policies))
    result["near_copies"] = {"segments": copies, "share": copies / body_count if body_count else 0.0}
    return result


def _table(counts: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [("", *LANGUAGES)]
    by = [counts[language] for language in LANGUAGES]
    for key in by[0]:
        values = [b[key] for b in by]
        if isinstance(values[0], dict):
            rows.append((key, "", ""))
            rows += [(f"  {k}", *(str(v[k]) for v in values)) for k in values[0]]
        else:
            rows.append((key, *(str(v) for v in values)))
    lines = [f"{a:<36}{b:>8}{c:>8}" for a, b, c in rows]
    lines.append(f"pairs of policies: {counts['pairs']}")
    copies = counts["near_copies"]
    lines.append(f"near-copies in other policies: {copies['segments']} ({copies['share']:.1%})")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.corpus", description="Check the corpus and count what is in it."
    )
    parser.add_argument("command", choices=["check"])
    parser.add_argument("places", nargs="*", type=Path, help="files or folders (default: data/policies)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="report runs of words shared with texts there"
    )
    options = parser.parse_intermixed_args(arguments)
    missing = [place for place in options.places if not place.exists()]
    if missing:
        parser.error(f"no such file or folder: {missing[0]}")
    policies, faults = check(options.places)
    counts = figures(policies)
    if options.json:
        print(json.dumps(counts | {"faults": [str(f) for f in faults]}, ensure_ascii=False, indent=1))
    else:
        print(_table(counts))
    for fault in faults:
        print(fault, file=sys.stderr)
    if options.against:
        for fault in shared_runs(policies, options.against):
            print(f"note: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

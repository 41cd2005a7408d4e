"""What stands around the policy: the table of practices, the strip, figures and legend."""

from __future__ import annotations

from collections.abc import Sequence

from policyclf.practices import Practice
from policyclf.report.documents import Entry
from policyclf.report.escaping import attribute, visible
from policyclf.report.interface import SHORT, both, pair
from policyclf.report.markup import tag

__all__ = ["facts", "legend", "strip", "strip_head", "table"]

TICK = 4.0  # thousandths of the strip that the shortest clause takes
EXCERPT = 90  # characters of a clause that a tick's name gives


def table(found: Sequence[Sequence[Entry]], names: Sequence[str]) -> str:
    """Practices in rows; what each document states and denies, or that it does neither."""
    single = len(found) == 1
    heads = [both("stated"), both("denied")] if single else [f"<bdi>{visible(name)}</bdi>" for name in names]
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    body = []
    for number, practice in enumerate(Practice):
        counts = [_counts(entries, number) for entries in found]
        if single:
            stated, denied = counts[0]
            cells = (
                f"<td>{stated or '–'}</td><td>{denied or '–'}</td>"
                if stated or denied
                else f'<td colspan="2" class="missing">{both("missing")}</td>'
            )
        else:
            cells = "".join(_cell(*count) for count in counts)
        kinds = {(stated > 0, denied > 0) for stated, denied in counts}
        differs = len(kinds) > 1
        note = f'<span class="differs">≠ {both("differs")}</span>' if differs else ""
        short = SHORT[practice]
        names_of = pair(*short)
        full = pair(_unless(practice.name_in("en"), short[0]), _unless(practice.name_in("ja"), short[1]))
        body.append(
            f'<tr class="{"" if any(any(c) for c in counts) else "absent"}"><th scope="row">'
            f'<button type="button" class="filter p{number}" data-p="{number}" aria-pressed="false">'
            f'<span class="swatch"></span><span class="names"><b>{names_of}</b>'
            f"<small>{full}</small></span></button>{note}</th>{cells}</tr>"
        )
    return (
        f'<table class="practices"><caption class="sr">{both("caption")}</caption>'
        f'<thead><tr><th scope="col"><span class="sr">{both("practice")}</span></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _counts(entries: Sequence[Entry], number: int) -> tuple[int, int]:
    """How many clauses state a practice, and how many deny it."""
    of = [e for e in entries if number in e.practices]
    denied = sum(number in e.denied for e in of)
    return len(of) - denied, denied


def _cell(stated: int, denied: int) -> str:
    if not stated and not denied:
        return f'<td class="missing">{both("missing")}</td>'
    parts = [f'<span class="count">{both("count_stated", stated)}</span>'] if stated else []
    parts += [f'<span class="count no">{both("count_denied", denied)}</span>'] if denied else []
    return f"<td>{' '.join(parts)}</td>"


def facts(found: Sequence[Sequence[Entry]], names: Sequence[str], by: str | None) -> str:
    """The line under the title."""
    parts = []
    for entries, name in zip(found, names, strict=True):
        label = f"<bdi>{visible(name)}</bdi> " if len(found) > 1 else ""
        parts.append(f"{label}{both('count', sum(e.number > 0 for e in entries))}")
    if len(found) == 1:
        counts = [_counts(found[0], number) for number in range(len(Practice))]
        parts.append(both("practices_stated", sum(stated > 0 for stated, _ in counts)))
        parts.append(both("practices_denied", sum(denied > 0 for _, denied in counts)))
        parts.append(both("practices_missing", sum(count == (0, 0) for count in counts)))
    if by:
        for entries, name in zip(found, names, strict=True):
            parts.append(both("only_in", sum(e.status == "only" for e in entries), name))
        if by == "words":
            parts.append(both("count_changed", sum(e.status == "changed" for e in found[0])))
        parts.append(both(f"by_{by}"))
    return "".join(f"<span>{part}</span>" for part in parts)


def legend(comparing: bool) -> str:
    """How to read the marks."""
    example = Practice.DATA_RETENTION
    number = list(Practice).index(example)
    rows = [
        (f'<bdi class="c p{number}">{pair("text", "本文")}</bdi> {tag(example)}', "legend_colour"),
        (f'<bdi class="c no p{number}">{pair("text", "本文")}</bdi> {tag(example, True)}', "legend_denied"),
        (f'<u class="e{number}">{pair("words", "語句")}</u>', "legend_evidence"),
        ('<span class="hid">U+202E</span>', "legend_hidden"),
    ]
    if comparing:
        rows.append((f'<mark class="diff">{pair("words", "語句")}</mark>', "legend_differs"))
    terms = "".join(f"<div><dt>{mark}</dt><dd>{both(key)}</dd></div>" for mark, key in rows)
    return f'<dl>{terms}</dl><p class="keys">{both("keys")}</p>'


def strip_head() -> str:
    """The practices' words over the strip's columns."""
    return "".join(f"<span>{pair(*SHORT[practice])}</span>" for practice in Practice)


def strip(found: Sequence[Sequence[Entry]], names: Sequence[str], language: str) -> str:
    """A column for each practice, a tick for each of its clauses, from top to bottom.

    Two documents side by side share a column: the left one's ticks stand in its left half.
    Places are attributes of the drawing, since the page allows no style of an element's own.
    """
    halves = 2 if len(found) == 2 else 1
    width = 0.8 / halves
    columns = []
    for number, practice in enumerate(Practice):
        called = practice.name_in("ja" if language == "ja" else "en")
        ticks = []
        for entries, name, x in _halves(found, names, number + 0.1, width, halves):
            of = f"{name}: " if len(found) > 1 and name else ""
            for entry in entries:
                if number not in entry.practices:
                    continue
                excerpt = " ".join(entry.clause.text.split())[:EXCERPT]
                ticks.append(
                    f'<a href="#{entry.key}" class="p{number}{" no" if number in entry.denied else ""}" '
                    f'data-c="{entry.key}" data-p="{number}" tabindex="-1" '
                    f'aria-label="{attribute(f"{of}{called}: {excerpt}")}">{_rectangle(entry, x, width)}</a>'
                )
        columns.append(f'<g data-p="{number}">{"".join(ticks)}</g>')
    lines = "".join(f'<line x1="{x}" x2="{x}" y1="0" y2="1000"/>' for x in range(1, len(Practice)))
    differences = "".join(
        _rectangle(entry, x, width, "mark-only")
        for entries, _, x in _halves(found, names, len(Practice) + 0.2, width, halves)
        for entry in entries
        if entry.status == "only"
    )
    return (
        '<svg class="strip" viewBox="0 0 13 1000" preserveAspectRatio="none" role="group">'
        f'<rect class="ground" x="0" y="0" width="12" height="1000"/>{lines}'
        f'<rect class="view" x="0" y="0" width="12" height="0"/>{"".join(columns)}{differences}</svg>'
    )


def _halves(
    found: Sequence[Sequence[Entry]], names: Sequence[str], x: float, width: float, halves: int
) -> list[tuple[Sequence[Entry], str, float]]:
    """Each document's clauses, its name, and where its ticks stand."""
    return [
        (entries, name, x + width * (i % halves))
        for i, (entries, name) in enumerate(zip(found, names, strict=True))
    ]


def _rectangle(entry: Entry, x: float, width: float, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return (
        f'<rect{named} x="{x:.2f}" y="{entry.top:.1f}" width="{width:.2f}" '
        f'height="{max(entry.height, TICK):.1f}"/>'
    )


def _unless(text: str, same: str) -> str:
    return "" if text == same else text

"""Which parts of a web page are furniture, told once the whole page is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from policyclf import wording
from policyclf.blocks import Furniture
from policyclf.document import Part
from policyclf.markup import Element
from policyclf.regions import Region
from policyclf.wrapping import columns

__all__ = ["Origin", "furnished"]

_CONTENTS = re.compile(
    r"(?:table of )?contents|on this page|(?:jump|skip) to|quick links|目次|もくじ", re.IGNORECASE
)
_JUMP = re.compile(
    r"\W*(?:skip|jump|back|return|go) to .{1,40}|\W*(?:to )?top\W*"
    r"|.{0,12}(?:トップ|先頭|上|本文|コンテンツ).{0,4}(?:戻る|へ|スキップ|移動).{0,4}",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Origin:
    """Where on the page a part comes from."""

    regions: tuple[Region, ...]  # that it stands in, outermost first
    link: str  # "here" where all of it links into the page itself, "elsewhere", or ""
    button: bool  # all of it is on buttons
    listing: Element | None  # the outermost list that it stands in


def furnished(parts: Sequence[Part], origins: Sequence[Origin]) -> list[Part]:
    """`parts` without the hidden ones, page furniture marked as such.

    A page that shows nothing but what is hidden (all of it in noscript) keeps that.
    """
    _measure(parts, origins)
    prose = sum(_prose(p, o) for p, o in zip(parts, origins, strict=True) if not _sure(o))
    unseen = [any(r.name == "hidden" and r.holds(prose) for r in o.regions) for o in origins]
    if all(unseen):
        unseen = [False] * len(parts)
    for part, origin in zip(parts, origins, strict=True):
        part.furniture = _furniture(origin, prose)
    _contents(parts, origins)
    kept = {i: n for n, i in enumerate(i for i in range(len(parts)) if not unseen[i])}
    return [
        replace(parts[i], lead=None if parts[i].lead is None else kept.get(parts[i].lead or 0)) for i in kept
    ]


def _measure(parts: Sequence[Part], origins: Sequence[Origin]) -> None:
    for part, origin in zip(parts, origins, strict=True):
        for region in origin.regions:
            region.columns += columns(part.text)
            region.prose += _prose(part, origin)


def _prose(part: Part, origin: Origin) -> int:
    """Columns of a part that is a sentence or more, and no link."""
    text = part.text
    sentence = wording.is_ended(text) or wording.is_clause(text) or wording.holds_sentence(text)
    return columns(text) if sentence and not origin.link and not origin.button else 0


def _sure(origin: Origin) -> bool:
    return any(region.sure for region in origin.regions)


def _furniture(origin: Origin, prose: int) -> Furniture | None:
    """What a part is for, by the innermost of its regions that is what it says it is."""
    for region in reversed(origin.regions):
        if region.name != "hidden" and region.holds(prose):
            return region.name
    return "button" if origin.button else None


def _contents(parts: Sequence[Part], origins: Sequence[Origin]) -> None:
    """Mark tables of contents, and links to the page's top or its main text."""
    listings: dict[Element, list[int]] = {}
    for i, origin in enumerate(origins):
        if origin.listing is not None:
            listings.setdefault(origin.listing, []).append(i)
        if origin.link == "here" and _JUMP.fullmatch(parts[i].text):
            parts[i].furniture = parts[i].furniture or "navigation"
    for members in listings.values():
        if len(members) < 2 or any(origins[i].link != "here" for i in members):
            continue
        above = members[0] - 1
        if above >= 0 and _CONTENTS.fullmatch(parts[above].text.strip(" :：")):
            members.append(above)
        for i in members:
            parts[i].furniture = parts[i].furniture or "navigation"

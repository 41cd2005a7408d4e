"""What each block is: heading, paragraph, list item or table row, told by its neighbours.

Marks decide where they stand. An unmarked line without a full stop may be a title, an
item of a list whose bullets were lost, or a line of an address; there the blocks before
and after it decide. A heading bears no labels, so doubtful lines are no headings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from policyclf import wording
from policyclf.lines import JAPANESE, Line, Mark, is_row, is_rule

__all__ = ["Draft", "Kind", "drafted", "is_header", "kinds"]

Kind = Literal["heading", "paragraph", "list_item", "table_row"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A group of lines and what can be seen of it alone."""

    start: int
    end: int
    text: str  # lines joined by "\n"
    indent: int
    blanks: int
    mark: Mark | None
    japanese: bool
    row: bool
    titled: bool  # Markdown says that it is a heading
    ended: bool  # by a full stop, a question mark, a colon, …
    colon: bool
    phrase: bool  # could be a title by its length and its words
    style: str  # the same for the items of one list


def drafted(group: Sequence[Line]) -> Draft:
    """`group` (the lines of one block) as a draft."""
    first, last = group[0], group[-1]
    under = len(group) > 1 and is_rule(last)
    text = "\n".join(line.text for line in group)
    body = (text[first.mark.end :] if first.mark else text).strip()
    core = body.rsplit("\n", 1)[0] if under else body
    heading = first.mark is not None and first.mark.kind == "heading"
    return Draft(
        first.start,
        last.end,
        text,
        first.indent,
        first.blanks,
        first.mark,
        japanese=bool(JAPANESE.search(core)),
        row=is_row(first),
        titled=under or heading or wording.is_bold(core),
        ended=wording.is_ended(core) or wording.is_clause(core),
        colon=core.endswith((":", "：")),
        phrase=wording.is_title(core, numbered=first.mark is not None),
        style=first.mark.style if first.mark else "",
    )


def kinds(drafts: Sequence[Draft], known: Mapping[int, Kind] = MappingProxyType({})) -> list[Kind]:
    """The kind of each draft, in order; `known` are those that the source tells, by index."""
    found: list[Kind | None] = [known.get(i) or _by_itself(drafts, i) for i in range(len(drafts))]
    for rule in (_tables, _definitions, _clauses):
        rule(drafts, found)
        for i, kind in known.items():
            found[i] = kind
    outer: dict[str, int | None] = {}
    for i, draft in enumerate(drafts):
        if found[i] is None and draft.mark is not None:
            found[i] = _numbered(drafts, found, i, outer)
            if found[i] == "heading":
                outer[draft.mark.style] = draft.mark.value
    i = 0
    while i < len(drafts):
        j = i
        while j < len(drafts) and found[j] is None:
            j += 1
        if j > i:
            _run(drafts, found, i, j)
        i = j + 1
    return [kind or "paragraph" for kind in found]


def _by_itself(drafts: Sequence[Draft], i: int) -> Kind | None:
    """The kind that the draft's own form decides; None where its neighbours do."""
    draft = drafts[i]
    mark = draft.mark
    last = i + 1 == len(drafts)
    if draft.titled:
        return "heading"
    if draft.row:
        return "paragraph" if wording.is_table_rule(draft.text) else "table_row"
    if mark is None:
        if draft.colon:
            return "heading" if wording.is_colon_title(draft.text) and not last else "paragraph"
        title = (
            wording.is_enclosed(draft.text)
            or draft.text.endswith(("?", "？"))
            or wording.is_capitals(draft.text)
        )
        if draft.phrase and title and not last:
            return "heading"
        return "paragraph" if draft.ended or wording.holds_sentence(draft.text) else None
    if mark.kind in ("bullet", "note"):
        return "list_item"
    if mark.kind == "article":
        return "heading" if draft.phrase or mark.end == len(draft.text) else "list_item"
    return None if draft.phrase or (draft.colon and len(draft.text) <= 60) else "list_item"


def _tables(drafts: Sequence[Draft], found: list[Kind | None]) -> None:
    """Of two rows or more the first is a header, where its cells are mere names."""
    for i, draft in enumerate(drafts):
        if found[i] != "table_row" or (i and drafts[i - 1].row):
            continue
        if i + 1 == len(drafts) or not drafts[i + 1].row:
            # "Home | About | Log in" alone is no table, nor is a sentence with a tab in it.
            announced = i > 0 and wording.announces(drafts[i - 1].text)
            if draft.mark is None and not announced:
                found[i] = "paragraph"
            continue
        if wording.is_table_rule(drafts[i + 1].text) or is_header(re.split(r"[\t|｜]", draft.text)):
            found[i] = "heading"


def is_header(cells: Sequence[str]) -> bool:
    """Whether the cells of a table's first row are the names of its columns."""
    names = [cell.strip() for cell in cells if cell.strip()]
    return 1 < len(names) < 20 and all(wording.is_name(name) for name in names)


def _definitions(drafts: Sequence[Draft], found: list[Kind | None]) -> None:
    """Two lines or more of the form "Name: value" are items, also where they end in full stops.

    Cells parted by " / " are read likewise; their header is told as a table's is.
    """
    i = 0
    while i < len(drafts):
        j = i
        while j < len(drafts) and _may_define(drafts[j], found[j]):
            j += 1
        if j - i > 1:
            header = [d.text.replace("／", "/").split("/") for d in drafts[i : i + 2]]
            headed = len(header[0]) == len(header[1]) and is_header(header[0])
            if headed or "paragraph" in found[i:j]:
                for k in range(i, j):
                    found[k] = "heading" if headed and k == i else "list_item"
        i = max(i + 1, j)


def _clauses(drafts: Sequence[Draft], found: list[Kind | None]) -> None:
    """Lines that end with a semicolon are items, and so is the line that closes their list."""
    for i, draft in enumerate(drafts):
        if (draft.mark is None and found[i] == "paragraph" and _is_clause(draft.text)) or (
            i
            and draft.mark is None
            and draft.blanks == drafts[i - 1].blanks
            and found[i - 1] == "list_item"
            and found[i] in (None, "paragraph")
            and drafts[i - 1].mark is None
            and _is_clause(drafts[i - 1].text)
        ):
            found[i] = "list_item"


def _is_clause(text: str) -> bool:
    return text[-5:].rstrip().endswith((";", "；", "; and", "; or", "；又は"))


def _may_define(draft: Draft, kind: Kind | None) -> bool:
    loose = draft.mark is None and kind in (None, "paragraph") and not draft.colon
    return loose and wording.is_definition(draft.text)


def _sibling(a: Draft, b: Draft) -> bool:
    """Whether `b` is the item after `a` in one list."""
    if a.mark is None or b.mark is None or a.mark.style != b.mark.style:
        return False
    if a.mark.value is None or b.mark.value is None:
        return a.mark.kind == "square"
    return b.mark.value == a.mark.value + 1


def _numbered(
    drafts: Sequence[Draft], found: Sequence[Kind | None], i: int, outer: dict[str, int | None]
) -> Kind:
    """A numbered phrase: the heading of what stands below it, or an item among items."""
    draft = drafts[i]
    if draft.mark is None or i + 1 == len(drafts):
        return "list_item"
    after = drafts[i + 1]
    if _sibling(draft, after) or (after.mark is not None and after.mark.kind == "note"):
        return "list_item"
    if found[i + 1] == "heading" and after.mark is None and draft.mark.kind == "square":
        return "list_item"
    if i and _sibling(drafts[i - 1], draft) and found[i - 1] == "list_item":
        carried, value = outer.get(draft.mark.style), draft.mark.value
        if after.mark is not None or carried is None or value is None or value != carried + 1:
            return "list_item"
        # "4." behind item 3 under heading 3: the headings go on with 5 if this is one.
        if _next_outer(drafts, i, draft.mark) != value + 1:
            return "list_item"
    if after.mark is not None and after.mark.style == draft.mark.style:
        # "5. Contact" before "1. By letter" leads in; "3. Name" before "3. Address" does not.
        return "heading" if after.mark.value == 1 else "list_item"
    return "heading"


def _next_outer(drafts: Sequence[Draft], i: int, mark: Mark) -> int | None:
    """The next number in the style of `mark` that belongs to no list counted from 1."""
    count = 0
    for draft in drafts[i + 1 : i + 200]:
        if draft.mark is None or draft.mark.style != mark.style:
            continue
        value = draft.mark.value
        if value is not None and value in (1, count + 1):
            count = value
        else:
            return value
    return None


def _run(drafts: Sequence[Draft], found: list[Kind | None], i: int, j: int) -> None:
    """Decide drafts[i:j], unmarked lines without a full stop, by what stands about them."""
    before = drafts[i - 1] if i else None
    after = drafts[j] if j < len(drafts) else None
    below_heading = before is not None and found[i - 1] == "heading"
    body_after = after is not None and found[j] != "heading"
    listed = before is not None and (
        wording.announces(before.text) or (below_heading and wording.is_contact(before.text))
    )
    if not listed and len(drafts[i:j]) > 2 and drafts[i].phrase:
        # A title whose items follow without an announcement
        rest = drafts[i + 1 : j]
        if sum(wording.is_item_ending(d.text) for d in rest) >= 0.6 * len(rest):
            found[i] = "heading"
            i, listed = i + 1, True
    if not listed and not body_after:
        for k in range(i, j - 1):
            if _is_contact_title(drafts[k]):
                # "Contact us" above the lines of an address that closes the page or section
                for above in range(i, k):
                    found[above] = "paragraph"
                found[k] = "heading"
                i, listed = k + 1, True
                break
    end = j
    run = drafts[i:j]
    items = len(run) > 1 and all(wording.is_item_ending(d.text) for d in run)
    if body_after and _is_last_title(drafts, i, j, listed, after):
        end -= 1
        found[end] = "heading"
    marked_above = below_heading and before is not None and before.mark is not None
    if listed or items or (marked_above and end - i > 1):
        found[i:end] = ["list_item"] * (end - i)
        return
    count = end - i
    defined = sum(wording.is_definition(d.text) for d in drafts[i:end])
    opening = before is None and body_after and count <= 3
    single = count == 1 and after is not None
    for k in range(i, end):
        draft = drafts[k]
        if draft.phrase and (opening or single):
            found[k] = "heading"
        elif (count >= 4 and draft.phrase) or (defined > 1 and wording.is_definition(draft.text)):
            found[k] = "list_item"
        else:
            found[k] = "paragraph"
    titles = [k for k in range(i, end) if drafts[k].phrase and wording.is_policy_title(drafts[k].text)]
    if i < 40 and count >= 4 and titles and end == j:
        # The page's title behind its menu; a menu's own link to the policy comes before it.
        found[titles[-1]] = "heading"


def _is_contact_title(draft: Draft) -> bool:
    text = draft.text
    return draft.phrase and wording.is_contact(text) and not ("、" in text or wording.is_item_ending(text))


def _is_last_title(drafts: Sequence[Draft], start: int, end: int, listed: bool, after: Draft | None) -> bool:
    """Whether the last line of a run is the title of the body below, not the list's last item."""
    if end <= start or not drafts[end - 1].phrase:
        return False
    last, others = drafts[end - 1], drafts[start : end - 1]
    name = wording.anchorless(last.text)
    if not listed:
        return not (others and last.japanese and wording.is_item_ending(name))
    if not others:
        # A list of one item is rarer than an announcement of what is no list.
        short = len(name) <= 20 and not wording.is_item_ending(name)
        return short if last.japanese else wording.is_brief(name)
    if last.blanks > max(d.blanks for d in others[1:] or others):
        return True
    if last.japanese:
        alike = name[-2:] in {d.text[-2:] for d in others}
        short = len(name) <= 15 and not wording.is_item_ending(name) and not alike
        return short or wording.is_title_ending(name)
    address = wording.is_contact(drafts[start - 1].text if start else "")
    return wording.is_brief(name) and not address and (after is None or after.mark is None)

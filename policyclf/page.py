"""A web page to a document: every text on it, block by block, with what the markup says.

    >>> d = page("<h1>Privacy</h1><p>We collect:<ul><li>your name<li>your address</ul>")
    >>> [(d.text[b.start:b.end], b.kind, b.lead_in) for b in d.blocks][2:]
    [('your name', 'list_item', 1), ('your address', 'list_item', 1)]

Extractors of "main content" drop the bullets and tables that state the practices; this
walk drops nothing that a reader sees. Headings, lists, tables and definitions are what
the markup says; a paragraph that its author set as a title or an item (bold, 「・」, "(1)")
is told by its words, as in plain text. Nothing is added but white space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from policyclf import wording
from policyclf.document import Document, Part, composed
from policyclf.furnishing import Origin, furnished
from policyclf.grids import Definitions, Table
from policyclf.kinds import Kind
from policyclf.lines import JAPANESE
from policyclf.markup import HEADINGS, Element, tags, tree
from policyclf.regions import Region, controlled, hidden_of, is_icon, is_toggle, region_of

__all__ = ["page"]

_BLOCKS = HEADINGS | tags(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form header hgroup hr legend li listing main menu nav noscript ol p "
    "plaintext pre search section summary table tbody td textarea tfoot th thead tr ul xmp"
)
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_PREFORMATTED = frozenset({"pre", "textarea", "listing", "xmp", "plaintext"})
_BOLD = frozenset({"b", "strong"})
_SECTIONS = frozenset({"main", "article", "section", "aside", "nav", "h1"})  # what regions ask for
# An <a> that holds these was never closed.
_NEVER_LINKED = frozenset({"main", "article", "section", "h1", "ul", "ol", "table"})
_GRID = tags("table thead tr td th dl dt dd")
_MEANINGFUL = (
    HEADINGS | _LISTS | _PREFORMATTED | _BOLD | _SECTIONS | _GRID
    | tags("a button li summary header footer dialog noscript")
)  # fmt: skip
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)")
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid|table|list-item)")

_WIDE = "\u3000-\u303f\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60"
# A line's end in the source between two Japanese characters is no space (CSS Text 3, 4.1.3).
_WRAPPED = re.compile(f"(?<=[{_WIDE}])[ \t]*[\r\n][ \t\r\n]*(?=[{_WIDE}])")
_SPACES = re.compile("[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029 ]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_MAX_TITLE = 200  # characters


@dataclass(frozen=True, slots=True)
class _Frame:
    """What holds for the text in an element."""

    kind: Kind | None = None
    depth: int = 0  # lists about it
    level: int = 0  # of the items that its text makes
    bold: bool = False
    toggle: bool = False
    button: bool = False
    link: str = ""  # "here" for one into the page itself, "elsewhere", "" for none
    preformatted: bool = False
    listing: Element | None = None  # the outermost list
    regions: tuple[Region, ...] = ()
    above: frozenset[str] = frozenset()
    header_cell: bool = False
    table: Table | None = None
    definitions: Definitions | None = None


_Run = tuple[str, _Frame]


def page(markup: str) -> Document:
    """The document that a page's markup shows; one without blocks where it shows no text."""
    root = tree(markup)
    walk = _Walk(controlled(root))
    walk.walk(root)
    return composed(furnished(walk.parts, walk.origins))


class _Walk:
    """Parts of the page so far, and the lines of the block that is being read."""

    def __init__(self, controlled: frozenset[str]) -> None:
        self.parts: list[Part] = []
        self.origins: list[Origin] = []
        self._controlled = controlled
        self._lines: list[list[_Run]] = [[]]

    def walk(self, root: Element) -> None:
        """Read `root`, without recursion: pages are nested deeper than Python's stack."""
        stack = [(root, iter(root.children), _Frame())]
        while stack:
            element, children, frame = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                self._leave(element, frame)
            elif isinstance(child, str):
                self._text(child, frame)
            elif child.tag == "br":
                self._lines.append([])
            elif not (child.attributes and is_icon(child)):
                if _is_block(child):
                    self._flush(frame)
                stack.append((child, iter(child.children), self._inside(child, frame)))

    def _text(self, text: str, frame: _Frame) -> None:
        first, *others = text.split("\n") if frame.preformatted else [text]
        self._lines[-1].append((first, frame))
        self._lines += [[(line, frame)] for line in others]

    def _inside(self, element: Element, frame: _Frame) -> _Frame:
        """The frame of the text in `element`, which stands in `frame`."""
        tag = element.tag
        if not element.attributes and tag not in _MEANINGFUL:
            return frame  # most elements: pages are read at the pace of this line
        role, style = element.get("role"), element.get("style")
        region = region_of(element, frame.above)
        if region is not None and element.inner & {"main", "article"}:
            region.titled = True
        found = [r for r in (region, hidden_of(element, self._controlled)) if r is not None]
        inner = frame
        if found:
            inner = replace(inner, regions=(*frame.regions, *found))
        if tag in _SECTIONS or role in _SECTIONS:
            inner = replace(inner, above=frame.above | {tag, role})
        if tag in _BOLD or (style and _BOLD_STYLE.search(style)):
            inner = replace(inner, bold=True)
        if is_toggle(element):
            inner = replace(inner, toggle=True)
        if tag in _PREFORMATTED:
            inner = replace(inner, preformatted=True)
        if (tag == "a" or role == "link") and not element.inner & _NEVER_LINKED:
            if self._lines[-1] and self._lines[-1][-1][1].link:
                # Links side by side, which a style sheet sets apart.
                self._lines[-1].append((" ", frame))
            here = element.get("href").startswith("#") and element.get("href") != "#"
            return replace(inner, link="here" if here and not inner.toggle else "elsewhere")
        if (tag == "button" or role == "button") and not inner.toggle:
            return replace(inner, button=True)
        if tag in HEADINGS or role == "heading":
            return replace(inner, kind="heading", level=0)
        if tag in _LISTS or role == "list":
            return replace(inner, depth=frame.depth + 1, listing=frame.listing or element)
        if tag == "li" or role == "listitem":
            if element.inner & HEADINGS or "heading" in element.inner:
                # A section or a card that its author put in a list.
                return replace(inner, kind=None, level=0, depth=0)
            return replace(inner, kind="list_item", level=max(1, frame.depth))
        return self._in_grid(element, inner) if tag in _GRID else inner

    def _in_grid(self, element: Element, inner: _Frame) -> _Frame:
        """`inner` for the parts of tables and definition lists."""
        tag = element.tag
        if tag == "table":
            return replace(inner, table=Table.of(element), definitions=None)
        if tag == "dl":
            return replace(inner, definitions=Definitions(), kind=None, level=0, table=None)
        if inner.table is not None and tag in ("tr", "thead"):
            inner.table.open(tag)
        if inner.table is not None and tag in ("td", "th"):
            inner.table.open_cell(element, len(self.parts))
            depth = inner.depth + 1
            header = tag == "th"
            return replace(inner, kind="list_item", depth=depth, level=depth, table=None, header_cell=header)
        if inner.definitions is not None and tag in ("dt", "dd"):
            inner.definitions.open(tag, self.parts, self.origins)
            return replace(inner, definitions=None)
        return inner

    def _leave(self, element: Element, frame: _Frame) -> None:
        if not _is_block(element):
            if frame.button or frame.toggle:
                self._lines[-1].append((" ", replace(frame, link="")))
            return
        self._flush(frame)
        if frame.table is not None and element.tag in ("tr", "thead"):
            frame.table.close(element.tag, self.parts, self.origins)
        if frame.definitions is not None and element.tag == "dl":
            frame.definitions.close(self.parts, self.origins)

    def _flush(self, frame: _Frame) -> None:
        """Make parts of the lines read so far; `frame` is the block's that they stand in."""
        if not any(text.strip() for line in self._lines for text, _ in line):
            self._lines = [[]]
            return
        runs, self._lines = self._lines, [[]]
        lines = [(_joined(line, frame.preformatted), line) for line in runs]
        if not any(text for text, _ in lines):
            return
        kind = frame.kind
        if frame.header_cell:
            lines = [(_one_line([text for text, _ in lines]), [run for line in runs for run in line])]
        if kind == "heading":
            text = _one_line([text for text, _ in lines])
            kind = None if _is_prose(text) else kind
            if kind:
                self._add(Part(text, kind), [run for line in runs for run in line], frame)
                return
        for group in _titles_apart(lines) if kind is None else [lines]:
            text = "\n".join(text for text, _ in group).strip()
            if text:
                title = kind is None and all(_is_title(line) for _, line in group)
                part = Part(text, kind, level=frame.level if kind else 0, title=title)
                self._add(part, [run for _, line in group for run in line], frame)

    def _add(self, part: Part, runs: Sequence[_Run], frame: _Frame) -> None:
        shown = [f for text, f in runs if text.strip()]
        links = {f.link for f in shown}
        regions = shown[0].regions if shown else frame.regions
        if "h1" in frame.above and links == {""}:
            for region in regions:
                region.titled = True
        self.parts.append(part)
        self.origins.append(
            Origin(
                regions=regions,
                link=links.pop() if len(links) == 1 else "",
                button=all(f.button for f in shown),
                listing=frame.listing,
            )
        )


def _is_block(element: Element) -> bool:
    return element.tag in _BLOCKS or (
        "style" in element.attributes and bool(_BLOCK_STYLE.search(element.get("style")))
    )


def _joined(line: Sequence[_Run], preformatted: bool) -> str:
    """The text of a line as browsers show it."""
    text = _INVISIBLE.sub("", "".join(text for text, _ in line))
    if preformatted:
        return text.rstrip()
    return _SPACES.sub(" ", _WRAPPED.sub("", text)).strip()


def _one_line(lines: Sequence[str]) -> str:
    """Lines of a title joined: by a space, but not between Japanese characters."""
    text = ""
    for line in filter(None, (line.strip() for line in lines)):
        glued = not text or (JAPANESE.match(text[-1]) and JAPANESE.match(line))
        text += line if glued else f" {line}"
    return text


def _is_title(line: Sequence[_Run]) -> bool:
    """Whether a line is bold, or opens what stands below it, from end to end."""
    frames = [frame for text, frame in line if text.strip()]
    return bool(frames) and all(f.bold or f.toggle for f in frames)


def _titles_apart(lines: Sequence[tuple[str, list[_Run]]]) -> Iterator[list[tuple[str, list[_Run]]]]:
    """Lines in groups: each that is set as a title by itself, the others together."""
    group: list[tuple[str, list[_Run]]] = []
    for line in lines:
        if _is_title(line[1]):
            yield from [group] if group else []
            yield [line]
            group = []
        else:
            group.append(line)
    if group:
        yield group


def _is_prose(text: str) -> bool:
    """Whether what is marked up as a heading is a paragraph, set large."""
    if len(text) > _MAX_TITLE or wording.holds_sentence(text):
        return True
    ended = wording.is_ended(text) and not text.endswith(("?", "？", ":", "："))
    return ended and (len(text) > 60 or text.endswith("。"))

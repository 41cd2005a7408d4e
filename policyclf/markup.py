"""HTML to a tree of elements, as browsers parse it, in time that grows with the page alone.

    >>> [child.tag for child in tree("<p>We sell<p>tickets").children]
    ['p', 'p']

The parser is lexbor (the HTML standard's algorithm), so that broken markup gives what its
author saw. Like all such parsers it takes quadratic time for elements nested tens of
thousands deep, and for a tag of as many attributes; browsers bound the depth, and so
does `tree`. What lies deeper keeps its text and loses its tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["HEADINGS", "Element", "tags", "tree"]

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

_MAX_DEPTH = 256  # open elements; Chrome's bound is 512, pages in use have below 100
_MAX_ATTRIBUTES = 500
_LONG_TAG = 4000  # characters; shorter ones cannot have that many attributes that matter


def tags(names: str) -> frozenset[str]:
    """Tags that are written one behind the other, parted by white space."""
    return frozenset(names.split())


# Elements that end by themselves, or cannot stand in one another; not counted for the depth.
_SHALLOW = HEADINGS | tags(
    "area base br col embed hr img input link meta param source track wbr p li dd dt option optgroup "
    "tr td th tbody thead tfoot colgroup caption rt rp body html head"
)
_RAW = tags("script style textarea title xmp iframe noembed noframes")
# What no reader of the page reads.
_DROPPED = tags(
    "script style template head title meta link iframe object embed audio video canvas svg select option "
    "datalist input img picture map rt rp frameset noembed noframes progress meter base"
)
_FOREIGN = frozenset({"svg", "math"})  # where "/>" ends an element, as in XML
_NAME = re.compile(r"/?[a-zA-Z][^\s/>]*")
_IN_TAG = re.compile(r">|=\s*+([\"'])")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


@dataclass(slots=True, eq=False)
class Element:
    """An element, and what stands in it: elements and text, in order."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)
    inner: set[str] = field(default_factory=set)  # tags and roles of the elements inside

    def get(self, name: str) -> str:
        """An attribute's value in lower case, without outer white space; "" where there is none."""
        return (self.attributes.get(name) or "").strip().lower()


def tree(markup: str) -> Element:
    """The body of a page; an empty one where there is none (frames)."""
    body = LexborHTMLParser(_bounded(markup)).body
    root = Element("body", {} if body is None else dict(body.attributes))
    node = None if body is None else body.first_child
    open_elements = [root]
    while node is not None:
        inside = None
        if node.is_text_node:
            open_elements[-1].children.append(node.text_content or "")
        elif node.is_element_node:
            element = _element(node)
            if element is not None:
                open_elements[-1].children.append(element)
                inside = node.first_child
                if inside is None:
                    _close(element, open_elements[-1])
                else:
                    open_elements.append(element)
        following = inside or node.next
        while following is None and len(open_elements) > 1:
            _close(open_elements.pop(), open_elements[-1])
            node = node.parent if node is not None else None
            following = node.next if node is not None else None
        node = following
    return root


def _element(node: LexborNode) -> Element | None:
    tag = (node.tag or "").lower()
    if tag in _DROPPED:
        if tag == "template" and "shadowrootmode" in node.attributes:
            return _shadow(node)
        return None
    return Element(tag, dict(node.attributes))


def _shadow(node: LexborNode) -> Element | None:
    """What a declarative shadow root shows; browsers render it in the place of its host."""
    markup = "".join(fragment.html or "" for fragment in node.template_fragments())
    inner = tree(markup.replace("shadowrootmode", "data-inner"))
    return Element("div", {}, inner.children, inner.inner)


def _close(element: Element, parent: Element) -> None:
    parent.inner |= element.inner
    parent.inner.add(element.tag)
    if role := element.get("role"):
        parent.inner.add(role)


def _bounded(markup: str) -> str:
    """`markup` without the tags that open elements too deep, or with too many attributes."""
    pieces: list[str] = []
    kept = at = depth = excess = foreign = 0
    while (at := markup.find("<", at)) >= 0:
        if markup.startswith("<!--", at):
            end = markup.find("-->", at)
            if end < 0:
                break
            at = end + 3
            continue
        match = _NAME.match(markup, at + 1)
        if match is None:
            at += 1
            continue
        end = _tag_end(markup, match.end())
        name = match[0].lower()
        drop = False
        if name[0] == "/":
            if name[1:] not in _SHALLOW and depth:
                drop = excess > 0
                depth, excess = depth - (not drop), excess - drop
            foreign -= name[1:] in _FOREIGN and foreign > 0
        elif name not in _SHALLOW and not (foreign and markup.startswith("/>", end - 2)):
            drop = depth >= _MAX_DEPTH
            depth, excess = depth + (not drop), excess + drop
            foreign += name in _FOREIGN
        if drop:
            pieces += [markup[kept:at], " "]
            kept = end
        elif end - at > _LONG_TAG and _is_crowded(markup[match.end() : end]):
            pieces += [markup[kept : match.end()], ">"]
            kept = end
        at = end
        if name in _RAW and not foreign:
            at = _closing(markup, name, end)
            if at < 0:
                break
    return "".join([*pieces, markup[kept:]]) if pieces else markup


def _tag_end(markup: str, at: int) -> int:
    """The end of a tag whose name ends at `at`; quoted values may hold ">"."""
    while match := _IN_TAG.search(markup, at):
        if match[1] is None:
            return match.end()
        at = markup.find(match[1], match.end()) + 1
        if not at:
            break
    return len(markup)


def _closing(markup: str, name: str, at: int) -> int:
    found = re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE).search(markup, at)
    return found.start() if found else -1


def _is_crowded(attributes: str) -> bool:
    return len(_QUOTED.sub("", attributes).split(None, _MAX_ATTRIBUTES + 1)) > _MAX_ATTRIBUTES

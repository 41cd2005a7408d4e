"""Which regions of a web page are furniture, and which are hidden.

An element's name, role, id and classes say what it is meant for, but pages lie: whole
policies stand in `<nav>`, `<div id="cookie-policy">` or a collapsed panel. So a region is
told from outside (`region_of`), and believed only if what stands in it agrees
(`Region.holds`). In doubt it is content: a menu item too many does no harm, a lost
sentence does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from policyclf.blocks import Furniture
from policyclf.markup import Element

__all__ = ["Region", "controlled", "hidden_of", "is_icon", "is_toggle", "region_of"]

# Ids and classes of consent managers' dialogs; what they hold is never the page's own policy.
_CONSENT_TOOL = re.compile(
    r"onetrust-(?:banner|consent|pc)|ot-sdk-container|cybotcookiebot(?!declaration)|didomi-|usercentrics|"
    r"truste-consent|trustarc-banner|qc-cmp2|osano-cm|cc-window|cky-(?:consent|modal|preference)|"
    r"cmplz-cookiebanner|klaro|borlabscookie|borlabs-cookie|iubenda-cs|termly-|moove_gdpr|"
    r"cookie-law-info-bar|sp_message_container|tarteaucitron|axeptio|cookiefirst|ketch-"
)
_BANNER = re.compile(
    r"(?:cookie|consent|gdpr|ccpa)s?[-_]{0,2}(?:law|info|policy)?[-_]{0,2}(?:banner|bar|notice|popup|pop-up|"
    r"modal|dialog|overlay|alert|message|consent|notification|toast|prompt|disclaimer|accept|manager)"
)
_NAVIGATION = re.compile(
    r"(?:^|[-_])(?:nav|navi|navbar|navigation|gnav|gnavi|globalnav|lnav|sidenav|menu|breadcrumbs?|topic-?path|"
    r"pankuzu|crumbs?|pagination|pager|skip-?(?:link|nav|to-content)s?|sns|social-links|share-(?:buttons|links)|"
    r"toc|table-of-contents|lang(?:uage)?-?(?:switch(?:er)?|select(?:or)?|menu)|page-?top|back-?to-?top|to-?top)"
    r"(?:$|[-_](?:list|menu|area|bar|wrap|wrapper|container|inner|box|links?|items?|nav))"
)
_HEADER = re.compile(
    r"(?:(?:site|page|global|main|l|g|top)[-_]?)?header(?:[-_]?(?:wrap|wrapper|inner|area|container))?|masthead|topbar"
)
_FOOTER = re.compile(
    r"(?:(?:site|page|global|main|l|g)[-_]?)?footer(?:[-_]?(?:wrap|wrapper|inner|area|container|nav|menu))?|"
    r"colophon|foot(?:nav|menu)"
)
_TOGGLE = re.compile(r"accordion|collaps|toggle|expand")
_ICON = re.compile(r"\bmaterial-(?:icons|symbols)|\b(?:header-?link|anchor-?(?:link|js-link)|permalink)\b")
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_PAGE = frozenset({"body", "main", "article"})
_SECTIONS = frozenset({"main", "article", "section", "aside", "nav"})
_FURNITURE = frozenset({"nav", "header", "footer"})
_CONTROLS = frozenset({"button", "form", "label"})

_MAX_HEADER_PROSE = 200  # columns: a site's header greets, it does not tell
_MAX_MENU_PROSE = 120
_MAX_UNSEEN = 240  # of text that no control shows: longer, it is a text that a script shows


@dataclass(slots=True, eq=False)
class Region:
    """An element that is furniture or hidden, if what it holds agrees; columns are counted."""

    name: Furniture | Literal["hidden"]
    sure: bool  # by a name that nothing else bears
    tag: bool = False  # by the element's own name or role, not by an id or a class
    columns: int = 0  # of all text in it
    prose: int = 0  # of sentences that are no links
    titled: bool = False  # it holds the page's title

    def holds(self, page_prose: int) -> bool:
        """Whether the region is what its name says, in a page with so many columns of prose."""
        if self.name == "hidden":
            return self.sure or self.columns <= _MAX_UNSEEN
        if self.sure:
            return True
        if self.titled or self.prose * 2 > page_prose > 0:
            return False
        if self.name == "navigation" and not self.tag:
            return self.prose <= _MAX_MENU_PROSE
        return self.name != "header" or self.prose <= _MAX_HEADER_PROSE


def region_of(element: Element, above: frozenset[str]) -> Region | None:
    """The furniture that `element` seems to be; `above` are the tags and roles about it."""
    role = element.get("role")
    if not element.attributes and element.tag not in _FURNITURE:
        return None
    if element.tag in _PAGE or role in ("main", "article"):
        return None
    names = f"{element.get('id')} {element.get('class')}".split()
    if any(_CONSENT_TOOL.search(name) for name in names):
        return Region("cookie_banner", sure=True)
    modal = role in ("dialog", "alertdialog") or element.tag == "dialog" or "aria-modal" in element.attributes
    asks = element.inner & _CONTROLS and not above & _PAGE
    if any(_BANNER.search(name) for name in names) and (modal or asks):
        return Region("cookie_banner", sure=False)
    if element.tag == "nav" or role in ("navigation", "menu", "menubar", "search"):
        return Region("navigation", sure=False, tag=True)
    outside = not above & _SECTIONS
    if (element.tag == "footer" and outside) or role == "contentinfo":
        return Region("footer", sure=False, tag=True)
    if (element.tag == "header" and outside) or role == "banner":
        return Region("header", sure=False, tag=True)
    if any(_NAVIGATION.search(name) for name in names):
        return Region("navigation", sure=False)
    if outside and any(_FOOTER.fullmatch(name) for name in names):
        return Region("footer", sure=False)
    if outside and any(_HEADER.fullmatch(name) for name in names):
        return Region("header", sure=False)
    return None


def hidden_of(element: Element, shown_by_control: frozenset[str]) -> Region | None:
    """The hidden region that `element` is, unless one of the page's controls shows it."""
    style = element.get("style")
    unseen = (
        ("hidden" in element.attributes and element.get("hidden") != "until-found")
        or (element.tag == "dialog" and "open" not in element.attributes)
        or (style and _UNSEEN.search(style))
    )
    if element.tag == "noscript":
        return Region("hidden", sure=True)
    if not unseen or element.get("role") == "tabpanel" or element.get("id") in shown_by_control:
        return None
    return Region("hidden", sure=False)


def controlled(root: Element) -> frozenset[str]:
    """The ids of what the page's controls and links show or lead to, in lower case."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        element = waiting.pop()
        waiting += [child for child in element.children if not isinstance(child, str)]
        for name in ("aria-controls", "data-target", "data-bs-target", "href"):
            value = element.get(name)
            if value.startswith("#") or name == "aria-controls":
                found.update(value.lstrip("#").split())
    return frozenset(found)


def is_toggle(element: Element) -> bool:
    """Whether `element` opens and closes what stands below it, as its title."""
    attributes = element.attributes
    opens = element.get("data-toggle") or element.get("data-bs-toggle")
    if "aria-expanded" in attributes or opens in ("collapse", "tab", "pill"):
        return True
    controls = "aria-controls" in attributes or element.get("role") == "tab" or element.tag == "summary"
    return controls or (element.tag == "button" and bool(_TOGGLE.search(element.get("class"))))


def is_icon(element: Element) -> bool:
    """Whether the text of `element` is drawn as an icon, or is a mark to link to a heading by."""
    return bool(_ICON.search(element.get("class")))

"""Text of a policy to HTML in which nothing runs and nothing is hidden.

    >>> visible("<b>\\u202eevil")
    '&lt;b&gt;<span class="hid" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>evil'

Markup is escaped. Characters that show nothing or reorder what stands around them (bidi
controls, zero-width characters, tags, fillers, C0 and C1 controls, lone surrogates) are
taken out and named in their place, so that a reader sees what a machine was meant to
read otherwise. So are piles of combining marks, which can be stacked over other lines.
"""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["attribute", "visible"]

# What nearly all text consists of; none of it is treated below.
_PLAIN = re.compile(
    "[\t\n\r -~\u00a0-\u00ac\u00ae-\u02ff\u0410-\u044f\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2460-\u27bf"
    "\u3000-\u3029\u3041-\u3096\u309b-\u30ff\u3220-\u9fff\uf900-\ufa6d\uff01-\uff9f\uffe0-\uffe6]*"
)

# Default-ignorable or blank, though their category is no control's (DerivedCoreProperties.txt).
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_PILE = 3  # combining marks on one letter that are still a letter (Vietnamese and IPA need no more)
_JOINER = "\u200d"


def visible(text: str, start: int = 0, end: int | None = None) -> str:
    """text[start:end] as HTML; what stands before `start` is seen, so that a cut changes nothing."""
    end = len(text) if end is None else end
    if _PLAIN.fullmatch(text, start, end):
        return html.escape(text[start:end])
    return "".join(_shown(text, i) for i in range(start, end))


def attribute(text: str) -> str:
    """`text` for an HTML attribute: quotes escaped, hidden characters as [U+202E]."""
    return "".join(
        f"[U+{ord(c):04X}]" if _hides(text, i) else html.escape(" " if c.isspace() else c)
        for i, c in enumerate(text)
    )


def _shown(text: str, i: int) -> str:
    character = text[i]
    if not _hides(text, i):
        return " " if character in "\v\f\x85\u2028\u2029" else html.escape(character)
    name = unicodedata.name(character, "") or {"Cc": "CONTROL", "Cs": "LONE SURROGATE"}.get(
        unicodedata.category(character), "UNKNOWN"
    )
    return f'<span class="hid" title="{name}">U+{ord(character):04X}</span>'


def _hides(text: str, i: int) -> bool:
    """Whether text[i] shows nothing by itself, or disturbs what stands around it."""
    character = text[i]
    if character in "\t\n\r\v\f\x85\u2028\u2029":
        return False
    category = unicodedata.category(character)
    if character == _JOINER:
        return not (0 < i < len(text) - 1 and _is_emoji(text[i - 1]) and _is_emoji(text[i + 1]))
    if _SELECTOR.match(character):
        # One after a character chooses its shape (an emoji's, a kanji's); more carry hidden bytes.
        return i == 0 or bool(_SELECTOR.match(text[i - 1])) or text[i - 1].isspace()
    if category in ("Mn", "Me"):
        run = 1
        while run <= _PILE and i - run >= 0 and unicodedata.category(text[i - run]) in ("Mn", "Me"):
            run += 1
        return run > _PILE or i == 0 or text[i - run].isspace() or bool(_BLANK.match(character))
    return category in _HIDDEN or bool(_BLANK.match(character))


def _is_emoji(character: str) -> bool:
    # Symbols, skin tones (modifier symbols) and the selector that makes a symbol an emoji.
    return unicodedata.category(character) in ("So", "Sk") or character == "\ufe0f"

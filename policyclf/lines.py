"""Lines of a document and the marks that open them: `#`, `•`, `1.`, `（2）`, `第3条`, `※`.

A line knows where it stands, how far it is indented, and which mark opens it; what the
line is (heading, item, paragraph) is decided in `blocks`, where its neighbours are seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Line", "Mark", "is_row", "is_rule", "lines", "mark_of"]

MarkKind = Literal["heading", "bullet", "square", "note", "number", "article"]

# A break is what ends a line in a text file or a scraped page; \x1c-\x1e, which
# str.splitlines also takes, are white space inside a line.
_LINE = re.compile(r"([^\n\r\x0b\x0c\x85\u2028\u2029]*)(\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]|\Z)")

_WIDE = "\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uf900-\ufaff"
JAPANESE = re.compile(f"[{_WIDE}]")

_KANJI_NUMBER = "[一二三四五六七八九十]{1,3}"
_ROMAN = "(?:[ivx]{1,5}|[IVX]{1,5})"
_DIGITS = "[0-9０-９]{1,3}"
_KANA = "[ア-オカキクケコサシスセソイロハニホヘト]"

_RULE = re.compile(r"=+|-{3,}")
_BAR = re.compile(r"^\||\s\|\s|｜")

_HEADING = re.compile(rf"(#{{1,6}})(?:[ \t\u3000]+|(?<=##)(?=[^#\s])|(?=[{_WIDE}]))")
_NOTE = re.compile(
    rf"[※＊]+[0-9０-９]*[.．:：)）]?|\*(?![*\s])[0-9]*(?=[{_WIDE}A-Z])"
    r"|[(（]?注[0-9０-９]{0,2}[)）:：]|[(（]注[釈]?[)）]"
)
_BULLET = re.compile(rf"[•・･‣⁃∙·▪▫‧➢➤❖✓✔☑☐]|[-–—*+‐−－](?=\s|$)|[-‐−－](?=[{_WIDE}])|\uf0b7|o(?=\t)")
# Marks that open items in some pages and headings in others, above all in Japanese.
_SQUARE = re.compile(r"[●○◦◎■□◆◇►▶▷▸▼▽▲★☆♦◼◾⚫]")
_ARTICLE = re.compile(
    r"第\s?[0-9０-９一二三四五六七八九十百]+(?:\s?[条章節編款部]|(?=\u3000))"
    r"(?:の[0-9０-９一二三四五六七八九十]+)?(?=[\s（(:：【「]|$)"
    r"|(?:Section|SECTION|Article|ARTICLE|Part|PART|Chapter|CHAPTER|Appendix|Annex)"
    r"\s(?:[0-9]{1,3}(?:\.[0-9]{1,3})*|[IVX]{1,5}|[A-Z])(?:\s?[.:–—-](?=\s|$)|$)"
)
_NUMBER = re.compile(
    rf"(?P<bracketed>[(（\[［]\s?(?:{_DIGITS}|[a-zA-Zａ-ｚ]|{_ROMAN}|{_KANA}|{_KANJI_NUMBER})"
    r"\s?[)）\]］])"
    r"|(?P<circled>[①-⑳⑴-⒇⒈-⒛㉑-㉟㊱-㊿❶-❿⓪Ⅰ-Ⅻⅰ-ⅻ][.．、:：]?)"
    rf"|(?P<dotted>(?:{_DIGITS}|[A-Z](?=[.][0-9]))(?:[.．\-－‐]{_DIGITS}){{1,4}}[.．)）]?(?=\s+[^\sa-z]|[{_WIDE}]|\s*$))"
    rf"|(?P<plain>{_DIGITS}[.．](?![0-9０-９.．,，]))"
    rf"|(?P<closed>{_DIGITS}[)）])"
    rf"|(?P<comma>(?:{_DIGITS}|{_KANJI_NUMBER})[、](?=\s*[{_WIDE}A-Z]))"
    rf"|(?P<kanji>{_KANJI_NUMBER}[.．])"
    rf"|(?P<kana>{_KANA}[.．)）、])"
    rf"|(?P<letter>(?:[a-zA-Z]|{_ROMAN})[.)．）](?=\s|[{_WIDE}]|$))"
    rf"|(?P<bare>(?:[0-9０-９]{{1,2}}|{_KANA}|{_KANJI_NUMBER})(?:\u3000+|(?<=[０-９])\s+)(?=[{_WIDE}「]))"
)
_QUOTE = re.compile(r"(?:>[ \t]?)+")
# Zero-width characters that scraped pages put before a bullet.
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]+")

_ORDERS = (
    "アイウエオカキクケコサシスセソ",
    "イロハニホヘト",
    "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂",
    "⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑⒒⒓⒔⒕⒖",
    "❶❷❸❹❺❻❼❽❾❿",
    "ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫ",
    "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅺⅻ",
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
)
_KANJI_DIGITS = {c: i for i, c in enumerate("一二三四五六七八九", 1)}


@dataclass(frozen=True, slots=True)
class Mark:
    """What opens a line. `end`: characters from the line's start to the text behind it."""

    kind: MarkKind
    style: str  # "•", "bracketed", …; the same for the items of one list
    end: int
    value: int | None = None  # of a number; ア, a, ① are 1


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank; `start` and `end` are without outer white space."""

    start: int
    end: int
    text: str
    indent: int  # columns of white space before the text
    blanks: int  # blank lines between this line and the one before it
    mark: Mark | None

    @property
    def body(self) -> str:
        """The text behind the mark."""
        return self.text[self.mark.end :] if self.mark else self.text


def lines(text: str) -> Iterator[Line]:
    """The lines of `text` that hold more than white space, in order."""
    blanks = 0
    first = text.startswith("\ufeff")
    for match in _LINE.finditer(text):
        start, end = match.span(1)
        if first:
            start, first = start + 1, False
        content = text[start:end].strip()
        if content:
            at = text.index(content[0], start)
            prefix = text[start:at]
            indent = len(prefix) + 3 * prefix.count("\t") + prefix.count("\u3000")
            yield Line(at, at + len(content), content, indent, blanks, mark_of(content))
            blanks = 0
        else:
            blanks += 1


def mark_of(text: str) -> Mark | None:
    """The mark that opens `text` (a line without outer white space), None for none.

    `>` and a bullet before a number ("• 1. Name") are taken into the mark.
    """
    at = 0
    if match := _QUOTE.match(text):
        at = match.end()
    if match := _INVISIBLE.match(text, at):
        at = match.end()
    quoted = at
    mark: Mark | None = None
    if match := _HEADING.match(text, at):
        return Mark("heading", "#", _behind(text, match.end()), len(match[1]))
    if match := _NOTE.match(text, at):
        return Mark("note", "※", _behind(text, match.end()))
    if match := _BULLET.match(text, at):
        at = _behind(text, match.end())
        mark = Mark("bullet", match[0], at)
    elif match := _SQUARE.match(text, at):
        at = _behind(text, match.end())
        mark = Mark("square", match[0], at)
    if match := _ARTICLE.match(text, at):
        return Mark("article", match[0][0], _behind(text, match.end()), _value(match[0]))
    if match := _NUMBER.match(text, at):
        style = f"{mark.style if mark else ''}{match.lastgroup}"
        kind: MarkKind = mark.kind if mark else "number"
        return Mark(kind, style, _behind(text, match.end()), _value(match[0]))
    if mark is None and quoted and quoted == len(text):
        return Mark("bullet", ">", quoted)
    return mark


def is_rule(line: Line) -> bool:
    """Whether `line` is a Markdown rule, or underlines a heading."""
    return bool(_RULE.fullmatch(line.text))


def is_row(line: Line) -> bool:
    """Whether `line` is a table row: cells parted by tabs or vertical bars."""
    return "\t" in line.body or bool(_BAR.search(line.text))


def _behind(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _value(mark: str) -> int | None:
    """The number in a mark: 3 for "3.", "(c)", "③", "第三条"; the last one of "1.3"."""
    numbers = re.findall(r"\d+", mark.strip("①②③④⑤⑥⑦⑧⑨"))
    if numbers and mark[0] not in "".join(_ORDERS[2:6]):
        return int(numbers[-1])
    core = re.sub(r"[()（）\[\]［］.．、:：\s第条章節編款]", "", mark)
    if core and all(c in _KANJI_DIGITS or c == "十" for c in core):
        tens, _, ones = core.rpartition("十")
        ten = _KANJI_DIGITS.get(tens, 1) * 10 if "十" in core else 0
        return ten + _KANJI_DIGITS.get(ones, 0)
    if core and set(core.lower()) <= set("ivx"):
        return _roman(core.lower())
    for order in _ORDERS:
        if len(core) == 1 and core in order:
            return order.index(core) + 1
    return None


def _roman(numeral: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10}[c] for c in numeral]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))

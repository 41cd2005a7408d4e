r"""Bytes to text, whatever the encoding is said to be.

    >>> decoded("個人情報".encode("shift_jis"), declared="utf-8")
    '個人情報'

A byte order mark decides; then ISO-2022-JP's escapes, and UTF-8 where the bytes are well
formed (other encodings hardly ever are by chance). What is left is read in every encoding
that policies in English or Japanese come in, and in the one that is declared; the reading
whose characters are the likeliest wins. So a wrong declaration does no harm, nor do a few
broken bytes, which become U+FFFD.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

__all__ = ["Undecodable", "decoded", "marked"]

# The UTF-32 mark begins with the UTF-16 one, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What these labels mean to browsers, where Python takes them more narrowly:
# https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {
    "iso8859-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932", "shift_jisx0213": "cp932",
    "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "iso8859-9": "cp1254",
    "tis-620": "cp874", "big5": "big5hkscs", "utf-16": "utf-8", "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
}  # fmt: skip
_BROWSERS_OWN = {"x-sjis": "cp932", "ms_kanji": "cp932", "windows-31j": "cp932", "x-euc-jp": "euc_jp"}
_NO_TEXT_CODECS = {"utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}

_SHIFT = re.compile(rb"\x1b(?:\$[@B]|\([BIJ])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MAX_CONTROLS = 1 / 200  # of the characters; more is no text
_MAX_BROKEN = 1 / 50  # likewise, of U+FFFD
_SAMPLE = 100_000  # bytes, of those that are not ASCII and their neighbours
_FOREIGN = re.compile(rb"[^\x80-\xff]{0,2}[\x80-\xff]+[^\x80-\xff]{0,2}")

# The cost of a character, about the negative logarithm of how often policies have it; an
# ASCII character costs nothing. `decoded` compares sums of them.
_COSTS = (
    (3.5, re.compile("[ぁ-ゖー、。]")),
    (4.5, re.compile("[ァ-ヺ「」・（）\u3000]")),
    (6.0, re.compile("[０-９Ａ-Ｚａ-ｚ：／～〜！？％＆．，『』【】①-⑳※■□●○◆→]")),
    (6.0, re.compile("[’“”‘–—•…©®™\xa0§·£€«»°º]")),
    (5.0, re.compile("(?<=[A-Za-z])[à-öø-ýÿßœæÀ-ÖØ-Ý]|[à-ïñó-öøúüÀ-ÉÑÖØÜ](?=[a-z])")),
    (25.0, re.compile("\ufffd")),
    (20.0, re.compile("[\x00-\x08\x0e-\x1a\x7f-\x9f\ue000-\uf8ff]")),
    (9.0, re.compile("[\uff61-\uff9f]")),
)
_KANJI = re.compile("[\u4e00-\u9fff]")
_GLUED_KANJI = re.compile("(?<=[A-Za-z])[\u4e00-\u9fff](?![\u3041-\u9fff])")
_KANJI_COST, _RARE_KANJI_COST, _GLUED_COST, _OTHER_COST = 7.0, 12.0, 7.0, 12.0
_DECLARED_BONUS = 10.0


class Undecodable(ValueError):
    """The bytes are no text in any encoding; the message ends a sentence about the file."""


def decoded(data: bytes, declared: str | None = None) -> str:
    """The text in `data`; `declared` is what the source says of its encoding, if anything.

    Line ends stay as they are; a byte order mark is dropped. Raises Undecodable.
    """
    mark, encoding = marked(data)
    if encoding:
        return _checked(data[len(mark) :].decode(encoding, "replace"), encoding)
    if data.isascii():
        text = _iso_2022_jp(data) if _SHIFT.search(data) else data.decode("ascii")
        return _checked(_utf_16(data) if "\0" in text else text, "ascii")
    try:
        return _checked(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    if b"\0" in data:
        return _checked(_utf_16(data), "utf-16")
    sample = b" ".join(_FOREIGN.findall(data[: 20 * _SAMPLE])[:_SAMPLE])[:_SAMPLE]
    named = _codec(declared)
    candidates = dict.fromkeys([*([named] if named else []), "utf-8", "cp932", "euc_jp", "cp1252"])
    costs = {c: _cost(_read(sample, c)) - (_DECLARED_BONUS if c == named else 0.0) for c in candidates}
    best = min(costs, key=costs.__getitem__)
    return _checked(_read(data, best), best)


def marked(data: bytes) -> tuple[bytes, str]:
    """The byte order mark that opens `data`, and the encoding that it stands for; or (b"", "")."""
    return next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", ""))


def _checked(text: str, encoding: str) -> str:
    """`text`, if it reads as one."""
    if len(_CONTROLS.findall(text)) > _MAX_CONTROLS * len(text):
        raise Undecodable("holds no text but binary data")
    if text.count("\ufffd") > _MAX_BROKEN * len(text):
        raise Undecodable(f"is damaged: too many bytes that are not {encoding.upper()}")
    return text


def _codec(label: str | None) -> str | None:
    """The Python codec that a declared label means; None for none that is known."""
    if not label:
        return None
    label = label.strip().lower()
    try:
        found = codecs.lookup(_BROWSERS_OWN.get(label, label))
    except (LookupError, ValueError):
        return None
    text = getattr(found, "_is_text_encoding", True) and found.name not in _NO_TEXT_CODECS
    return _MEANT.get(found.name, found.name) if text else None


def _read(data: bytes, codec: str) -> str:
    if codec == "euc_jp":
        # Most pages have the vendors' characters (①, ㈱), which Python knows from JIS X 0213.
        text = data.decode("euc_jp", "replace")
        wider = data.decode("euc_jis_2004", "replace") if "\ufffd" in text else text
        return wider if wider.count("\ufffd") < text.count("\ufffd") else text
    return data.decode(codec, "replace")


def _iso_2022_jp(data: bytes) -> str:
    """`data` by way of EUC-JP, which has the same characters and Python's better table."""
    pieces, at, state = [], 0, b"\x1b(B"
    for match in [*_SHIFT.finditer(data), None]:
        piece = data[at : match.start() if match else len(data)]
        if state[1:2] == b"$":
            # A line's end stands for itself, also where the shift back was forgotten.
            piece = bytes(b | 0x80 if b > 0x20 else b for b in piece)
        elif state == b"\x1b(I":
            piece = b"".join(bytes([0x8E, b | 0x80]) if b > 0x20 else bytes([b]) for b in piece)
        pieces.append(piece)
        if match:
            at, state = match.end(), match[0]
    return _read(b"".join(pieces), "euc_jp")


def _utf_16(data: bytes) -> str:
    """UTF-16 without its mark: of the two byte orders the one with the likelier characters."""
    readings = [data.decode(e, "replace") for e in ("utf-16-le", "utf-16-be")]
    best = min(readings, key=lambda text: _cost(text[:_SAMPLE]))
    if _cost(best[:_SAMPLE]) > 10 * len(best[:_SAMPLE]):
        raise Undecodable("holds no text but binary data")
    return best


def _cost(text: str) -> float:
    """How unlikely the characters of `text` are in a policy, in English or Japanese."""
    total, counted = 0.0, 0
    for cost, pattern in _COSTS:
        found = len(pattern.findall(text))
        total += cost * found
        counted += found
    kanji = _KANJI.findall(text)
    common = sum(_is_common(c) for c in kanji)
    total += _KANJI_COST * common + _RARE_KANJI_COST * (len(kanji) - common)
    total += _GLUED_COST * len(_GLUED_KANJI.findall(text))
    others = len(text) - sum(map(len, re.findall("[\x00-\x7f]+", text))) - counted - len(kanji)
    return total + _OTHER_COST * max(0, others)


@cache
def _is_common(kanji: str) -> bool:
    """Whether JIS X 0208 has `kanji` in its first level, the characters in common use."""
    try:
        code = kanji.encode("euc_jp")
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and 0xB0 <= code[0] <= 0xCF

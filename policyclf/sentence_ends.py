"""Where sentences end inside a block of text that holds no paragraph break.

English ends come from nupunkt's legal model (Bommarito et al., 2025), put right where
privacy policies trip it; Japanese ones from rules of our own. In neither language does
a bracket or a quotation end a sentence inside it, as long as it is closed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cache
from typing import Any

from policyclf.lines import JAPANESE
from policyclf.script import Language

__all__ = ["enclosed", "sentence_ends"]

_MAX_ENCLOSED = 500  # characters: longer, a bracket or quotation is taken for a slip
_DEPTH = 8  # open brackets that a closing one is looked for among
_PAIRS = {"（": "）", "(": ")", "「": "」", "『": "』", "【": "】", "[": "]", "［": "］", "“": "”"}
_CLOSING = {closing: opening for opening, closing in _PAIRS.items()}
_BRACKET = re.compile(f'[{re.escape("".join([*_PAIRS, *_CLOSING]))}"]')

# Without any of these a block is one sentence, and nupunkt need not be asked.
_EN_TRIVIAL = re.compile(r"[.!?。！？][^\s]{0,3}\s+\S|[.!?][A-Z]|[。！？]")
_EN_NEVER = re.compile(
    r"(?:^|[\s(\[“\"‘'/,;])(?:e\.g|i\.e|eg|ie|vs|cf|viz|Mr|Mrs|Ms|Dr|Prof|St|approx|incl|al|ca|Attn|Messrs|Hon"
    r"|Rev)\.$",
    re.IGNORECASE,
)
_EN_BEFORE_NUMBER = re.compile(
    r"(?:^|[\s(\[,;])(?:Nos?|Arts?|Secs?|Regs?|Recs?|paras?|pp?|Fig|Ch|Cl|Reg|Rev|Vol|ext|§+)\.$",
    re.IGNORECASE,
)
_EN_PERHAPS = re.compile(
    r"(?:\b(?:Inc|Ltd|Corp|Co|LLC|L\.L\.C|LLP|Pty|Pte|Plc|S\.A|S\.p\.A|B\.V|N\.V|Bros|etc|Jr|Sr|Ave|Blvd"
    r"|Dept|D\.C|a\.m|p\.m|U\.S|U\.K|E\.U|U\.S\.A|U\.S\.C|C\.F\.R|P\.O)|(?:^|[\s(.])[A-Z])\.$"
)
_EN_STARTER = re.compile(
    r"(?:We|You|Your|Our|The|This|These|That|Those|It|Its|If|In|For|To|By|As|When|Where|While|They|Their"
    r"|Please|However|Such|All|Any|Some|Each|No|Not|On|At|With|Under|Unless|Although|Because|There|A|An"
    r"|I|Other|Here|How|What|Who|Why|Upon|From|Also|Additionally|Further|Once"
    r"|During|After|Before|Since|Until|But|And|Or|So|Does|Do)\b(?!\.)"
)
_EN_GLUED = re.compile(r"(?<![\w.@/:-])[a-z][a-z]{2,}[.!?](?=[A-Z][a-z]*(?:['’][a-z]+)?[\s,])")

# An ordinary word and a full stop before a capital, which nupunkt may hold an abbreviation.
_EN_MISSED = re.compile(
    r"(?<![\w.@/:’'-])(?:[a-z]{4,}|[A-Z][a-z]{3,}|so|it|us|you|do|be|to|of|on|in|up|at|by|all|any|one|use"
    r"|not|way|ads?|ex|law|day|out|off|own|age|app|pay|her|him|me|them|old|new|web|^No|^Yes|^OK)"
    r"[.!?][\"”’)\]]*(?=\s+[A-Z(“\"])"
    r"|(?<=\s)[A-HJ-Z]\.(?=\s+(?:We|You|The|This|If|In|For|During|It|Our|Your)\s)"
)

_EN_TITLE_NOT = re.compile(
    r"\b(?:we|you|i|it|they|he|she|this|these|those|there|is|are|was|were|be|am|do|does|did|has|have|had"
    r"|can|may|will|must|should|could|would|let|please|not|never|really|always|sometimes|maybe|sorry|just"
    r"|very|still|only|also|often|usually|already|simply|thanks?|click|read|call|visit|updated?|revised|effective"
    r"|\w+n['’]t|\w+['’](?:re|ve|ll|m))\b|\d{4}|[:;?!]|(?<!bout) us\b"
    r"|^(?:of|for|most|many|some|every|each|any|if|when|no$|yes$|ok(?:ay)?$|sure$)(?:\b|$)",
    re.IGNORECASE,
)
_JA_TITLE_NOT = re.compile(r"[はがを、：:]|以上|同じ")

_JA_END = re.compile(r"[。｡！？!?．.]+[」』）)】］\]”\"’]*")
_JA_QUOTED_ON = "とのをがに、，・」』）)"
_LATIN_RUN = re.compile(r"[A-Za-z][A-Za-z'’-]*")


def sentence_ends(text: str, language: Language, start: int = 0) -> list[int]:
    """Offsets into `text` behind each sentence but the last, ascending; [] for one sentence.

    No end lies at or before `start`, where the text behind an enumerator begins.
    """
    if language == "ja":
        return _japanese(text, start)
    return _english(text, start)


def enclosed(text: str) -> list[tuple[int, int]]:
    """Outermost closed brackets and quotations of `text` as (start, end), ascending.

    Brackets that are never closed, that close nothing, or that hold more than
    `_MAX_ENCLOSED` characters are passed over.
    """
    pairs: list[tuple[int, int]] = []
    stack: list[tuple[str, int]] = []
    straight = -1
    for match in _BRACKET.finditer(text):
        char, at = match[0], match.start()
        if char == '"':
            if straight >= 0 and at - straight <= _MAX_ENCLOSED and not text[at - 1].isspace():
                pairs.append((straight, at + 1))
                straight = -1
            elif not text[at + 1 : at + 2].isspace():
                straight = at
            continue
        if char in _PAIRS:
            stack.append((char, at))
            continue
        opening = _CLOSING[char]
        for depth in range(len(stack) - 1, max(-1, len(stack) - 1 - _DEPTH), -1):
            if stack[depth][0] == opening:
                if at - stack[depth][1] <= _MAX_ENCLOSED:
                    pairs.append((stack[depth][1], at + 1))
                del stack[depth:]
                break
    outer: list[tuple[int, int]] = []
    for pair in sorted(pairs, key=lambda p: (p[0], -p[1])):
        if not outer or pair[0] >= outer[-1][1]:
            outer.append(pair)
    return outer


class _Inside:
    """Which outermost pair holds an offset."""

    def __init__(self, text: str) -> None:
        self._pairs = enclosed(text)
        self._starts = [a for a, _ in self._pairs]

    def __call__(self, at: int) -> tuple[int, int] | None:
        """The pair that `at` lies strictly inside, None for none."""
        i = bisect_right(self._starts, at) - 1
        if i >= 0 and self._pairs[i][0] < at < self._pairs[i][1]:
            return self._pairs[i]
        return None


@cache
def _splitter() -> Callable[[str], Any]:
    import nupunkt  # its model takes a few milliseconds; importing policyclf does without

    return nupunkt.sent_spans


def _english(text: str, start: int) -> list[int]:
    if not _EN_TRIVIAL.search(text, start):
        return []
    flat = re.sub(r"\s", " ", text[start:])
    found = {start + int(a) for a, _ in _splitter()(flat) if a}
    found |= {m.end() for m in _EN_GLUED.finditer(text, start)}
    inside = _Inside(text)
    found |= {m.end() for m in _EN_MISSED.finditer(text, start)}
    kept: list[int] = []
    for at in sorted(found):
        while at > start and text[at - 1].isspace():
            at -= 1
        behind = text[at:].lstrip() if len(text) - at < 200 else text[at : at + 200].lstrip()
        if at <= max(start, kept[-1] if kept else 0) or not behind or inside(at):
            continue
        if _goes_on(text[max(0, at - 24) : at], behind):
            continue
        if not kept and _is_run_in_title(text[start:at], behind, start > 0):
            continue
        kept.append(at)
    if "。" in text:
        kept = sorted({*kept, *_japanese(text, start)})
    return kept


def _goes_on(before: str, behind: str) -> bool:
    """Whether the sentence goes on over the full stop that ends `before`."""
    if _EN_NEVER.search(before) or behind.startswith("All rights reserved"):
        return True
    if _EN_BEFORE_NUMBER.search(before) and (behind[0].isdigit() or behind[0] in "(§"):
        return True
    if _EN_PERHAPS.search(before):
        return not _EN_STARTER.match(behind)
    return False


def _is_run_in_title(first: str, behind: str, numbered: bool) -> bool:
    """Whether `first` is a title that opens its paragraph: "Business transfers. As we…".

    It is short, holds no verb that could be told from a noun, and more follows.
    """
    core = first.strip("*_ \t")
    words = core.rstrip(".").split()
    if not words or not core.endswith(".") or len(behind) <= len(first) or not behind[0].isupper():
        return False
    formal = numbered or first != core or all(w[0].isupper() or len(w) <= 3 for w in words)
    if len(words) > (7 if formal else 4) or not words[0][0].isupper():
        return False
    return not _EN_TITLE_NOT.search(core.rstrip("."))


def _japanese(text: str, start: int) -> list[int]:
    inside = _Inside(text)
    ends: list[int] = []
    begin = start
    for match in _JA_END.finditer(text, start):
        at, end = match.span()
        pair = inside(at)
        if pair is not None:
            # A bracket that is a sentence of its own ends with its closing mark.
            near = pair[0] - begin < _MAX_ENCLOSED  # lest a long line be read over and over
            alone = near and not text[begin : pair[0]].strip() and text[pair[0]] in "（([［"
            if not (alone and end >= pair[1] and end < len(text)):
                continue
            end = pair[1]
        elif not _ja_ends(text, begin, at, end, match[0][0]):
            continue
        if not ends and end - start <= 20 and _is_ja_title(text[start:end], text[end : end + 40]):
            continue
        ends.append(end)
        begin = end
    return ends


def _is_ja_title(first: str, behind: str) -> bool:
    """Whether `first` is a noun phrase that opens its paragraph: 「統計データ。 お客様は…」."""
    noun = re.search(r"[ァ-ヶー一-龠]。$", first) is not None
    return noun and len(behind.strip()) > len(first) and not _JA_TITLE_NOT.search(first)


def _ja_ends(text: str, begin: int, at: int, end: int, mark: str) -> bool:
    """Whether the mark at text[at:end], in no bracket, ends the sentence begun at `begin`."""
    following = text[end : end + 1]
    if mark in "。｡":
        return True
    before = text[max(0, at - 2) : at]
    if JAPANESE.fullmatch(before[-1:]) or before[-1:] in "」』）)】ー々":
        if mark in "！？!?":
            return following not in _JA_QUOTED_ON
        kana = len(before) == 2 and (JAPANESE.match(before) or before[0] in "」』）ー")
        return bool(kana) and not (following.isascii() and following.isalnum())
    if not following.isspace():
        # "Cookie．また"; not "Yahoo！ショッピング", "６．の", "www.example.co.jp"
        return mark == "．" and before.isalpha() and bool(JAPANESE.match(following))
    passage = text[max(begin, at - 400) : at]
    last = max((m.end() for m in JAPANESE.finditer(passage)), default=0)
    words = _LATIN_RUN.findall(passage[last:])
    return len(words) >= 3 and not (
        _EN_NEVER.search(passage[-24:] + mark) or _EN_PERHAPS.search(passage[-24:] + mark)
    )

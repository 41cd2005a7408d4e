"""English or Japanese, told by the script of a passage."""

from __future__ import annotations

import re
from typing import Literal

from policyclf.lines import JAPANESE

__all__ = ["Language", "language_of"]

Language = Literal["en", "ja"]

_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}(?:['’.][A-Za-z]+)*")
_ASIDE = re.compile(r"https?://[!-~]+|\S+@\S+|\([^()]{0,80}\)|（[^（）]{0,80}）|「[^「」]{0,80}」")
_SAMPLE = 4000  # characters; a passage does not change its language behind them


def language_of(text: str, otherwise: Language = "en") -> Language:
    """The language of `text`; `otherwise` where it has no letters ("2026-06-08").

    A Japanese sentence full of English names is Japanese (「Google Analyticsの利用」), an
    English one that gives a Japanese term in brackets is English: Japanese characters
    outside brackets are weighed against Latin words.
    """
    sample = text[:_SAMPLE]
    for passage in (_ASIDE.sub(" ", sample), sample):
        japanese = len(JAPANESE.findall(passage))
        latin = len(_LATIN_WORD.findall(passage))
        if japanese or latin:
            return "ja" if japanese > latin else "en"
    return "en" if any(c.isalpha() for c in sample) else otherwise

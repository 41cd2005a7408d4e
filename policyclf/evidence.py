"""Evidence: which words speak for a label.

    >>> text = "We share your e-mail address with printers."
    >>> offsets = [(0, 2), (3, 8), (9, 13), (14, 20), (21, 28), (29, 33), (34, 42), (42, 43)]
    >>> weights = np.array([[0.1], [2.0], [0.2], [0.1], [0.0], [0.3], [1.1], [0.4]])
    >>> (spans,) = spans_for(text, words(text, offsets), offsets, weights)
    >>> [text[span.start : span.end] for span in spans]
    ['share', 'printers']

The model gives each token's evidence for each label: about what the label's logit would
fall by without the token (see policyclf.model). A word has that of its tokens; punctuation
has none. The words with the most of it are shown.

In Japanese, which puts no space between words, the model's pieces stand for words, but a
run of katakana or of Latin letters is never parted. With `dictionary_words` they are the
words of a dictionary instead (fugashi with unidic-lite, the extra "words"). Which of the
two is never a matter of what is installed: the caller of `load` says.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from policyclf.errors import MissingExtraError
from policyclf.results import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["dictionary_words", "spans_for", "words"]

# The evidence is the fewest words that bear this share of what speaks for the label, and no
# more words than the limit: a reader wants words to look at, not the sentence again.
SHARE = 0.6
LIMIT = 8

Spans = list[tuple[int, int]]  # characters of the segment, end exclusive, ascending

_RUN = re.compile(
    # a Latin word, a number; × and ÷ stand among the letters of Latin-1
    r"[A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+"
    r"(?:['’][A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+)*"
    r"|[\u30a1-\u30fa\u30fc]+"  # katakana
)


def words(text: str, offsets: Sequence[tuple[int, int]]) -> Spans:
    """The words of a segment whose tokens have these `offsets` (characters, end exclusive)."""
    found = [match.span() for match in _RUN.finditer(text)]
    taken = bytearray(len(text))
    for first, last in found:
        taken[first:last] = b"\x01" * (last - first)
    for first, last in offsets:
        if first == last or (taken[first] and taken[last - 1]):
            continue
        begin = first
        for i in range(first, last + 1):
            if i == last or taken[i] or not text[i].isalnum():
                if begin < i:
                    found.append((begin, i))
                    taken[begin:i] = b"\x01" * (i - begin)
                begin = i + 1
    return sorted(found)


def dictionary_words(text: str) -> Spans:
    """The Japanese words of a segment, short units of UniDic; MissingExtraError without it."""
    found = []
    at = 0
    for surface in _surfaces()(text):
        at = text.index(surface, at)
        if any(c.isalnum() for c in surface):
            found.append((at, at + len(surface)))
        at += len(surface)
    return found


@functools.cache
def _surfaces() -> Callable[[str], list[str]]:
    """What cuts a text into words and punctuation, as they stand in it."""
    try:
        import fugashi
        import unidic_lite  # noqa: F401 - fugashi's error for a missing dictionary is a page long
    except ImportError as error:
        raise MissingExtraError("evidence in dictionary words", "words") from error
    tagger: Any = fugashi.Tagger()
    lock = threading.Lock()  # a tagger's words are gone with its next text

    def cut(text: str) -> list[str]:
        with lock:
            return [str(word.surface) for word in tagger(text)]

    return cut


def spans_for(
    text: str, found: Spans, offsets: Sequence[tuple[int, int]], weights: NDArray[np.float32], start: int = 0
) -> list[tuple[Span, ...]]:
    """For each label the spans, in reading order, that speak for it.

    `text` is the segment, `found` its words, `offsets` its tokens' characters, `weights`
    the tokens' evidence for each label, (n_tokens, n_labels); `start` is added to the spans.
    There is at least one span for each label, but none where the segment has no word.
    """
    import numpy as np

    if not found:
        return [()] * weights.shape[1]
    # A token's evidence is spread over its characters, since dictionary words cut across tokens.
    first, last = np.array(offsets).T
    each = weights / np.maximum(last - first, 1)[:, None]
    spread = np.zeros((len(text) + 1, weights.shape[1]))
    np.add.at(spread, first, each)
    np.subtract.at(spread, last, each)
    before = np.zeros((len(text) + 1, weights.shape[1]))
    spread[:-1].cumsum(axis=0).cumsum(axis=0, out=before[1:])
    begins, ends = np.array(found).T
    of_words = before[ends] - before[begins]
    return [tuple(Span(start + a, start + b) for a, b in _strongest(text, found, w)) for w in of_words.T]


def _strongest(text: str, found: Spans, weights: NDArray[np.float64]) -> Spans:
    """The words that bear most of the evidence, those that stand side by side as one span."""
    order = (-weights).argsort(kind="stable")
    enough = SHARE * weights.clip(min=0).sum()
    chosen: list[int] = []
    for i in order[:LIMIT].tolist():
        if chosen and weights[i] <= 0:
            break
        chosen.append(i)
        enough -= weights[i]
        if enough <= 0:
            break
    joined: Spans = []
    for i in sorted(chosen):
        first, last = found[i]
        if joined and not text[joined[-1][1] : first].strip():
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined

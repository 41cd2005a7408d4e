"""Lexical variety of the corpus beside that of real policies, at equal size.

    python -m training.variety REAL_FOLDER

REAL_FOLDER holds en/ and ja/ with texts. From either side as many whole documents are
drawn as make up the same number of words (fugashi in Japanese); printed are distinct words
and distinct word trigrams, and the length of the library's segments. Where the corpus has
fewer distinct trigrams than real text it is too smooth; where more, it lacks boilerplate.
Needs the `train` and `words` extras.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from policyclf.segmenting import segments
from training import corpus
from training.baselines import english_words, japanese_words

WORDS = 60_000  # compared at this size


def words(text: str, language: str) -> list[str]:
    """Words of a text, line by line."""
    cut = japanese_words if language == "ja" else english_words
    return [word for line in text.splitlines() for word in cut(line)]


def drawn(texts: Sequence[str], language: str, size: int, seed: int) -> tuple[list[str], list[int]]:
    """At most `size` words of documents in random order, and their segments' lengths in words."""
    order = list(range(len(texts)))
    random.Random(seed).shuffle(order)
    taken: list[str] = []
    lengths: list[int] = []
    for i in order:
        if len(taken) >= size:
            break
        taken += words(texts[i], language)
        lengths += [
            len(words(texts[i][s.start : s.end].replace("\n", " "), language))
            for s in segments(texts[i])
            if s.kind != "heading"
        ]
    return taken[:size], lengths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("real", type=Path)
    options = parser.parse_args()
    policies = corpus.load()
    for language in corpus.LANGUAGES:
        sides = {
            "corpus": [p.text for p in policies if p.language == language],
            "real": [
                p.read_text(encoding="utf-8") for p in sorted((options.real / language).rglob("*.txt"))
            ],
        }
        columns = f"{'words':>8}{'distinct':>10}{'distinct trigrams':>19}{'segment: median':>17}{'90 %':>6}"
        print(f"{language:<10}{columns}")
        for name, texts in sides.items():
            taken, lengths = drawn(texts, language, WORDS, seed=0)
            trigrams = set(zip(taken, taken[1:], taken[2:], strict=False))
            high = statistics.quantiles(lengths, n=10)[8]
            print(
                f"{name:<10}{len(taken):>8}{len(set(taken)):>10}{len(trigrams):>19}"
                f"{statistics.median(lengths):>17.0f}{high:>6.0f}"
            )


if __name__ == "__main__":
    main()

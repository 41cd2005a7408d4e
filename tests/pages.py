"""Policies with the labels that a test gives them, so that pages do not hang on a model."""

from __future__ import annotations

from collections.abc import Mapping

from policyclf import Clause, Practice, Span
from policyclf.results import Clauses
from policyclf.segmenting import segments

CODES = {
    "first": Practice.FIRST_PARTY_COLLECTION_USE,
    "third": Practice.THIRD_PARTY_SHARING_COLLECTION,
    "choice": Practice.USER_CHOICE_CONTROL,
    "retention": Practice.DATA_RETENTION,
    "security": Practice.DATA_SECURITY,
    "intro": Practice.INTRODUCTORY_GENERIC,
    "contact": Practice.CONTACT_INFORMATION,
}


def labelled(text: str, tags: Mapping[str, str]) -> Clauses:
    """The clauses of `text`; one that holds a key of `tags` bears its labels ("third! first").

    The key itself is the evidence for them.
    """
    found = []
    for segment in segments(text):
        content = text[segment.start : segment.end]
        tag, words = next(((tags[k], k) for k in tags if k in content), ("", ""))
        marks = [] if segment.kind == "heading" else tag.split()
        labels = tuple(CODES[mark.rstrip("!")] for mark in marks)
        at = segment.start + content.find(words)
        found.append(
            Clause(
                content, segment.start, segment.end, segment.kind, segment.language, labels,
                denied=tuple(CODES[mark[:-1]] for mark in marks if mark.endswith("!")),
                scores={p: 0.9 - labels.index(p) / 10 if p in labels else 0.02 for p in Practice},
                evidence={label: (Span(at, at + len(words)),) for label in labels},
            )
        )  # fmt: skip
    return Clauses(found, source=text)


POLICY = """# Privacy at Fennimore Kites

We make kites in Ardmore and sell them by post.

## What we ask for

When you order, we ask for:

- your name and address
- your arm span
  1. in centimetres
  2. or in inches

We do not ask for your age. We never sell your data to anyone.

| Data | Kept for |
|------|----------|
| Orders | seven years |
| Letters | one year |

> Write to kites@fennimore.example.

## 保存と安全管理

当社は、ご注文の記録を７年間保存します。記録は暗号化して保管します。
"""
TAGS = {
    "We make kites": "intro",
    "we ask for": "first",
    "name and address": "first third",
    "arm span": "first",
    "not ask for your age": "first!",
    "never sell": "third!",
    "seven years": "retention",
    "one year": "retention",
    "kites@fennimore": "contact",
    "７年間保存": "retention",
    "暗号化": "security",
}
NEWER = (
    POLICY.replace("We never sell your data to anyone.", "")
    .replace("- your arm span", "- your arm span and your height")
    .replace("> Write to", "You may cancel the catalogue at any time.\n\n> Write to")
    .replace("seven years", "nine years")
)
NEWER_TAGS = {**TAGS, "nine years": "retention", "cancel the catalogue": "choice"}

ENGLISH = """# Privacy

We ask for your name.

We never sell it.

Write to 0848-00-0000.
"""
ENGLISH_TAGS = {"ask for": "first", "never sell": "third!", "Write": "contact"}
JAPANESE = """# 個人情報保護方針

お名前を伺います。

ご注文の記録は七年間保存します。

電話 0848-00-0000 までご連絡ください。
"""
JAPANESE_TAGS = {"伺います": "first", "保存": "retention", "電話": "contact"}

# Everything that a policy could try on its reader: markup, the page's own templates, bidi
# overrides, characters that do not show, piles of marks, words longer than a line.
HOSTILE = (
    "# <script>window.owned = 1</script>\n\n"
    'We ask <img src="http://127.0.0.1:9/x.png" onerror="window.owned = 2"> for your name.\n\n'
    "</style><style>main { display: none }</style></title></main><h1>Sold</h1>\n\n"
    "We \u202ereven llew\u202c sell\u200b \u2066data\u2069 and n\u00adever "
    "\u200fkeep\u200d it\x00 \x1b[31m.\n\n"
    '"><svg onload="window.owned = 3"> [here](javascript:window.owned=4) $heading ${body} &lt;b&gt;\n\n'
    "Z" + "\u0301\u0302\u0303\u0304\u0305\u0306" * 30 + " marks, a lone \ud800 surrogate, \u3164 fillers.\n\n"
    "- " + "m" * 600 + "\n"
    "- <!-- not shown --> we sell it all \U000e0041\U000e0042\n\n"
    "| <b>a</b> | \u202dx |\n|---|---|\n| </td></table><script>window.owned=5</script> | y |\n"
)
HOSTILE_TAGS = {"for your name": "first", "sell": "third!", "sell it all": "third", "marks": "intro"}

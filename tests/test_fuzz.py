"""Two thousand inputs that nobody meant: each gives a document or an error that names it.

The inputs are made from seeds, so that a failure is repeated by its number. A document's
segments must cover its text but for white space, whatever it was read from.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

import policyclf
from policyclf.document import Document
from policyclf.markup import tags
from policyclf.reading import FileKind, document_of
from policyclf.segmenting import segments

Input = tuple[bytes, FileKind | None]

PAGE = """<!DOCTYPE html><html lang=ja><head><meta charset="{}"><title>方針</title></head><body class="menu">
<div id=header><a href=/>店</a><ul id=gnav><li><a href=/>ホーム</a></ul></div><h1>個人情報保護方針</h1>
<p>当店は、お客様のお名前を<br>取得します。第三者に<b>提供</b>しません。</p>
<ul><li>氏名<ul><li>姓</ul><li>We keep logs.</ul>
<table><tr><th>情報<th>目的<tr><td rowspan=2>氏名<td><ul><li>発送</ul><tr><td>連絡</table>
<dl><dt>管理者<dd>店主</dl><details><summary>Your rights</summary>Ask us.</details>
<div hidden>x</div><nav><a href=#a>目次</a></nav><footer>© 2024</footer></body></html>"""
TAGS = sorted(
    tags(
        "div p ul ol li table tr td th dl dt dd h1 h2 span b a br pre textarea select option button form svg"
    )
    | tags("math template noscript script style ruby rt nav footer header main details summary font iframe")
    | tags("body html head title frameset plaintext x-y")
)
ATTRIBUTES = [
    *("", "", "", " hidden", " class=menu", " role=list", " role=listitem", " style=display:none"),
    *(" id=a aria-expanded", " rowspan=3", " colspan=99999", " class='cookie-banner'", " href='#a'"),
    *(" =x='", " role=heading"),
]
TEXTS = [
    "We keep it.",
    "個人情報。",
    "・氏名",
    "(1)",
    "<",
    "&amp;",
    "&#0;",
    "<!--",
    "-->",
    "]]>",
    "\0",
    "\u2028",
    "\t| a |",
]
ENCODINGS = [
    "utf-8",
    "utf-16",
    "utf-32",
    "cp932",
    "euc_jp",
    "iso2022_jp",
    "cp1252",
    "utf-16-le",
    "latin-1",
    "gb18030",
]
KINDS: list[FileKind | None] = ["text", "html", "pdf", None]


def soup(rng: random.Random) -> Input:
    """Tags and text in any order."""
    pieces = []
    for _ in range(rng.randrange(1, 120)):
        tag, choice = rng.choice(TAGS), rng.random()
        if choice < 0.45:
            pieces.append(f"<{tag}{rng.choice(ATTRIBUTES)}>")
        else:
            pieces.append(f"</{tag}>" if choice < 0.7 else rng.choice(TEXTS))
    return "".join(pieces).encode(rng.choice(ENCODINGS), "ignore"), rng.choice(["html", "html", None, "text"])


def damaged_page(rng: random.Random) -> Input:
    """A page with bytes changed, lost and doubled."""
    encoding = rng.choice(ENCODINGS)
    page = PAGE.format(rng.choice(ENCODINGS)).encode(encoding, "ignore")
    return damaged(page, rng), rng.choice(["html", "html", None, "text"])


def damaged_pdf(rng: random.Random) -> Input:
    """A PDF likewise."""
    return damaged(rng.choice(PDFS), rng), rng.choice(["pdf", None])


def damaged(data: bytes, rng: random.Random) -> bytes:
    result = bytearray(data)
    for _ in range(rng.randrange(1, 30)):
        at, choice = rng.randrange(len(result)), rng.random()
        if choice < 0.5:
            result[at] = rng.randrange(256)
        elif choice < 0.8 and len(result) > 300:
            del result[at : at + rng.randrange(1, 120)]
        else:
            result[at:at] = result[at : at + rng.randrange(200)]
    return bytes(result)


def noise(rng: random.Random) -> Input:
    """Bytes without a meaning, all of them or those of a range."""
    low = rng.choice([0, 0, 9, 0x20, 0x80])
    high = rng.choice([256, 0x7F if low < 0x7F else 256])
    return bytes(rng.randrange(low, high) for _ in range(rng.randrange(1, 800))), rng.choice(KINDS)


def wrong_encoding(rng: random.Random) -> Input:
    """A whole page or text in one encoding that claims another, or is cut off."""
    text = PAGE.format(rng.choice([*ENCODINGS, "", "no-such", "utf-7", "rot13"]))
    start = rng.randrange(len(text) // 2)
    data = text[start : start + rng.randrange(1, 600)].encode(rng.choice(ENCODINGS), "ignore")
    return data[: len(data) - rng.randrange(3)], rng.choice(["text", "html"])


def nested(rng: random.Random) -> Input:
    """Elements inside one another, to depths that no page has."""
    tags = [rng.choice(TAGS) for _ in range(rng.randrange(1, 4))]
    opening = "".join(f"<{tag}>" for tag in tags)
    closing = "".join(f"</{tag}>" for tag in reversed(tags))
    depth = rng.choice([10, 100, 1000, 3000])
    return (opening * depth + "We log." + closing * rng.choice([0, depth // 2, depth])).encode(), "html"


def empty(rng: random.Random) -> Input:
    """Nothing, or nothing to read."""
    blank = [
        "",
        "",
        " ",
        "\n\n",
        "\ufeff",
        "\u3000",
        "<p></p>",
        "<html>",
        "<!-- -->",
        "<script>x",
        "\0",
        "\x1b$B",
        "\x1b(B",
    ]
    return "".join(rng.choice(blank) for _ in range(rng.randrange(4))).encode(), rng.choice(KINDS)


def _pdf(vertical: bool) -> bytes:
    font = "HeiseiMin-W3" if vertical else "HeiseiKakuGo-W5"
    pdfmetrics.registerFont(UnicodeCIDFont(font, isVertical=vertical))
    out = io.BytesIO()
    canvas = Canvas(out, pageCompression=0)
    for page in range(2):
        for line in range(4):
            canvas.setFont(font, 12)
            canvas.drawString(500 - 20 * line, 700 - 20 * line, "当社は、お客様の個人情報を取得します。")
        canvas.setFont("Helvetica", 9)
        canvas.drawString(280, 30, f"Page {page}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


PDFS = [_pdf(False), _pdf(True)]
FAMILIES: list[tuple[Callable[[random.Random], Input], int]] = [
    (soup, 600),
    (damaged_page, 400),
    (damaged_pdf, 250),
    (noise, 300),
    (wrong_encoding, 250),
    (nested, 120),
    (empty, 80),
]


def test_there_are_two_thousand() -> None:
    assert sum(count for _, count in FAMILIES) == 2000


@pytest.mark.parametrize(("family", "count"), FAMILIES, ids=lambda value: getattr(value, "__name__", ""))
def test_an_answer_or_an_error_that_names_the_input(
    family: Callable[[random.Random], Input], count: int, classifier: policyclf.Classifier
) -> None:
    answers = unnamed = 0
    for number in range(count):
        data, kind = family(random.Random(f"{family.__name__} {number}"))
        name = f"{family.__name__}-{number}"
        try:
            document = document_of(data, name, kind)
        except policyclf.FileError as error:
            unnamed += not str(error).startswith(f"{name}: ")
            continue
        answers += 1
        covers(document, name)
        if number % 40 == 0 and len(document.text) < 5000:
            clauses = classifier.classify(document)
            assert [(c.start, c.end) for c in clauses] == [(s.start, s.end) for s in segments(document)], name
    assert not unnamed
    # Each family but the last is there for what can be read in spite of all.
    assert answers > (0 if family is empty else count // 20)


def covers(document: Document, name: str) -> None:
    """The segments are in order, hold text, and only white space lies between them."""
    at = 0
    for segment in segments(document):
        assert at <= segment.start < segment.end <= len(document.text), name
        assert not document.text[at : segment.start].strip("\ufeff \t\r\n").strip(), name
        assert document.text[segment.start : segment.end].strip(), name
        at = segment.end
    assert not document.text[at:].strip(), name


def megabytes(parts: Iterator[bytes], size: int) -> bytes:
    out = io.BytesIO()
    while out.tell() < size:
        out.write(next(parts))
    return out.getvalue()


def test_a_page_of_fifty_megabytes(classifier: policyclf.Classifier) -> None:
    rng = random.Random(7)
    # As such pages come: scripts, pictures inside the markup, and a policy among them.
    heavy = (
        b"<script>var x%d = '<div><p>' + \"<!--\";</script><img src='data:image/png;base64,%s'>\n"
        % (i, rng.randbytes(6000).hex().encode())
        for i in range(10**9)
    )
    page = PAGE.format("utf-8").encode()
    at = page.index(b"<h1>")
    data = page[:at] + megabytes(heavy, 50 * 2**20) + page[at:]
    clauses = classifier.classify(document_of(data, "big.html"))
    assert [c.text for c in clauses] == [c.text for c in classifier.classify(document_of(page, "small.html"))]


@pytest.mark.parametrize("kind", ["text", "html", "pdf", None])
def test_fifty_megabytes_of_noise(kind: FileKind | None) -> None:
    data = random.Random(8).randbytes(50 * 2**20)
    with pytest.raises(policyclf.FileError, match=r"^noise: (holds no text but binary data|is no PDF)"):
        document_of(data, "noise", kind)

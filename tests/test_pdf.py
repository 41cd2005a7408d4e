"""PDFs, made here: paragraphs, columns, furniture, Japanese across and down the page."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from policyclf.errors import MissingExtraError
from policyclf.pdf import Unreadable, pdf

WIDTH, HEIGHT = 595, 842  # A4, in points


class Sheet:
    """A PDF in the making; places in points from the page's top left."""

    def __init__(self, encrypt: StandardEncryption | None = None) -> None:
        self._bytes = io.BytesIO()
        self.canvas = Canvas(self._bytes, pagesize=(WIDTH, HEIGHT), encrypt=encrypt)
        self.size = 11.0
        self.font = "Times-Roman"

    def put(self, text: str, x: float = 72, y: float = 100, font: str = "", size: float = 0) -> None:
        self.canvas.setFont(font or self.font, size or self.size)
        self.canvas.drawString(x, HEIGHT - y, text)

    def lines(self, lines: Sequence[str], x: float = 72, y: float = 100, leading: float = 15) -> float:
        for line in lines:
            self.put(line, x, y)
            y += leading
        return y

    def wrapped(self, text: str, width: float, x: float = 72, y: float = 100, indent: float = 0) -> float:
        for line in self.broken(text, width, indent):
            self.put(line, x + indent, y)
            y, indent = y + 15, 0
        return y

    def broken(self, text: str, width: float, indent: float = 0) -> list[str]:
        """`text` in lines, broken where the width ends, as a typesetter does."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            room = width - (indent if len(lines) == 1 else 0)
            if lines[-1] and pdfmetrics.stringWidth(longer, self.font, self.size) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def turn(self) -> None:
        self.canvas.showPage()

    def data(self) -> bytes:
        self.canvas.save()
        return self._bytes.getvalue()


def japanese(sheet: Sheet, vertical: bool = False) -> Sheet:
    """`sheet`, to go on in a font that needs no file: readers bring their own."""
    sheet.font = "HeiseiMin-W3" if vertical else "HeiseiKakuGo-W5"
    pdfmetrics.registerFont(UnicodeCIDFont(sheet.font, isVertical=vertical))
    return sheet


def shown(data: bytes) -> list[tuple[str, str]]:
    document = pdf(data)
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks if not b.furniture]


def furniture(data: bytes) -> list[tuple[str, str]]:
    document = pdf(data)
    return [(b.furniture, document.text[b.start : b.end]) for b in document.blocks if b.furniture]


LONG = (
    "When you order a harp from our workshop we ask for your name, your postal address and the notes "
    "that you mean to play on it. We keep these for seven years because the law on bookkeeping says so, "
    "and we never sell them, lend them or give them to anybody who is not going to carry the harp to you."
)
SECOND = (
    "Our website counts how many people look at each page. It does so without cookies and without asking "
    "your browser who you are, so that we could not tell your visit from that of your neighbour."
)


def test_lines_are_rejoined_into_paragraphs() -> None:
    sheet = Sheet()
    sheet.put("Privacy at Ellerby Harps", y=80, font="Times-Bold", size=18)
    y = sheet.wrapped(LONG, 451, y=110)
    y = sheet.wrapped(SECOND, 451, y=y + 9)
    sheet.put("Who sees it", y=y + 10, font="Times-Bold")
    sheet.wrapped(SECOND, 300, y=y + 28)
    assert shown(sheet.data()) == [
        ("heading", "Privacy at Ellerby Harps"),
        ("paragraph", LONG),
        ("paragraph", SECOND),
        ("heading", "Who sees it"),
        ("paragraph", SECOND),
    ]


def test_paragraphs_that_only_their_first_line_tells() -> None:
    sheet = Sheet()
    y = 100.0
    for text in (LONG, SECOND):
        y = sheet.wrapped(text, 451, y=y, indent=22)
    assert [text for _, text in shown(sheet.data())] == [LONG, SECOND]


def test_hyphens_at_the_end_of_lines() -> None:
    sheet = Sheet()
    lines = [
        "We give no informa-",
        "tion to third-",
        "party tools. A third-party tool is self-",
        "Employed people are welcome.",
    ]
    sheet.lines(lines)
    assert " ".join(text for _, text in shown(sheet.data())).startswith(
        "We give no information to third-party tools. A third-party tool is self-"
    )


def test_bullets_and_numbers_open_items() -> None:
    sheet = Sheet()
    y = sheet.lines(["We collect:"])
    sheet.put("•", x=80, y=y)
    sheet.put("your name and the address that you gave when you came to the workshop for the very", x=98, y=y)
    sheet.put("first time;", x=98, y=y + 15)
    sheet.put("•", x=80, y=y + 30)
    sheet.put("your telephone number.", x=98, y=y + 30)
    found = shown(sheet.data())
    assert [kind for kind, _ in found] == ["paragraph", "list_item", "list_item"]
    assert found[1][1].endswith("for the very first time;")
    assert pdf(sheet._bytes.getvalue()).blocks[2].lead_in == 0


def test_a_table_s_rows_are_read_across() -> None:
    sheet = Sheet()
    y = sheet.wrapped(LONG, 451)
    for row in (
        ("Data", "Purpose", "Kept"),
        ("Name", "Orders", "7 years"),
        ("E-mail", "Letters", "until you leave"),
    ):
        for x, cell in zip((72, 200, 330), row, strict=True):
            sheet.put(cell, x=x, y=y + 20)
        y += 15
    assert shown(sheet.data())[1:] == [
        ("heading", "Data\tPurpose\tKept"),
        ("table_row", "Name\tOrders\t7 years"),
        ("table_row", "E-mail\tLetters\tuntil you leave"),
    ]


@pytest.mark.parametrize("interleaved", [False, True])
def test_columns_are_read_one_after_the_other(interleaved: bool) -> None:
    sheet = Sheet()
    sheet.put("Privacy at Ellerby Harps", y=70, font="Times-Bold", size=18)
    left, right = Sheet(), Sheet()
    columns: list[list[tuple[str, float]]] = []
    for part in (left, right):
        drawn: list[tuple[str, float]] = []
        part.put = lambda text, x=0, y=0, font="", size=0, drawn=drawn: drawn.append((text, y))  # type: ignore[method-assign]
        part.wrapped(LONG if part is left else SECOND + " " + LONG, 210)
        columns.append(drawn)
    calls = [(text, 72, y) for text, y in columns[0]] + [(text, 310, y) for text, y in columns[1]]
    for text, x, y in sorted(calls, key=lambda c: c[2]) if interleaved else calls:
        sheet.put(text, x=x, y=y)
    assert shown(sheet.data()) == [
        ("heading", "Privacy at Ellerby Harps"),
        ("paragraph", LONG),
        ("paragraph", f"{SECOND} {LONG}"),
    ]


def pages() -> bytes:
    """Three pages, a paragraph over each page's end."""
    sheet = Sheet()
    lines = sheet.broken(f"{LONG} {SECOND} {LONG}", 430)
    for page in range(3):
        sheet.put("Ellerby Harps Ltd. | Privacy notice", y=40, size=8)
        sheet.lines(lines[4 * page : 4 * page + 4 if page < 2 else None])
        sheet.put(f"Page {page + 1} of 3", x=270, y=810, size=8)
        sheet.turn()
    return sheet.data()


def test_headers_and_footers_are_furniture_and_cut_no_paragraph() -> None:
    data = pages()
    assert furniture(data) == [
        (where, text)
        for page in (1, 2, 3)
        for where, text in (
            ("header", "Ellerby Harps Ltd. | Privacy notice"),
            ("footer", f"Page {page} of 3"),
        )
    ]
    assert shown(data) == [("paragraph", f"{LONG} {SECOND} {LONG}")]


@pytest.mark.parametrize("number", ["3", "- 3 -", "3 / 12", "iv", "Page 3", "３ページ"])
def test_a_page_number_is_furniture_on_a_single_page(number: str) -> None:
    sheet = japanese(Sheet())
    sheet.put("We log.", font="Times-Roman")
    sheet.put(number, x=290, y=815)
    assert furniture(sheet.data()) == [("footer", number)]


JAPANESE = (
    "当社は、お客様からご注文をいただくときに、お名前、ご住所、お電話番号及びメールアドレスを取得します。取得した個人情報は、"
    "商品の発送とお問い合わせへの回答のためにのみ利用し、法令に基づく場合を除いて第三者に提供することはありません。"
)
SECOND_JAPANESE = (
    "個人情報は、ご注文から７年間保管した後、復元できない方法で消去します。"
    "保管中は暗号化し、鍵のかかる部屋に置きます。"
)


def chunks(text: str, length: int) -> list[str]:
    return [text[i : i + length] for i in range(0, len(text), length)]


def test_japanese_lines_are_joined_without_spaces() -> None:
    sheet = japanese(Sheet())
    sheet.put("個人情報保護方針", y=70, size=16)
    y = sheet.lines(chunks("　" + JAPANESE, 40))
    y = sheet.lines(chunks("　" + SECOND_JAPANESE, 40), y=y)
    sheet.lines(["（１）氏名", "（２）住所"], y=y)
    found = [(kind, text.strip("　")) for kind, text in shown(sheet.data())]
    assert found[:3] == [
        ("heading", "個人情報保護方針"),
        ("paragraph", JAPANESE),
        ("paragraph", SECOND_JAPANESE),
    ]
    assert [text for _, text in found[3:]] == ["（１）氏名", "（２）住所"]


@pytest.mark.parametrize("backwards", [False, True])
def test_vertical_japanese_is_read_from_right_to_left(backwards: bool) -> None:
    sheet = japanese(Sheet(), vertical=True)
    columns = [("個人情報保護方針", 520.0)]
    x = 490.0
    for text in (JAPANESE, SECOND_JAPANESE):
        for chunk in chunks(text, 50):
            columns.append((chunk, x))
            x -= 20
    for text, x in reversed(columns) if backwards else columns:
        sheet.put(text, x=x, y=100)
    japanese(sheet)
    sheet.put("- 12 -", x=290, y=815, size=9)
    data = sheet.data()
    assert "".join(text for _, text in shown(data)) == "個人情報保護方針" + JAPANESE + SECOND_JAPANESE
    assert ("paragraph", JAPANESE) in shown(data)
    assert furniture(data) == [("footer", "- 12 -")]


def test_digits_set_side_by_side_in_a_vertical_line() -> None:
    sheet = japanese(Sheet(), vertical=True)
    sheet.put("当社は、平成", x=500, y=100, size=12)
    sheet.put("24", x=494, y=182, font="Times-Roman", size=11)
    sheet.put("年から個人情報を取得します。", x=500, y=186, size=12)
    sheet.put("第三者に提供することはありません。", x=470, y=100, size=12)
    assert "".join(text for _, text in shown(sheet.data())) == (
        "当社は、平成24年から個人情報を取得します。第三者に提供することはありません。"
    )


def test_a_page_on_its_side() -> None:
    sheet = Sheet()
    sheet.canvas.translate(0, HEIGHT)
    sheet.canvas.rotate(-90)
    sheet.canvas.translate(0, -HEIGHT + WIDTH)
    sheet.wrapped(LONG, 451)
    assert [text for _, text in shown(sheet.data())] == [LONG]


def test_radicals_and_ligatures_become_the_characters_that_they_stand_for() -> None:
    sheet = japanese(Sheet())
    sheet.put("⽤途は次のとおりです。")
    assert shown(sheet.data())[0][1] in ("用途は次のとおりです。", "途は次のとおりです。")


def test_a_password() -> None:
    sheet = Sheet(StandardEncryption("secret"))
    sheet.put("We log.")
    with pytest.raises(Unreadable, match="is protected by a password"):
        pdf(sheet.data())


def test_a_password_for_changes_only_is_none() -> None:
    sheet = Sheet(StandardEncryption("", ownerPassword="secret", canPrint=0))
    sheet.put("We log.")
    assert shown(sheet.data()) == [("paragraph", "We log.")]


def test_a_scan() -> None:
    sheet = Sheet()
    sheet.canvas.rect(100, 100, 300, 300, fill=1)
    sheet.turn()
    sheet.canvas.rect(100, 100, 300, 300, fill=1)
    with pytest.raises(Unreadable, match="holds no text on its 2 pages"):
        pdf(sheet.data())


@pytest.mark.parametrize("data", [b"", b"We log.", b"%PDF-1.7\nWe log.", b"\0" * 1000])
def test_what_is_no_pdf(data: bytes) -> None:
    with pytest.raises(Unreadable, match="is no PDF, or a damaged one"):
        pdf(data)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"policyclf\[pdf\]\""):
        pdf(b"%PDF-1.7")

"""Blocks: what a line is, what belongs together, how lists nest."""

from __future__ import annotations

import pytest

from policyclf.blocks import Block, blocks


def outline(text: str) -> list[str]:
    """One line a block: its kind's first letter, the depth of an item, its text."""
    return [f"{_letter(b)} {text[b.start : b.end]}" for b in blocks(text)]


def _letter(block: Block) -> str:
    return f"l{block.depth}" if block.kind == "list_item" else block.kind[0]


def test_empty() -> None:
    assert blocks("") == []
    assert blocks(" \n\u3000\r\n") == []


@pytest.mark.parametrize(
    "heading",
    [
        "# Sharing",
        "## Sharing ##",
        "##個人情報保護方針",
        "#見出し",
        "Sharing\n=======",
        "Sharing\n---",
        "**Who we are**",
        "__個人情報__",
        "【個人情報の取扱い】",
        "第1条（個人情報）",
        "第三条　利用目的",
        "1. Sharing",
        "2.1 Sharing with partners",
        "（1）基本方針の整備",
        "１．個人情報の収集について",
        "Who we are",
        "WHAT IS PERSONAL DATA?",
        "Section 4. Sharing",
        "個人情報の取得 {#when}",
        "■ 個人情報の管理",
    ],
)
def test_headings_stay_whole_with_their_marks(heading: str) -> None:
    text = f"{heading}\n\nWe share nothing with anybody. 何も共有しません。\n"
    first, second = blocks(text)
    assert first.kind == "heading"
    assert text[first.start : first.end] == heading
    assert second.kind == "paragraph"


@pytest.mark.parametrize(
    "line",
    [
        "We share nothing.",
        "Last updated: 3 May 2026",
        "制定日：2026年5月3日",
        "https://brackwater.example",
        "株式会社みなと",
        "We use your data to:",
        "当社は次の情報を取得します：",
        "#1 in the islands for thirty years, and always on time.",
        "5 つまでの習慣を選べます。",
        "13 歳未満の方は利用できません。",
        "3.5 million people sail with us.",
        "2026.05.03 に改定しました。",
        "第3者に提供しません。",
        "Section 5 applies to passengers only.",
    ],
)
def test_paragraphs(line: str) -> None:
    assert [b.kind for b in blocks(f"# Privacy\n\n{line}\n\nWe sell tickets.\n")] == [
        "heading",
        "paragraph",
        "paragraph",
    ]


@pytest.mark.parametrize(
    "mark", ["-", "*", "+", "•", "・", "●", "1.", "(1)", "①", "ア．", "a)", "i.", "※", "☐", "一、"]
)
def test_items(mark: str) -> None:
    text = f"次の情報を取得します。\n\n{mark} 氏名を取得します。\n\n終わりです。\n"
    assert [b.kind for b in blocks(text)] == ["paragraph", "list_item", "paragraph"]
    item = blocks(text)[1]
    assert text[item.start + item.mark_end : item.end] == "氏名を取得します。"
    assert item.lead_in == 0


def test_nested_by_indent() -> None:
    text = "We keep:\n\n- names\n  - first\n  - last\n- cabins\n    1. deck\n"
    assert outline(text) == [
        "p We keep:",
        "l0 - names",
        "l1 - first",
        "l1 - last",
        "l0 - cabins",
        "l1 1. deck",
    ]
    assert [b.lead_in for b in blocks(text)] == [None, 0, 1, 1, 0, 4]


def test_nested_by_style() -> None:
    text = "（1）次の場合に提供します。\n①法令に基づく場合\n②同意がある場合\n（2）記録を作成します。\n"
    assert outline(text) == [
        "l0 （1）次の場合に提供します。",
        "l1 ①法令に基づく場合",
        "l1 ②同意がある場合",
        "l0 （2）記録を作成します。",
    ]


def test_a_paragraph_inside_a_list_does_not_lead_the_rest_in() -> None:
    text = "We keep:\n\n1. We keep names.\n\nNot all of them.\n\n2. We keep cabins.\n"
    assert [b.lead_in for b in blocks(text)] == [None, 0, None, 0]


def test_a_heading_ends_a_lead_in() -> None:
    assert blocks("We keep:\n\n# Names\n\n- first\n")[-1].lead_in is None


def test_numbered_phrases_among_themselves_are_items() -> None:
    text = (
        "当社は次の情報を取得します。\n1. 氏名\n2. 住所\n3. 電話番号\n\n4. 第三者提供\n当社は提供しません。\n"
    )
    assert [b.kind for b in blocks(text)][:4] == ["paragraph", *["list_item"] * 3]


def test_numbered_headings_go_on_behind_lists_with_the_same_numbers() -> None:
    text = (
        "1. 用語\n言葉の意味です。\n2. 取得する情報\n次の情報です。\n1. 氏名\n2. 住所\n3. 利用目的\n"
        "目的です。\n4. 安全管理\n管理します。\n"
    )
    assert [b.kind[0] for b in blocks(text)] == list("hphpllhphp")


def test_table() -> None:
    text = "委託先\t所在地\nMinato, Inc.\t米国\nQuay LLC\t日本\n"
    assert outline(text) == ["h 委託先\t所在地", "t Minato, Inc.\t米国", "t Quay LLC\t日本"]


def test_table_rows_are_led_in_by_the_paragraph_before_the_header() -> None:
    text = "提供先は次のとおりです。\n\n| 提供先 | 国 |\n|---|---|\n| Minato | 米国 |\n"
    found = blocks(text)
    assert [b.kind for b in found] == ["paragraph", "heading", "paragraph", "table_row"]
    assert found[-1].lead_in == 0


def test_a_tab_behind_an_enumerator_makes_no_table() -> None:
    assert outline("Note these:\n1.\tYour name\n2.\tYour cabin\n") == [
        "p Note these:",
        "l0 1.\tYour name",
        "l0 2.\tYour cabin",
    ]


def test_quotes_are_read_without_their_marks() -> None:
    assert outline("> # Names\n> We keep names.\n> - first\n") == [
        "h > # Names",
        "p > We keep names.",
        "l0 > - first",
    ]


def test_addresses_below_a_contact_heading_are_items() -> None:
    text = (
        "We answer letters.\n\nContact us\n\nBrackwater Ferries\n\n4 Pier Road\n\nhelp@brackwater.example\n"
    )
    assert [b.kind[0] for b in blocks(text)] == list("phlll")


def test_definitions_are_items() -> None:
    text = "We keep two kinds.\nTicket data: name, cabin and price.\nDeck data: pictures of the deck.\n"
    assert [b.kind[0] for b in blocks(text)] == list("pll")


def test_semicolons_make_items() -> None:
    assert [
        b.kind[0] for b in blocks("We keep:\nyour name;\nyour cabin; and\nyour berth.\nWe sell tickets.\n")
    ] == list("plllp")


def test_crlf_and_lf_give_the_same_blocks() -> None:
    text = "# Names\n\nWe keep:\n- first\n- last\n\nTitle\n=====\n\nThe end.\n"
    crlf = text.replace("\n", "\r\n")
    assert [crlf[b.start : b.end].replace("\r\n", "\n") for b in blocks(crlf)] == [
        text[b.start : b.end] for b in blocks(text)
    ]
    assert [b.kind for b in blocks(crlf)] == [b.kind for b in blocks(text)]

"""Bytes in whatever encoding: declared rightly, wrongly, or not at all."""

from __future__ import annotations

import pytest

from policyclf.encodings import Undecodable, decoded

JAPANESE = (
    "当社は、お客様のお名前、ご住所（勤務先を含みます。）を取得し、第三者に提供しません。\r\n"
    "①～③は「Cookie」です。\n"
)
ENGLISH = "We won’t sell your café’s data — “never”. © 2024 Zoë & Søn\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jis_2004", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize(
    "declared", [None, "utf-8", "Shift_JIS", "x-sjis", "EUC-JP", "iso-8859-1", "utf-16", "no-such", "rot13"]
)
def test_japanese_whatever_is_declared(encoding: str, declared: str | None) -> None:
    text = JAPANESE.replace("～", "〜") if encoding == "euc_jis_2004" else JAPANESE
    assert decoded(text.encode(encoding), declared) == text


@pytest.mark.parametrize("declared", [None, "utf-8", "Shift_JIS", "EUC-JP", "iso-8859-1", "windows-1252"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_english_whatever_is_declared(encoding: str, declared: str | None) -> None:
    assert decoded(ENGLISH.encode(encoding), declared) == ENGLISH


@pytest.mark.parametrize("text", ["OK 個人情報", "利用目的", "プライバシーポリシー", "Cookieの利用について"])
@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "iso2022_jp", "utf-8", "utf-16"])
def test_a_few_characters_are_enough(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("text", ["a café", "We don’t", "“no”", "5 £", "naïve – yes"])
def test_a_few_western_characters_are_enough(text: str) -> None:
    assert decoded(text.encode("cp1252")) == text


def test_iso_2022_jp_with_the_vendors_characters_and_half_width_katakana() -> None:
    # ① is row 13 of the vendors' table, which Python's own codec for ISO-2022-JP lacks.
    data = b"\x1b$B-!8D?M>pJs\x1b(B (\x1b(IA8\x1b(B)\r\n\x1b$B<hF@\x1b(J OK"
    assert decoded(data) == "①個人情報 (ﾁｸ)\r\n取得 OK"


def test_iso_2022_jp_where_a_line_ends_without_the_shift_back() -> None:
    assert decoded(b"\x1b$B8D?M\n>pJs\x1b(B.") == "個人\n情報."


def test_utf_16_without_a_mark() -> None:
    assert (
        decoded("Privacy: we log.\n当社は取得します。".encode("utf-16-le"))
        == "Privacy: we log.\n当社は取得します。"
    )
    assert (
        decoded("Privacy: we log.\n当社は取得します。".encode("utf-16-be"))
        == "Privacy: we log.\n当社は取得します。"
    )
    assert decoded("Privacy".encode("utf-16-le")) == "Privacy"


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_a_broken_byte_costs_its_character_only(encoding: str) -> None:
    data = bytearray((JAPANESE * 20).encode(encoding))
    at = len((JAPANESE * 10).encode(encoding))
    data[at] = 0xFF
    text = decoded(bytes(data))
    assert text.count(JAPANESE) in (18, 19)
    assert abs(len(text) - 20 * len(JAPANESE)) <= 2


def test_a_page_cut_off_inside_a_character() -> None:
    assert decoded((JAPANESE * 5).strip().encode()[:-1]).startswith(JAPANESE * 4)


@pytest.mark.parametrize(
    "data", [bytes(range(256)), b"\0" * 500, b"\x01\x02abc" * 9, bytes(i * 37 % 256 for i in range(5000))]
)
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(Undecodable, match="holds no text but binary data"):
        decoded(data)


def test_a_mark_that_does_not_fit_the_bytes() -> None:
    with pytest.raises(Undecodable, match="too many bytes that are not UTF-8"):
        decoded(b"\xef\xbb\xbf" + JAPANESE.encode("cp932"))


def test_nothing_is_nothing() -> None:
    assert decoded(b"") == decoded(b"\xef\xbb\xbf") == decoded(b"\xff\xfe") == ""

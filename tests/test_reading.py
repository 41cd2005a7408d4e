"""Reading files, and the errors that say why one cannot be read."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from policyclf.errors import FileError, MissingExtraError, ModelError, PolicyclfError
from policyclf.reading import read
from policyclf.segmenting import segments

TEXT = "Privacy\r\n\r\nWe sell tickets.\n当社は販売します。\r終わり"
PAGE = (
    "<!doctype html><meta charset={}><nav><a href=/>店</a></nav>"
    "<h1>個人情報</h1><p>当社は、お名前を取得します。"
)
ENCODINGS = ["utf-8", "shift_jis", "euc_jp", "iso2022_jp", "utf-16"]


@pytest.mark.parametrize("name", ["policy.txt", "policy.md", "POLICY.TXT", "方針.md"])
@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-8-sig", "utf-32"])
def test_text_is_kept_character_for_character(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(TEXT.encode(encoding))
    assert read(path).text == TEXT
    assert read(str(path)).text == TEXT
    assert read(path.read_bytes()) == read(path)


def test_big_endian_utf16(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read(path).text == TEXT


@pytest.mark.parametrize("suffix", [".html", ".htm", ".HTML"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "declared", ["utf-8", "Shift_JIS", "euc-jp", "'ISO-2022-JP'", "windows-1252", "no-such"]
)
def test_a_page_in_any_encoding(tmp_path: Path, suffix: str, encoding: str, declared: str) -> None:
    path = tmp_path / f"policy{suffix}"
    path.write_bytes(PAGE.format(declared).encode(encoding))
    assert read(path).text.split() == ["店", "個人情報", "当社は、お名前を取得します。"]


def test_a_pdf(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "policy.pdf"))
    canvas.drawString(72, 700, "We sell tickets.")
    canvas.save()
    assert read(tmp_path / "policy.pdf").text.strip() == "We sell tickets."
    saved = tmp_path / "policy.html"
    saved.write_bytes((tmp_path / "policy.pdf").read_bytes())
    assert read(saved) == read(saved.read_bytes()) == read(tmp_path / "policy.pdf")


def test_bytes_are_what_they_begin_with_or_what_is_said() -> None:
    page = b"<html><p>We log.</p>"
    assert read(page).text == read(b"<!-- saved -->\n<!DOCTYPE html>" + page).text == "We log.\n"
    assert read(page, kind="text").text == page.decode()
    assert read(b"<p>We log.</p>").text == "<p>We log.</p>"
    assert read(b"<p>We log.</p>", kind="html").text == "We log.\n"
    with pytest.raises(ValueError, match="kind must be one of text, html, pdf"):
        read(page, kind="docx")  # type: ignore[arg-type]
    for wrong in (None, 3, bytearray(page)):
        with pytest.raises(TypeError, match="read\\(\\) takes a path or bytes"):
            read(wrong)  # type: ignore[arg-type]


def test_a_kind_that_is_said_goes_before_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "privacy.aspx"
    path.write_text("<p>We log.</p>", encoding="utf-8")
    assert read(path, kind="html").text == "We log.\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "holds no text"),
        (b" \r\n\t\xe3\x80\x80\n", "holds no text"),
        (b"PK\x03\x04" + b"\0" * 30, "is a ZIP archive or an Office file; supported are .txt"),
        (b"\x89PNG\r\n", "is a PNG picture"),
        (bytes(range(256)) * 9, "holds no text but binary data"),
        (TEXT.encode("utf-16")[:9] + b"\x00\xd8" * 9, "is damaged: too many bytes that are not UTF-16-LE"),
    ],
)
@pytest.mark.parametrize("suffix", [".txt", ".html"])
def test_what_cannot_be_read_is_named_with_its_reason(
    tmp_path: Path, data: bytes, reason: str, suffix: str
) -> None:
    path = tmp_path / f"policy{suffix}"
    path.write_bytes(data)
    with pytest.raises(FileError, match=f"policy{suffix}: {reason}"):
        read(path)


def test_pages_and_pdfs_without_text(tmp_path: Path) -> None:
    shell = b"<!doctype html><title>App</title><div id=root></div><script>go()</script>"
    with pytest.raises(FileError, match=r"the bytes given: holds no text \(a page that a script fills"):
        read(shell, kind="html")
    path = tmp_path / "policy.pdf"
    path.write_text("We log.", encoding="utf-8")
    with pytest.raises(FileError, match=r"policy\.pdf: is no PDF, or a damaged one"):
        read(path)
    canvas = Canvas(str(path))
    canvas.rect(0, 0, 100, 100)
    canvas.save()
    with pytest.raises(FileError, match=r"policy\.pdf: holds no text on its 1 pages.*OCR"):
        read(path)


def test_a_byte_order_mark_shifts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_text("Privacy", encoding="utf-8-sig")
    assert segments(read(path))[0].start == 0
    assert segments("\ufeffPrivacy")[0].start == 1


@pytest.mark.parametrize("name", ["policy.docx", "policy.json", "policy"])
def test_other_kinds_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match=r"not supported: .*supported are \.txt, \.md, \.html, \.htm, \.pdf"):
        read(tmp_path / name)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        read(tmp_path / "none.txt")
    with pytest.raises(FileError, match="cannot be read"):
        read("a\0b.txt")
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    with pytest.raises(FileError, match="cannot be read"):
        read(folder)


@pytest.mark.parametrize("error", [FileError, ModelError, MissingExtraError])
def test_one_family(error: type[PolicyclfError]) -> None:
    assert issubclass(error, PolicyclfError)


def test_a_missing_extra_names_its_command() -> None:
    error = MissingExtraError("reading PDF files", "pdf")
    assert str(error) == 'reading PDF files needs an extra: pip install "policyclf[pdf]"'
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.extra) == (MissingExtraError, str(error), "pdf")

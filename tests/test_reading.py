"""Reading files, and the errors that say why one cannot be read."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from policyclf.errors import FileError, MissingExtraError, ModelError, PolicyclfError
from policyclf.reading import read_text
from policyclf.segmenting import segments

TEXT = "Privacy\r\n\r\nWe sell tickets.\n当社は販売します。\r終わり"


@pytest.mark.parametrize("name", ["policy.txt", "policy.md", "POLICY.TXT", "方針.md"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_kept_character_for_character(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path) == TEXT
    assert read_text(str(path)) == TEXT


def test_big_endian_utf16(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read_text(path) == TEXT


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_is_empty(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(data)
    assert read_text(path) == ""


def test_a_byte_order_mark_shifts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_text("Privacy", encoding="utf-8-sig")
    assert segments(read_text(path))[0].start == 0
    assert segments("\ufeffPrivacy")[0].start == 1


@pytest.mark.parametrize("name", ["policy.html", "policy.pdf", "policy.docx", "policy"])
def test_other_kinds_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match=r"not supported yet: .*supported are \.txt, \.md"):
        read_text(tmp_path / name)


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "sjis.txt"
    path.write_bytes("OK 個人情報".encode("shift_jis"))
    with pytest.raises(FileError, match=r"not UTF-8: byte 3 is 0x8c; save the file as UTF-8"):
        read_text(path)


def test_truncated_utf16(tmp_path: Path) -> None:
    path = tmp_path / "cut.txt"
    path.write_bytes("個人".encode("utf-16")[:-1])
    with pytest.raises(FileError, match="not UTF-16"):
        read_text(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        read_text(tmp_path / "none.txt")
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    with pytest.raises(FileError, match="cannot be read"):
        read_text(folder)


@pytest.mark.parametrize("error", [FileError, ModelError, MissingExtraError])
def test_one_family(error: type[PolicyclfError]) -> None:
    assert issubclass(error, PolicyclfError)


def test_a_missing_extra_names_its_command() -> None:
    error = MissingExtraError("reading PDF files", "pdf")
    assert str(error) == 'reading PDF files needs an extra: pip install "policyclf[pdf]"'
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.extra) == (MissingExtraError, str(error), "pdf")

"""Files to text.

    >>> read_text("policy.md")          # doctest: +SKIP
    '# Privacy\\n\\nWe sell tickets, not data.\\n'

The text is the file's characters as they stand: line ends are kept, so that offsets
into it are offsets into the file's text. A byte order mark is no part of the text:
offset 0 is the first character after it.
"""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from policyclf.errors import FileError

__all__ = ["SUPPORTED", "decode_text", "read_text"]

SUPPORTED = (".txt", ".md")

# The UTF-32 mark begins with the UTF-16 one, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a .txt or .md file: UTF-8, or UTF-16/32 where a byte order mark says so.

    Line ends are kept as they are; the byte order mark is dropped. An empty file is "".
    Raises FileError where the file is missing, of another kind, or not so encoded.
    """
    path = Path(path)
    if path.suffix.lower() not in SUPPORTED:
        raise FileError(
            f"{path}: not supported yet: {path.suffix or 'a file without a suffix'}; "
            f"supported are {', '.join(SUPPORTED)}"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    return decode_text(data, str(path))


def decode_text(data: bytes, name: str) -> str:
    """The text in a file's bytes; `name` stands in the FileError where they are no text."""
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise FileError(
            f"{name}: not {encoding.upper()}: byte {error.start + len(mark)} is "
            f"0x{error.object[error.start]:02x}; save the file as UTF-8"
        ) from error

r"""Files and bytes to documents.

    >>> read(b"<h1>Privacy</h1><nav><a href=/>Home</a></nav>", kind="html").text
    'Privacy\n\nHome\n'

Of plain text and Markdown, `text` is the file's characters as they stand: line ends are
kept, so that places in it are places in the file's text; a byte order mark is no part of
it. Encodings are found out (`policyclf.encodings`), whatever the file or page says of its own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from policyclf.document import Document
from policyclf.encodings import Undecodable, decoded, marked
from policyclf.errors import FileError

__all__ = ["KINDS", "read"]

FileKind = Literal["text", "html", "pdf"]
KINDS: dict[str, FileKind] = {".txt": "text", ".md": "text", ".html": "html", ".htm": "html", ".pdf": "pdf"}

_PDF = re.compile(rb"[\s\0]{0,64}%PDF-")
_MARKUP = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEAD = 4096  # bytes; the standard says that a declaration stands in the first 1024
_META = re.compile(
    rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w:.-]{1,40})|<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w:.-]{1,40})",
    re.IGNORECASE,
)
_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive or an Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"{\\rtf", "an RTF file"),
)


def read(source: str | os.PathLike[str] | bytes, /, *, kind: FileKind | None = None) -> Document:
    """The document in a file, or in bytes that were read elsewhere.

    `kind` says how to read it: "text" (Markdown too), "html" or "pdf". Where None, a path's
    suffix decides, and of bytes what they begin with. What begins as a PDF does is read
    as one in any case.

    Raises FileError, with the file's name and the reason, where it is missing, of another
    kind, empty, damaged, binary, protected by a password, or holds no text;
    MissingExtraError for a PDF where the extra `pdf` is not installed.
    """
    if kind is not None and kind not in KINDS.values():
        raise ValueError(f"kind must be one of text, html, pdf or None, not {kind!r}")
    if isinstance(source, bytes):
        return document_of(source, "the bytes given", kind)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"read() takes a path or bytes, not {type(source).__name__}")
    path = Path(source)
    if kind is None:
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            what = path.suffix or "a file without a suffix"
            raise FileError(f"{path}: not supported: {what}; supported are {', '.join(KINDS)}")
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: a path with a null character in it
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return document_of(data, str(path), kind)


def document_of(data: bytes, name: str, kind: FileKind | None = None) -> Document:
    """The document in `data`; `name` stands in the FileError where there is none."""
    if not data:
        raise FileError(f"{name}: is empty")
    for mark, what in _FOREIGN:
        if data.startswith(mark):
            raise FileError(f"{name}: is {what}; supported are {', '.join(KINDS)}")
    if kind == "pdf" or _PDF.match(data):
        document = _pdf(data, name)
    else:
        document = _marked_up_or_plain(data, name, kind)
    if not document.blocks:
        hint = " (a page that a script fills?)" if kind == "html" else ""
        raise FileError(f"{name}: holds no text{hint}")
    return document


def _pdf(data: bytes, name: str) -> Document:
    from policyclf.pdf import Unreadable, pdf

    try:
        return pdf(data)
    except Unreadable as error:
        raise FileError(f"{name}: {error}") from error


def _marked_up_or_plain(data: bytes, name: str, kind: FileKind | None) -> Document:
    declared = None
    if kind != "text" and not marked(data)[1] and (match := _META.search(data, 0, _HEAD)):
        declared = (match[1] or match[2]).decode("ascii")
    try:
        text = decoded(data, declared)
    except Undecodable as error:
        raise FileError(f"{name}: {error}") from error
    if kind == "html" or (kind is None and _MARKUP.match(text, 0, _HEAD)):
        from policyclf.page import page  # its parser is not loaded for plain text

        return page(text)
    return Document(text)

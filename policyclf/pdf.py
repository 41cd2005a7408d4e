"""A PDF to a document, by way of pdfium (extra `pdf`)."""

from __future__ import annotations

import threading

from policyclf.document import Document, composed
from policyclf.errors import MissingExtraError
from policyclf.glyphs import page_text
from policyclf.paragraphs import paragraphs

__all__ = ["Unreadable", "pdf"]

_OCR = "have the text recognised (OCR) first"
_MAX_UNKNOWN = 0.3  # of the characters
# pdfium is not safe to use from several threads at once.
_LOCK = threading.Lock()
_PASSWORD, _SECURITY = 4, 5  # pdfium's FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY


class Unreadable(ValueError):
    """A PDF that cannot be read; the message ends a sentence about the file."""


def pdf(data: bytes) -> Document:
    """The document in a PDF's bytes.

    Raises Unreadable where they are no PDF, are protected by a password, or show
    no characters (a scan); MissingExtraError where pypdfium2 is not installed.
    """
    try:
        import pypdfium2
    except ImportError as error:
        raise MissingExtraError("reading PDF files", "pdf") from error
    with _LOCK:
        try:
            opened = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if error.err_code in (_PASSWORD, _SECURITY):
                raise Unreadable("is protected by a password") from error
            raise Unreadable("is no PDF, or a damaged one") from error
        try:
            pages = [page_text(opened[i]) for i in range(len(opened))]
        except pypdfium2.PdfiumError as error:
            raise Unreadable(f"is a damaged PDF ({error})") from error
        finally:
            opened.close()
    characters = sum(page.characters for page in pages)
    unknown = sum(page.unknown for page in pages)
    if not characters and not unknown:
        raise Unreadable(f"holds no text on its {len(pages)} pages, at most pictures of it: {_OCR}")
    if unknown > _MAX_UNKNOWN * (characters + unknown):
        raise Unreadable(f"has fonts that do not say which characters they show: {_OCR}")
    return composed(paragraphs(pages))

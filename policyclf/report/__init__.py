"""A policy as a page to read: every clause coloured by practice, in one HTML file.

    >>> import policyclf
    >>> from policyclf import report
    >>> clauses = policyclf.classify("We keep logs for 30 days. We never sell them.")
    >>> html = report.render([report.document_of(clauses, "policy.txt")])

One document, two side by side (what one states and the other does not), or several in
turn. The page needs nothing from a network, and a hostile policy can neither run nor
hide anything on it: see `policyclf.report.escaping` and the page's own
Content-Security-Policy. The command is `policyclf report`; a notebook shows what
`classify` returns in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from policyclf.errors import FileError
from policyclf.report.documents import Labelled, document_of
from policyclf.report.page import render
from policyclf.results import Clause

__all__ = ["Labelled", "document_of", "notebook_frame", "render", "write"]


def notebook_frame(clauses: Sequence[Clause], text: str | None = None) -> str:
    """The page in a frame that a notebook's own style and scripts do not reach, nor it them.

    `text` is needed where `clauses` are not what `classify` returned (see `document_of`).
    """
    page = render([document_of(clauses, text=text)], embedded=True)
    # In a sandbox without its own origin the page's script cannot touch the notebook.
    return (
        '<iframe title="policyclf" sandbox="allow-scripts" width="100%" height="560" '
        f'style="border:1px solid #8886;border-radius:8px" srcdoc="{_quoted(page)}"></iframe>'
    )


def write(page: str, path: str | os.PathLike[str]) -> None:
    """Write a page: beside its place and renamed into it. Raises FileError where that fails."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            beside.write_text(page, encoding="utf-8", newline="\n")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def _quoted(page: str) -> str:
    return page.replace("&", "&amp;").replace('"', "&quot;")

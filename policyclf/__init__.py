"""Label every sentence of a privacy policy, English or Japanese, by data practice.

    >>> import policyclf
    >>> for clause in policyclf.classify("We keep logs for 30 days. We never sell them."):
    ...     print(clause.text, [label.value for label in clause.labels], len(clause.denied))
    We keep logs for 30 days. ['data_retention'] 0
    We never sell them. ['third_party_sharing_collection'] 1

Runs offline, on the processor, from the model in the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from policyclf.classifier import Classifier, load
from policyclf.document import Document
from policyclf.errors import FileError, MissingExtraError, ModelError, PolicyclfError
from policyclf.practices import Practice
from policyclf.reading import read
from policyclf.results import Clause, Span

__all__ = [
    "Classifier",
    "Clause",
    "Document",
    "FileError",
    "MissingExtraError",
    "ModelError",
    "PolicyclfError",
    "Practice",
    "Span",
    "__version__",
    "classify",
    "classify_file",
    "load",
    "read",
]
__version__ = "0.1.0"


def classify(text: str | Document | Iterable[str], /) -> list[Clause]:
    """Label a document (str, Document), or each of several sentences (iterable of str).

    See `Classifier.classify`, which this calls on the shipped model.
    """
    return load().classify(text)


def classify_file(path: str | os.PathLike[str], /) -> list[Clause]:
    """Label the document in a file (.txt, .md, .html, .htm, .pdf). See `Classifier.classify_file`."""
    return load().classify_file(path)

"""What can go wrong outside the caller's own code.

    PolicyclfError
    ├── FileError           a file cannot be read
    ├── ModelError          a model folder is missing, truncated or foreign
    └── MissingExtraError   an optional package is not installed

Misuse by the caller (a wrong type, a number out of range) is `TypeError` or `ValueError`.
Every message says what was expected, what came, and what to do.
"""

from __future__ import annotations

__all__ = ["FileError", "MissingExtraError", "ModelError", "PolicyclfError"]


class PolicyclfError(Exception):
    """Any error of this package; the message is one sentence for a person."""


class FileError(PolicyclfError):
    """A file cannot be read: missing, of a kind that is not supported, or damaged."""


class ModelError(PolicyclfError):
    """A model folder is missing, truncated, or not one of ours."""


class MissingExtraError(PolicyclfError):
    """A feature needs packages that are not installed; the message names the command."""

    def __init__(self, feature: str, extra: str) -> None:
        """`feature` as in "reading PDF files", `extra` as in "pdf" (policyclf[pdf])."""
        super().__init__(f'{feature} needs an extra: pip install "policyclf[{extra}]"')
        self.feature = feature
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        # Exceptions are pickled by their message; worker processes need ours whole.
        return type(self), (self.feature, self.extra)

from __future__ import annotations

import socket
from pathlib import Path

import pytest

import policyclf

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def classifier() -> policyclf.Classifier:
    """The released model."""
    return policyclf.load()


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

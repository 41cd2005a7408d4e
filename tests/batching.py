"""What the tests of batches share: policies, and the command in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SENTENCES = [
    "We collect your name.", "We do not sell your data.", "お名前を取得します。", "- your address",
    "# Sharing", "Orders are kept for seven years.", "第三者に提供しません。", "Write to desk@x.example.",
]  # fmt: skip


def policy(number: int) -> str:
    return "\n\n".join(f"{SENTENCES[(number * i + i) % 8]} ({number})" for i in range(1 + number % 6)) + "\n"


def started(*arguments: Any, **named: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "policyclf", "batch", *map(str, arguments)]
    return subprocess.Popen(command, **{"stderr": subprocess.PIPE, **named})


def ran(*arguments: Any, **named: Any) -> tuple[int, str]:
    process = started(*arguments, **named)
    _, said = process.communicate()
    return process.returncode, said.decode()


def written_policies(folder: Path) -> Path:
    """Twelve policies, and a file that cannot be read, last in order."""
    for i in range(12):
        (folder / f"{i:02}.txt").write_text(policy(i), encoding="utf-8")
    (folder / "zipped.txt").write_bytes(b"PK\x03\x04" + bytes(range(256)))
    return folder

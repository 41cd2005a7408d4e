"""The command line, as its users call it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

import policyclf
from policyclf.cli import main

POLICY = "Sharing\n\nWe do not sell your data. 当社は、お名前を取得します。\n"


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "policyclf", *arguments], input=given, capture_output=True, check=False
    )


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.txt"
    path.write_text(POLICY, encoding="utf-8")
    return path


def test_a_pipe_gets_a_json_line_a_clause(policy: Path) -> None:
    done = run("classify", str(policy))
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert rows == [{"file": str(policy), **c.to_dict()} for c in policyclf.classify(POLICY)]


def test_standard_input(policy: Path) -> None:
    done = run("classify", "-", given=POLICY.encode())
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [row["text"] for row in rows] == [c.text for c in policyclf.classify(POLICY)]
    assert {row["file"] for row in rows} == {"-"}


def test_a_table_shows_every_word_and_every_label(
    policy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["classify", "--format", "table", str(policy)]) == 0
    table = capsys.readouterr().out
    assert "not third_party_sharing_collection  We do not sell your data." in table
    for clause in policyclf.classify(POLICY):
        assert all(label.value in table for label in clause.labels)
    mark = re.compile(r"^(?:(?:not )?[a-z]+(?:_[a-z]+)+|-)(?:\s+|$)|^ {4,}")
    shown = "".join(mark.sub("", line) for line in table.splitlines())
    assert "".join(shown.split()) == "".join(POLICY.split())


def test_a_table_keeps_to_the_width(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "long.txt"
    path.write_text("当社は、お客様のお名前とご住所を、" * 12 + "取得します。", encoding="utf-8")
    assert main(["classify", "--format", "table", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    widths = [sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) for line in lines]
    assert len(lines) > 3
    assert max(widths) <= 102  # 。 may hang over
    assert not any(line.split("  ")[-1].startswith(("、", "。")) for line in lines)


def test_one_bad_file_does_not_lose_the_others(policy: Path, tmp_path: Path) -> None:
    done = run("classify", str(tmp_path / "absent.txt"), str(policy))
    assert done.returncode == 1
    assert b"absent.txt: cannot be read" in done.stderr
    assert len(done.stdout.splitlines()) == len(policyclf.classify(POLICY))


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "iso2022_jp", "utf-16"])
def test_standard_input_in_any_encoding(encoding: str) -> None:
    text = "当社は、お名前を取得します。"
    done = run("classify", "-", given=text.encode(encoding))
    assert (done.returncode, done.stderr) == (0, b"")
    assert [json.loads(line)["text"] for line in done.stdout.decode().splitlines()] == [text]


def test_bytes_that_are_no_text_are_said_so() -> None:
    done = run("classify", "-", given=bytes(range(256)) * 8)
    assert done.returncode == 1
    assert b"-: holds no text but binary data" in done.stderr


PAGE = """<!doctype html><nav><a href="/">Home</a></nav><h1>Privacy</h1><p>We do not sell your data.</p>
<footer><p>(c) Brockhampton Kilns</p></footer>"""


def test_a_page_is_read_and_its_furniture_shown_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.html"
    path.write_text(PAGE, encoding="utf-8")
    assert main(["classify", "--format", "table", str(path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("(navigation)") and line.endswith("Home") for line in shown)
    assert any(line.startswith("(footer)") for line in shown)
    assert main(["classify", "--format", "jsonl", "--no-furniture", str(path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == ["Privacy", "We do not sell your data."]
    assert {row["furniture"] for row in rows} == {None}
    with path.open("rb") as page:
        done = subprocess.run(
            [sys.executable, "-m", "policyclf", "classify", "-"], stdin=page, capture_output=True, check=True
        )
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [row["furniture"] for row in rows] == ["navigation", None, None, "footer"]


def test_a_missing_model_is_one_line(policy: Path, tmp_path: Path) -> None:
    done = run("classify", "--model", str(tmp_path / "absent"), str(policy))
    assert done.returncode == 1
    assert done.stderr.decode().startswith("policyclf: no model folder at ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["classify"], ["classify", "--threads", "0", "x.txt"], ["no-such-command"]]
)
def test_wrong_arguments_exit_2(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_practices_lists_all_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    for language in ("en", "ja"):
        assert main(["practices", "--language", language]) == 0
        shown = "".join(capsys.readouterr().out.split())
        for practice in policyclf.Practice:
            assert practice.value in shown
            assert "".join(practice.name_in("ja").split()) in shown
            assert "".join(practice.definition_in(language).split()) in shown


def test_info_describes_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    assert policyclf.__version__ in shown
    assert policyclf.load().config.name in shown
    assert "policy_change" in shown

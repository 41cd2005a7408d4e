"""The wheel, as a user gets it: small, complete, and at work without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

CODE = """
import json, socket, sys
def refuse(*args, **kwargs):
    raise SystemExit("a socket was opened")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
import policyclf
assert policyclf.__file__.startswith(sys.argv[1]), policyclf.__file__
assert str(policyclf.load().folder).startswith(sys.argv[1])
clauses = policyclf.classify("We do not sell your data.")
assert "<iframe" in clauses._repr_html_()
print(json.dumps(clauses[0].to_dict()["denied"]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    (found,) = out.glob("*.whl")
    return found


def test_it_is_under_45_megabytes_and_holds_the_model_but_not_the_weights_to_train(wheel: Path) -> None:
    assert wheel.stat().st_size < 45 * 2**20
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("config.json", "model.onnx", "tokenizer.json", "README.md"):
        assert f"policyclf/released/{name}" in names
    assert "policyclf/py.typed" in names
    assert {f"policyclf/report/{name}" for name in ("page.html", "style.css", "script.js")} <= set(names)
    assert not [n for n in names if n.endswith((".safetensors", ".pt", ".txt")) and "dist-info" not in n]
    assert {n.split("/")[0].split("-")[0] for n in names} == {"policyclf"}


def test_it_classifies_with_sockets_blocked(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "site")],
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["third_party_sharing_collection"]


SPACY_CODE = """
import sys, spacy
nlp = spacy.blank("en")
nlp.add_pipe("policyclf")
doc = nlp("We do not sell your data.")
import policyclf
assert policyclf.__file__.startswith(sys.argv[1]), policyclf.__file__
print([(span.label_, span._.policyclf.denied == span._.policyclf.labels) for span in doc.spans["policyclf"]])
"""


def test_spacy_finds_its_component_by_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", SPACY_CODE, str(tmp_path / "site")],
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[('third_party_sharing_collection', True)]"

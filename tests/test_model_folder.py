"""A model folder that is missing, truncated or foreign is refused with a reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import policyclf
from policyclf import ModelError, Practice


@pytest.fixture
def folder(tmp_path: Path, classifier: policyclf.Classifier) -> Path:
    copy = tmp_path / "model"
    copy.mkdir()
    for name in ("config.json", "model.onnx", "tokenizer.json"):
        shutil.copy(classifier.folder / name, copy / name)
    return copy


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    change(config)
    path.write_text(json.dumps(config), encoding="utf-8")


def test_a_whole_copy_loads_and_says_the_same(folder: Path) -> None:
    text = "We keep logs for thirty days."
    assert policyclf.load(folder).classify(text) == policyclf.classify(text)
    assert policyclf.load(str(folder)).folder == folder


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder at"):
        policyclf.load(tmp_path / "absent")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a policyclf model: it holds no config\.json"):
        policyclf.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"architectures": ["BertModel"]}'])
def test_a_foreign_config(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"is damaged|is not a policyclf model"):
        policyclf.load(folder)


def test_a_format_of_the_future(folder: Path) -> None:
    edit(folder, lambda c: c.update(policyclf_format=99))
    with pytest.raises(ModelError, match="of model format 99; this version of policyclf reads 2"):
        policyclf.load(folder)


@pytest.mark.parametrize("key", ["labels", "thresholds", "calibration", "sha256", "max_tokens"])
def test_a_config_with_a_gap(folder: Path, key: str) -> None:
    edit(folder, lambda c: c.pop(key))
    with pytest.raises(ModelError, match=f"is damaged: KeyError: '{key}'"):
        policyclf.load(folder)


def test_an_unknown_label(folder: Path) -> None:
    edit(folder, lambda c: c["labels"].append("astrology"))
    with pytest.raises(ModelError, match="astrology"):
        policyclf.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"is incomplete: {name} is missing"):
        policyclf.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_truncated_file(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=rf"{name} is damaged or not this model's"):
        policyclf.load(folder)


def test_a_file_of_another_kind_with_the_right_hash(folder: Path) -> None:
    import hashlib

    (folder / "model.onnx").write_bytes(b"no network")
    digest = hashlib.sha256(b"no network").hexdigest()
    edit(folder, lambda c: c["sha256"].update({"model.onnx": digest}))
    with pytest.raises(ModelError, match="cannot be loaded"):
        policyclf.load(folder)


@pytest.mark.parametrize("given", [3, b"models", ["models"]])
def test_a_model_that_is_no_path(given: object) -> None:
    with pytest.raises(TypeError, match="model must be a folder's path or None"):
        policyclf.load(given)  # type: ignore[arg-type]


def test_thresholds_are_the_folders_and_not_the_codes(folder: Path) -> None:
    everything = dict.fromkeys((p.value for p in Practice), 0.0)
    chosen = {"labels": everything, "denied": everything, "floor": 0.5}
    edit(folder, lambda c: c["thresholds"].update(generous=chosen))
    text = "We keep logs for thirty days."
    assert len(policyclf.load(folder, thresholds="generous").classify(text)[0].labels) == 12
    assert len(policyclf.load(folder).classify(text)[0].labels) < 12


def test_unknown_thresholds_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="one of balanced, precision, recall, not 'lenient'"):
        policyclf.load(thresholds="lenient")
    with pytest.raises(TypeError, match="thresholds must be a name, not float"):
        policyclf.load(thresholds=0.5)  # type: ignore[arg-type]

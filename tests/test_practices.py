"""The enum and the label scheme in data/labels.toml say the same."""

from __future__ import annotations

import json
import tomllib
from xml.etree import ElementTree

import pytest

from policyclf import Practice
from tests.conftest import ROOT
from training import scheme

SCHEME = tomllib.loads((ROOT / "data" / "labels.toml").read_text(encoding="utf-8"))["label"]


def test_same_labels_in_the_same_order() -> None:
    assert [p.value for p in Practice] == [label["id"] for label in SCHEME]
    assert len({label["code"] for label in SCHEME}) == len(SCHEME) == 12


@pytest.mark.parametrize("label", SCHEME, ids=lambda label: label["id"])
def test_names_and_definitions(label: dict[str, dict[str, str]]) -> None:
    practice = Practice(label["id"])
    for language in ("en", "ja"):
        assert practice.name_in(language) == label["name"][language]
        assert practice.definition_in(language) == label["definition"][language]
        assert label["example"][language]
    assert label["opp115"]
    assert isinstance(label["appi"], list)


def test_a_practice_is_its_id() -> None:
    assert Practice.DATA_RETENTION == "data_retention"
    assert f"{Practice.DATA_RETENTION}" == "data_retention"
    with pytest.raises(ValueError, match="no_such"):
        Practice("no_such")


def test_annotation_tools_are_given_the_scheme_as_it_is() -> None:
    for path, text in scheme.files().items():
        assert path.read_text(encoding="utf-8") == text, f"run python -m training.scheme: {path.name}"
    view = ElementTree.fromstring(scheme.label_studio(scheme.labels()))
    for choices in view.iter("Choices"):
        assert [c.get("value") for c in choices] == [p.value for p in Practice]
    rows = json.loads(scheme.doccano(scheme.labels()))
    assert {r["text"].removesuffix("!") for r in rows} == {p.value for p in Practice}

"""The label scheme as annotation tools want it, written from data/labels.toml.

    python -m training.scheme

Writes data/annotation/label-studio.xml (the labelling interface of a Label Studio
project: tasks with the fields `text`, `heading` and `lead_in`) and
data/annotation/doccano.json (the labels to import into a doccano project for text
classification; doccano has one list, so that a denied practice is a label of its own).
A test fails where the files differ from the scheme.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from training import corpus

ANNOTATION = corpus.DATA / "annotation"
# One for each label, in the scheme's order; keys that neither tool takes for itself.
HOTKEYS = "1234567890qw"
# Of doccano's labels: twelve that differ.
COLOURS = (
    "#3b6fb6", "#c8553d", "#8a6fb0", "#4f9d69", "#b08a3e", "#5a5a5a",
    "#c06c9b", "#2a9d8f", "#7c5c3e", "#8d99ae", "#457b9d", "#a3a847",
)  # fmt: skip

TITLES = {"practices": "States / 述べている内容", "denied": "Denies / しないと述べている内容"}


@dataclass(frozen=True)
class Label:
    """A label of the scheme."""

    id: str
    code: str
    name: dict[str, str]  # by language
    definition: dict[str, str]


def labels(path: Path = corpus.DATA / "labels.toml") -> list[Label]:
    """The labels of a scheme file, in its order."""
    with path.open("rb") as file:
        rows = tomllib.load(file)["label"]
    return [Label(r["id"], r["code"], dict(r["name"]), dict(r["definition"])) for r in rows]


def label_studio(scheme: list[Label]) -> str:
    """The labelling interface: the segment in its context, its practices, those it denies."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$heading", size="4")
    ElementTree.SubElement(view, "Text", name="lead_in", value="$lead_in")
    ElementTree.SubElement(view, "Text", name="text", value="$text")
    for name, title in TITLES.items():
        ElementTree.SubElement(view, "Header", value=title, size="5")
        choices = ElementTree.SubElement(
            view, "Choices", name=name, toName="text", choice="multiple", showInline="true"
        )
        for label, key in zip(scheme, HOTKEYS, strict=True):
            attributes = {
                "value": label.id,
                "alias": label.id,
                "hint": f"{label.name['ja']}: {label.definition['en']}",
            }
            if name == "practices":
                attributes["hotkey"] = key
            ElementTree.SubElement(choices, "Choice", attributes)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def doccano(scheme: list[Label]) -> str:
    """The labels to import: each practice, and its denial after a "!"."""
    rows = []
    for label, key, colour in zip(scheme, HOTKEYS, COLOURS, strict=True):
        row = {"text": label.id, "suffixKey": key, "backgroundColor": colour, "textColor": "#ffffff"}
        denied = {"text": f"{label.id}!", "backgroundColor": colour, "textColor": "#000000"}
        rows += [row, denied]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def files() -> dict[Path, str]:
    """What is written where."""
    scheme = labels()
    return {
        ANNOTATION / "label-studio.xml": label_studio(scheme),
        ANNOTATION / "doccano.json": doccano(scheme),
    }


def main() -> None:
    ANNOTATION.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

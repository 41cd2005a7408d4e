"""The same rows from a Ray cluster of two nodes, a worker killed and a node lost in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from policyclf.batch import Collection, Column, Job, run
from policyclf.classifier import shipped_model
from tests.batching import ROOT, policy, ran


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds Ray's workers in /proc")
def test_a_killed_worker_and_a_lost_node_change_no_row(tmp_path: Path) -> None:
    source = tmp_path / "policies.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for i in range(60):
            text = "\n\n".join(policy(i * 7 + j) for j in range(5))
            file.write(json.dumps({"id": f"p{i}", "text": text}) + "\n")
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes((shipped_model() / "config.json").read_bytes())
    here = tmp_path / "here.jsonl"
    run(Job(Collection((str(source),), Column(id="id")), here, workers=0))

    command = [sys.executable, "-m", "tests.batch_on_ray", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    told = json.loads(done.stdout.decode().splitlines()[-1])
    assert told["killed"] >= 1
    assert told["status"] == 0, (tmp_path / "ray.stderr").read_text(encoding="utf-8")
    assert (tmp_path / "ray.jsonl").read_bytes() == here.read_bytes()

    assert told["refused"] == 1
    said = (tmp_path / "refused.stderr").read_text(encoding="utf-8").splitlines()
    assert said[-1].startswith(f"policyclf: {model} is incomplete")

    # the callable, in a pipeline of the user's own; Ray Data keeps no order
    rows = [json.loads(text) for text in here.read_bytes().splitlines()]
    expected = [{name: row[name] for name in ("document", "clause", "labels")} for row in rows]
    found = json.loads((tmp_path / "mapped.json").read_text(encoding="utf-8"))
    place = {name: i for i, name in enumerate(dict.fromkeys(row["document"] for row in rows))}
    assert sorted(found, key=lambda row: (place[row["document"]], row["clause"])) == expected


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "We keep logs."}\n', encoding="utf-8")
    code, said = ran(source, "-o", tmp_path / "out.jsonl", "--engine", "ray", "--address", "auto")
    assert code == 1
    assert said.splitlines()[-1].startswith("policyclf: ")

"""A batch on a Ray cluster of two nodes, a worker killed in the middle, then a node lost.

`python -m tests.batch_on_ray FOLDER` labels FOLDER/policies.jsonl into FOLDER/ray.jsonl by the
command, and into FOLDER/mapped.json by the callable; its last line says in JSON what it
killed. It is a process of its own, since Ray and what it imports warn of themselves, and
warnings fail our tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ray
import ray.data
from ray.cluster_utils import Cluster

from policyclf.batch import LabelDocuments


def labelling_workers(raylet: int) -> list[int]:
    """The processes below this raylet that are labelling."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            name = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == raylet and name.startswith(b"ray::MapBatches"):
            found.append(int(folder.name))
    return found


def raylet_of(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def begun(folder: Path, name: str, address: str, *options: str) -> subprocess.Popen[bytes]:
    """The command, started; what it says goes to NAME.stderr."""
    command = [
        sys.executable, "-m", "policyclf", "batch", str(folder / "policies.jsonl"), "--id-column", "id",
        "-o", str(folder / f"{name}.jsonl"), "--engine", "ray", "--address", address, *options,
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=(folder / f"{name}.stderr").open("wb"))


def killed_and_lost(folder: Path, cluster: Cluster, second: Any) -> dict[str, int]:
    """Run the command; kill what labels on the second node, and when rows come again, the node."""
    job = begun(folder, "ray", cluster.address, "--batch-size", "3")
    partial = folder / "ray.jsonl.partial"

    def grown(beyond: int) -> int:
        while job.poll() is None:
            if partial.exists() and partial.stat().st_size > beyond:
                return partial.stat().st_size
            time.sleep(0.02)
        raise RuntimeError(f"the job ended ({job.returncode}) before anything was killed")

    victims: list[int] = []
    while not victims:
        size = grown(0)
        victims = labelling_workers(raylet_of(second))
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    grown(size)
    cluster.remove_node(second, allow_graceful=False)
    before = job.poll()
    assert before is None, "the job ended before the node was lost"
    return {"killed": len(victims), "status": job.wait()}


def mapped(folder: Path, address: str) -> None:
    """The same documents by the callable, in a Ray Data pipeline as a user writes it."""
    ray.init(address=address, log_to_driver=False)
    documents = ray.data.read_json(str(folder / "policies.jsonl"), lines=True)
    rows = documents.map_batches(LabelDocuments(id_column="id"), batch_size=16, batch_format="pyarrow")
    found = [
        {"document": row["document"], "clause": row["clause"], "labels": list(row["labels"])}
        for row in rows.take_all()
    ]
    (folder / "mapped.json").write_text(json.dumps(found), encoding="utf-8")
    ray.shutdown()


def added(cluster: Cluster) -> Any:
    """A node of one processor. Ray gives it 30 seconds to start, which a busy machine exceeds."""
    for _ in range(3):
        try:
            return cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
        except Exception as error:
            print(error, file=sys.stderr)
    raise SystemExit("no node could be started")


def main(folder: Path) -> None:
    cluster = Cluster(initialize_head=False)
    try:
        added(cluster)
        second = added(cluster)
        done = killed_and_lost(folder, cluster, second)
        # a model of which the workers, not the command, find that it is incomplete
        refused = begun(folder, "refused", cluster.address, "--model", str(folder / "model"))
        done["refused"] = refused.wait()
        mapped(folder, cluster.address)
    finally:
        cluster.shutdown()
    print(json.dumps(done))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

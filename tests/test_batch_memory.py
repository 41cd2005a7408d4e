"""What a batch holds in memory: bounded, and of windows seen before, no more than it was told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import policyclf
from policyclf.classifier import shipped_model
from policyclf.model import Model
from policyclf.recent import RecentOutputs
from tests.batching import ROOT, policy


def test_memory_does_not_grow_with_the_collection(tmp_path: Path) -> None:
    peaks = []
    for documents in (300, 6000):
        folder = tmp_path / str(documents)
        folder.mkdir()
        code = (
            "import resource; from pathlib import Path; from policyclf.batch import *;"
            "from tests.batch_kills import collection, engine;"
            f"folder = Path({str(folder)!r}); source = collection(folder, {documents});"
            "import pyarrow.parquet, pandas;"
            "[run(Job(source, folder / f'out.{f}', engine=engine())) for f in ('jsonl', 'csv', 'parquet')];"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
        peaks.append(int(done.stdout) * (1 if sys.platform == "darwin" else 1024))
    # 6,000 documents are 18,000 rows; of Parquet's, a group is in memory at once.
    assert peaks[1] - peaks[0] < 40 * 2**20, peaks


def test_windows_read_before_are_remembered_and_nothing_changes() -> None:
    text = "\n\n".join(policy(i) for i in range(20))
    plain, model = Model(shipped_model(), 1), Model(shipped_model(), 1, remember=2**20)
    expected = policyclf.Classifier(plain).classify(text)
    remembering = policyclf.Classifier(model)
    assert remembering.classify(text) == expected
    assert model.recent is not None
    before = model.recent.tokens_found
    assert remembering.classify(text) == expected
    assert model.recent.tokens_found - before > 100
    tiny = Model(shipped_model(), 1, remember=1)  # not one window fits
    assert policyclf.Classifier(tiny).classify(text) == expected
    assert tiny.recent is not None
    assert tiny.recent.tokens_found == 0


def test_what_is_remembered_is_bounded() -> None:
    recent = RecentOutputs(1000)
    windows = [np.full((1, 4), i, dtype=np.int64) for i in range(20)]
    for ids in windows:
        recent.put(ids, np.full((4, 12), ids[0, 0], dtype=np.float32))  # 192 bytes
        assert recent.get(windows[0]) is not None  # what is used stays
    kept = [i for i, ids in enumerate(windows) if recent.get(ids) is not None]
    assert kept == [0, 16, 17, 18, 19]

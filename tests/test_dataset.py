"""The corpus as a data set says what the policy files say."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from tests.conftest import ROOT
from training import corpus, dataset


def test_it_loads_from_the_folder_as_the_card_says(tmp_path: Path, no_sockets: None) -> None:
    loaded = datasets.load_dataset(str(ROOT / "data"), cache_dir=str(tmp_path))
    splits = corpus.load_splits()
    assert set(loaded) == set(splits)
    for split, policies in splits.items():
        assert loaded[split].to_list() == dataset.rows(policies), "run: python -m training.dataset"


def test_writing_is_repeatable(tmp_path: Path) -> None:
    counts = dataset.write(tmp_path)
    for split, count in counts.items():
        assert count == len(dataset.rows(corpus.load_splits()[split]))
        assert (tmp_path / f"{split}.parquet").exists()
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize("split", corpus.SPLITS)
def test_every_split_has_both_languages_and_every_label(split: str) -> None:
    policies = corpus.load_splits()[split]
    for language in corpus.LANGUAGES:
        seen = {x for p in policies if p.language == language for s in p.segments for x in s.labels}
        assert seen == set(corpus.codes().values())

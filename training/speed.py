"""How many sentences a second, beside the text-classification pipeline of transformers?

    python -m training.speed [--model FOLDER] [--segments 2000] [--peer 200] [--threads 2] [--rounds 3]

policyclf reads whole documents of the corpus, both languages, from the model folder: it
segments them, reads every segment in its context, and gives labels, denials and evidence.
The peer is `transformers.pipeline("text-classification")` with a network of the size of
XLM-RoBERTa base (12 layers, 768 wide, 250,002 pieces; weights drawn at random, which take
as long as trained ones) and as many labels. It is given the same segments, ready cut,
each by itself, and parts them into pieces by policyclf's tokenizer, since XLM-RoBERTa's is
not at hand: a vocabulary made for policies, which should give it no more pieces than its
own would. It runs at the best of several batch sizes, with the segments in reading order
or sorted by length.

Both use the same number of processor threads. Runs alternate; printed is the median of
each and of the ratio within a round, with the least and the greatest. The peer is slow:
it is measured on --peer of the segments, drawn evenly over the sorted lengths, and its
rate taken to hold for all of them; --peer 0 has it read them all. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from training import corpus

BATCHES = (1, 4, 8, 16, 32)
PROBE = 64  # segments on which batch sizes are tried


def drawn(count: int) -> list[corpus.Policy]:
    """Whole policies, the languages in turn, with at least `count` segments (headings counted)."""
    every = corpus.load_splits()
    policies = [p for split in ("test", "validation", "train") for p in every[split]]
    queues = [[p for p in policies if p.language == language] for language in corpus.LANGUAGES]
    found: list[corpus.Policy] = []
    while any(queues) and sum(len(p.segments) for p in found) < count:
        found += [queue.pop(0) for queue in queues if queue]
    return found


def spread(texts: Sequence[str], count: int) -> list[str]:
    """`count` of `texts`, evenly over their lengths, in their order; all of them where 0."""
    if not count or count >= len(texts):
        return list(texts)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    chosen = sorted(by_length[int((i + 0.5) * len(texts) / count)] for i in range(count))
    return [texts[i] for i in chosen]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peer(tokenizer_file: Path, labels: int, threads: int) -> Any:
    """The pipeline, on the processor."""
    import torch
    from tokenizers import Tokenizer, processors
    from transformers import (
        PreTrainedTokenizerFast,
        XLMRobertaConfig,
        XLMRobertaForSequenceClassification,
        pipeline,
    )

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=250_002, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=514, type_vocab_size=1,
        problem_type="multi_label_classification",
    )  # fmt: skip
    config.num_labels = labels
    network = XLMRobertaForSequenceClassification(config).eval()
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
        unk_token="[UNK]", model_max_length=512,
    )  # fmt: skip
    return pipeline("text-classification", model=network, tokenizer=fast, device="cpu", top_k=None)


def best_setting(pipe: Any, texts: Sequence[str]) -> tuple[int, bool]:
    """Batch size, and whether the input is sorted, with the best rate; prints every rate."""
    rates = {}
    pipe(list(texts[:4]), truncation=True)
    for by_length in (False, True):
        given = sorted(texts, key=len) if by_length else list(texts)
        for size in BATCHES:
            took = seconds(lambda given=given, size=size: pipe(given, batch_size=size, truncation=True))  # type: ignore[misc]
            rates[size, by_length] = len(texts) / took
            print(f"  peer, {_named(size, by_length)}: {len(texts) / took:.1f} a second", flush=True)
    return max(rates, key=lambda setting: rates[setting])


def _named(size: int, by_length: bool) -> str:
    return f"batches of {size}, {'sorted by length' if by_length else 'in reading order'}"


@contextmanager
def timed(classifier: Any, spent: dict[str, float]) -> Iterator[None]:
    """Add to `spent` the seconds of each part of the library's work."""
    module: Any = importlib.import_module("policyclf.classifier")
    model = classifier._model

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent[name] += time.perf_counter() - began

        return run

    class Clocked:
        """An object whose method is clocked: those of the tokenizer and session are read-only."""

        def __init__(self, name: str, method: str, of: Any) -> None:
            setattr(self, method, clocked(name, getattr(of, method)))

    with (
        mock.patch.object(module, "segments", clocked("segmenting", module.segments)),
        mock.patch.object(classifier, "_spans", clocked("evidence", classifier._spans)),
        mock.patch.object(model, "_tokenizer", Clocked("tokenising", "encode_batch", model._tokenizer)),
        mock.patch.object(model, "_session", Clocked("network", "run", model._session)),
        mock.patch.object(model, "_readings", clocked("pooling", model._readings)),
    ):
        yield


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="a model folder (default: the released one)")
    parser.add_argument("--segments", type=int, default=2000)
    parser.add_argument("--peer", type=int, default=200, help="segments that the peer reads; 0: all")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="policyclf without the peer")
    options = parser.parse_args(arguments)
    # read when the tokenizers' first thread starts
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads))

    import policyclf

    classifier = policyclf.load(options.model, threads=options.threads)
    documents = [policy.text for policy in drawn(options.segments)]
    clauses = [clause for text in documents for clause in classifier.classify(text)]
    segments = [clause.text for clause in clauses]
    languages = dict(Counter(clause.language for clause in clauses))
    print(f"{len(documents)} documents, {len(segments)} segments {languages}, {options.threads} threads")

    def ours() -> None:
        for text in documents:
            classifier.classify(text)

    theirs: Callable[[], object] | None = None
    given: list[str] = []
    if not options.alone:
        pipe = peer(classifier.folder / "tokenizer.json", len(classifier.config.labels), options.threads)
        size, by_length = best_setting(pipe, spread(segments, PROBE))
        given = spread(segments, options.peer)
        given = sorted(given, key=len) if by_length else given
        print(f"  taken: {_named(size, by_length)}")

        def theirs() -> object:
            return pipe(given, batch_size=size, truncation=True)

    rates: list[float] = []
    peer_rates: list[float] = []
    for _ in range(options.rounds):
        rates.append(len(segments) / seconds(ours))
        if theirs:
            peer_rates.append(len(given) / seconds(theirs))
            print(f"  {rates[-1]:.1f} and {peer_rates[-1]:.2f} a second", flush=True)
    print(f"\npolicyclf   {_spread(rates)} segments a second, in context, with evidence")
    if peer_rates:
        whole = "all of the segments" if len(given) == len(segments) else f"{len(given)} of the segments"
        print(f"peer        {_spread(peer_rates)} segments a second, on {whole}")
        print(f"ratio       {_spread([a / b for a, b in zip(rates, peer_rates, strict=True)])}")

    spent: dict[str, float] = defaultdict(float)
    with timed(classifier, spent):
        whole_time = seconds(ours)
    spent["the rest"] = whole_time - sum(spent.values())
    print("\nwhere policyclf's time goes:")
    for name, took in sorted(spent.items(), key=lambda item: -item[1]):
        each = 1000 * took / len(segments)
        print(f"  {name:<12}{100 * took / whole_time:5.1f} %   {each:7.3f} ms a segment")


def _spread(values: Sequence[float]) -> str:
    """The median, with the least and the greatest."""
    return f"{statistics.median(values):8.2f} [{min(values):.2f}, {max(values):.2f}]"


if __name__ == "__main__":
    main()

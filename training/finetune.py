"""From data/ to models/: fine-tune the encoder on the corpus and release the model.

    python -m training.finetune [--out models/policyclf] [--unlabelled FOLDER] [--seed N]

1. Read the corpus and its splits.
2. Train the teachers, each without one part of the training policies (training.teachers).
3. Train the model (training.fitting) on the annotation mixed with what the teachers say;
   with `--unlabelled`, real policies take part on the teachers' word alone.
4. Fit what it gives as evidence (training.evidence).
5. Calibrate on the validation split (training.calibration): one temperature for either
   output, three sets of thresholds.
6. Export to ONNX, int8, and write the model folder (training.export).
7. Score the folder, through the library, on the validation and test splits.

The teachers are kept under `--work`; the same command goes on where it stopped. Two
processor cores need about two hours a model; a GPU two minutes. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tokenizers import Tokenizer

from training import calibration, corpus, evidence, export
from training.documents import documents, unlabelled_documents
from training.fitting import Settings, logits, train
from training.model import Document, load, save
from training.teachers import folds, held_out_opinions, mixed, said, teach

ROOT = Path(__file__).resolve().parent.parent
ENCODER = ROOT / "models" / "encoder"
RELEASED = ROOT / "models" / "policyclf"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="the encoder's folder")
    parser.add_argument("--data", type=Path, default=corpus.DATA / "policies")
    parser.add_argument("--unlabelled", type=Path, metavar="FOLDER", help="real policies, as plain text")
    parser.add_argument("-o", "--out", type=Path, default=RELEASED)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "finetune", help="keeps the teachers")
    parser.add_argument("--only-teacher", type=int, metavar="K", help="train teacher K, nothing else")
    parser.add_argument(
        "--weights", type=Path, help="calibrate and export these weights instead of training anew"
    )
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--folds", type=int, default=Settings.folds, help="teachers; 0 for none")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    options = parser.parse_args(arguments)
    settings = Settings(epochs=options.epochs, seed=options.seed, folds=options.folds)

    tokenizer = Tokenizer.from_file(str(options.encoder / "tokenizer.json"))
    labels = len(corpus.codes())
    splits = corpus.load_splits([options.data])
    docs = {split: documents(policies, tokenizer) for split, policies in splits.items()}
    print({split: f"{len(d)} policies, {sum(len(x.rows) for x in d)} segments" for split, d in docs.items()})
    options.out.mkdir(parents=True, exist_ok=True)
    if options.weights:
        model = load(options.weights, options.encoder, labels)
    else:
        targets, unlabelled = docs["train"], list[Document]()
        if settings.folds:
            fold = folds(splits["train"], settings.folds)
            teachers = teach(
                targets, fold, tokenizer, options.encoder, settings, options.work, options.only_teacher
            )
            if options.only_teacher is not None:
                return
            targets = mixed(
                targets, held_out_opinions(teachers, targets, fold, tokenizer, settings), settings.hard
            )
            if options.unlabelled:
                unlabelled = unlabelled_documents(options.unlabelled, tokenizer, labels)
                unlabelled = mixed(unlabelled, said(teachers, unlabelled, tokenizer, settings), hard=0)
        model = train(targets, tokenizer, options.encoder, settings, unlabelled)
    if not model.evidence.weight.any():
        evidence.fit(model, splits["train"], tokenizer)
        save(model, options.out / "model.safetensors", embeddings=settings.train_embeddings)

    budget = settings.max_tokens - 2
    practice, denial = zip(*logits(model, docs["validation"], tokenizer, budget), strict=True)
    decisions = calibration.fit(docs["validation"], practice, denial)
    export.write(model, tokenizer, decisions, options.out, asdict(settings), data=options.data)
    print(json.dumps(export.score(options.out, splits), indent=1))


if __name__ == "__main__":
    main()

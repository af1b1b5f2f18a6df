"""ROUGE-1, -2 and -L as the package rouge-score gives them: F with beta 1, the best reference by F, then the mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ham_mrc.errors import MissingExtra
from ham_mrc.eval.metric import mean_metric
from ham_mrc.text import TOKENIZER, tokenize

_COUNT = "rouge_score_questions"
_NAMES = {"rouge_score_1": "rouge1", "rouge_score_2": "rouge2", "rouge_score_l": "rougeL"}

METRICS = tuple(
    mean_metric(name, f"rouge-score {label}", over=_COUNT)
    for name, label in (("rouge_score_1", "ROUGE-1"), ("rouge_score_2", "ROUGE-2"), ("rouge_score_l", "ROUGE-L"))
)


class _Words:
    """The project's own tokeniser in lower case: a word, a Han character, or one visible character each."""

    def tokenize(self, text: str) -> list[str]:
        return tokenize(text.lower()).words


def score(
    predictions: Sequence[str], references: Sequence[Sequence[str]], tokeniser: str
) -> tuple[dict[str, float], dict[str, Sequence[float]], Mapping[str, list[float]], str]:
    """(the figures in percent, the columns, each question's own scores, the signature)."""
    scorer = _scorer(tokeniser)
    own: dict[str, list[float]] = {name: [] for name in _NAMES}
    for prediction, accepted in zip(predictions, references, strict=True):
        found = scorer.score_multi(list(accepted), prediction)
        for name, theirs in _NAMES.items():
            own[name].append(100.0 * found[theirs].fmeasure)
    figures = {name: math.fsum(column) / len(column) for name, column in own.items()}
    return figures, {**own, _COUNT: [1] * len(predictions)}, own, _signature(tokeniser)


def _signature(tokeniser: str) -> str:
    from importlib.metadata import version

    tokens = {
        "default": "lower+latin-letters-and-digits|stemmer:no",
        "stemmed": "lower+latin-letters-and-digits|stemmer:porter",
        "words": f"lower+{TOKENIZER}|stemmer:no",
    }
    return f"rouge-score|tok:{tokens[tokeniser]}|figure:f1|references:best-f1|mean|version:{version('rouge-score')}"


def left(texts: Sequence[str], tokeniser: str) -> list[bool]:
    """Whether anything is left of each text once it is tokenised."""
    tokens = _tokeniser(tokeniser)
    return [bool(tokens.tokenize(text)) for text in texts]


def _tokeniser(name: str) -> Any:
    if name == "words":
        return _Words()
    try:
        from rouge_score.tokenizers import DefaultTokenizer
    except ImportError as error:
        raise MissingExtra("rouge-score", "variants", "--metrics rouge-score") from error
    return DefaultTokenizer(name == "stemmed")


def _scorer(tokeniser: str) -> Any:
    tokens = _tokeniser(tokeniser)
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise MissingExtra("rouge-score", "variants", "--metrics rouge-score") from error
    return RougeScorer([*_NAMES.values()], tokenizer=tokens)

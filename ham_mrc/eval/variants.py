"""Figures of other libraries beside the official ones, under their own names and each with its signature.

A family is asked for as NAME or NAME:TOKENISER. Without a tokeniser it takes the one that suits the references: the
libraries' default ones cut up English and see nothing, or one long word, in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ham_mrc.errors import HamError
from ham_mrc.eval import rouge_score_variant, sacrebleu_variant
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.predictions import shown_answers
from ham_mrc.eval.references import References
from ham_mrc.records import Scores
from ham_mrc.text import HAN

_HAN = re.compile(f"[{HAN}]")
_LETTER = re.compile(r"[^\W\d_]")


class Texts(NamedTuple):
    """What a family scores: one entry for each question that has a reference; a missing prediction is "".

    `places` are their rows among the questions scored.
    """

    places: list[int]
    predictions: list[str]
    references: list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Family:
    """`tokenisers` by name say whether each divides Chinese; `english` and `chinese` are taken by default.

    `score(predictions, references, tokeniser)` gives (figures, columns, scores of single questions, signature), and
    `left(text, tokeniser)` whether the tokeniser leaves anything of a text.
    """

    metrics: tuple[Metric, ...]
    tokenisers: Mapping[str, bool]
    english: str
    chinese: str
    score: Callable[[Sequence[str], Sequence[Sequence[str]], str], Any]
    left: Callable[[Sequence[str], str], list[bool]]


FAMILIES = {
    "sacrebleu": Family(
        sacrebleu_variant.METRICS,
        {"13a": False, "intl": False, "zh": True, "char": True},
        english="13a",
        chinese="zh",
        score=sacrebleu_variant.score,
        left=sacrebleu_variant.left,
    ),
    "rouge-score": Family(
        rouge_score_variant.METRICS,
        {"default": False, "stemmed": False, "words": True},
        english="default",
        chinese="words",
        score=rouge_score_variant.score,
        left=rouge_score_variant.left,
    ),
}
"""What `--metrics` takes."""

METRICS: dict[str, Metric] = {metric.name: metric for family in FAMILIES.values() for metric in family.metrics}


def with_variants(
    scores: Scores, predictions: Mapping[Any, Any], references: References, names: Sequence[str]
) -> Scores:
    """`scores` with the figures of the families in `names` added, their columns, and their signatures.

    Raises HamError for an unknown name, a tokeniser that cannot divide these texts, and where a tokeniser leaves
    nothing of a reference that has a visible character: its score would be a silent 0.
    """
    texts = _texts(scores, predictions, references)
    for name in names:
        family, tokeniser = _choose(name, texts)
        _check_left(name, family, tokeniser, texts, scores)
        figures, columns, own, signature = family.score(texts.predictions, texts.references, tokeniser)
        scores = replace(
            scores,
            metrics={**scores.metrics, **figures},
            variants={**scores.variants, **dict.fromkeys(figures, signature)},
            statistics={**scores.statistics, **_spread_out(columns, texts.places, len(scores.per_question))},
            per_question=_with_rows(scores.per_question, own, texts.places),
        )
    return scores


def _texts(scores: Scores, predictions: Mapping[Any, Any], references: References) -> Texts:
    given = dict(zip(references.keys, shown_answers(predictions, references), strict=True))
    answers = dict(zip(references.keys, references.answers, strict=True))
    texts = Texts([], [], [])
    for place, key in enumerate(scores.per_question):
        accepted = tuple(text for text in answers[key] if not references.says_none(text))
        if accepted:
            texts.places.append(place)
            texts.predictions.append(given[key] or "")
            texts.references.append(accepted)
    if not texts.places:
        raise HamError("no question has a reference that another library could score", file=references.file)
    return texts


def _choose(name: str, texts: Texts) -> tuple[Family, str]:
    stem, colon, tokeniser = name.partition(":")
    if stem not in FAMILIES:
        raise HamError(f"--metrics {name}: there is no {stem!r}", remedy=f"there are: {', '.join(FAMILIES)}")
    family = FAMILIES[stem]
    chinese = _is_chinese(texts)
    if not colon:
        return family, family.chinese if chinese else family.english
    if tokeniser not in family.tokenisers:
        raise HamError(
            f"--metrics {name}: there is no tokeniser {tokeniser!r}",
            remedy=f"there are: {', '.join(family.tokenisers)}",
        )
    if chinese and not family.tokenisers[tokeniser]:
        able = [name for name, divides in family.tokenisers.items() if divides]
        raise HamError(
            f"--metrics {name}: this tokeniser does not divide Chinese, and the references are Chinese",
            remedy=f"use {' or '.join(f'{stem}:{name}' for name in able)}",
        )
    return family, tokeniser


def _is_chinese(texts: Texts) -> bool:
    """Whether at least half the letters of the references are Han characters."""
    joined = "".join(text for accepted in texts.references for text in accepted)
    return 2 * len(_HAN.findall(joined)) > len(_LETTER.findall(joined))


def _check_left(name: str, family: Family, tokeniser: str, texts: Texts, scores: Scores) -> None:
    flat = [(place, text) for place, accepted in zip(texts.places, texts.references, strict=True) for text in accepted]
    kept = family.left([text for _, text in flat], tokeniser)
    for (place, text), left in zip(flat, kept, strict=True):
        if not left and text.strip():
            stem = name.partition(":")[0]
            others = [f"{stem}:{other}" for other in family.tokenisers if family.left([text], other)[0]]
            raise HamError(
                f"the tokeniser {tokeniser!r} of {stem} leaves nothing of the reference {text!r}, which would score 0 "
                "whatever is predicted",
                place=f"question {list(scores.per_question)[place]}",
                remedy=f"use --metrics {' or '.join(others)}" if others else f"score without {stem}",
            )


def _spread_out(
    columns: Mapping[str, Sequence[float]], places: Sequence[int], count: int
) -> dict[str, Sequence[float]]:
    """The columns with a 0 for every question without a reference."""
    found: dict[str, Sequence[float]] = {}
    for name, column in columns.items():
        whole: list[float] = [0] * count
        for place, number in zip(places, column, strict=True):
            whole[place] = number
        found[name] = whole
    return found


def _with_rows(
    rows: Mapping[str, Mapping[str, float]], own: Mapping[str, Sequence[float]], places: Sequence[int]
) -> dict[str, dict[str, float]]:
    """`rows` with each question's own scores added."""
    found = {key: dict(row) for key, row in rows.items()}
    if own:
        keys = list(found)
        for number, place in enumerate(places):
            found[keys[place]] |= {name: column[number] for name, column in own.items()}
    return found

"""Scores by kind of question and by length, to see where a system is good. Needs the references' texts."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import columns_of, combined, summed_metrics
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.references import References
from ham_mrc.records import Scores
from ham_mrc.text import HAN, tokenize

SMALL = 30
"""Buckets with fewer questions than this are marked: their figures move by chance more than by merit."""

_TYPES = ("what", "which", "who", "when", "where", "why", "how many", "how", "yes or no", "other")
_ENGLISH = re.compile(r"\b(?:how (?:many|much)|how|who(?:m|se)?|when|where|why|which|what)\b")
_SAME_TYPE = {"how much": "how many", "whom": "who", "whose": "who"}

_CHINESE = (
    ("why", "为什么|为何|为啥|为甚么|何以|怎么会|原因|缘由"),
    (
        "when",
        "什么时候|什么时间|啥时候|何时|几时|几点|几月|几号|哪一?年|哪一?天|哪一?月|哪个月|哪日|多久|多长时间|何年|何月|何日|什么年代",
    ),
    ("how many", "多少|几[个名位人种次年岁天本部场座家条章层]|多大|多高|多长|多远|多重|多深|多宽|第几|几岁|几"),
    (
        "where",
        "哪里|哪儿|何处|何地|什么地方|啥地方|什么位置|在哪|到哪|从哪|于哪|哪个(?:国家|城市|地区|省|县|市|洲|地方)",
    ),
    ("who", "谁|何人|什么人|哪位|哪个人|哪一位"),
    ("which", "哪个|哪些|哪一|哪种|哪几|哪"),
    ("how", "怎么|怎样|如何|咋|怎么样|什么样|怎"),
    ("yes or no", "吗|是否|是不是|能不能|可不可以|有没有|会不会|要不要|好不好|对不对|行不行"),
    ("what", "什么|甚么|何|啥|哪"),
)
"""Question words by type. Of several types in a question the one that begins first counts, of two that begin
together the one that stands first here, so that 什么时候 is "when" and 什么 alone is "what"."""
_HAN = re.compile(f"[{HAN}]")
_CHINESE_TYPES = tuple((name, re.compile(words)) for name, words in _CHINESE)

_NUMBER = re.compile(r"\d|[零〇一二三四五六七八九十百千万亿两]")
_ANSWER_TYPES = ("number", "date", "name", "yes or no", "phrase", "clause", "no answer")
_DATE = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
    r"|\b1\d{3}\b|\b20\d{2}s?\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|[年月日号]$|\d年|\d月"
)
_LONG_ANSWER = 8
"""Tokens from which on an answer counts as a clause."""
_SHORT_WORD = 3
"""Letters up to which a word of a name may be small, as "of" and "the"."""

_QUESTION_WORDS = (6, 9, 12, 16)
_ANSWER_WORDS = (1, 2, 3, 5, 10)
_PASSAGE_WORDS = (100, 150, 200, 300)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The questions of one kind: how many, and each metric over them, in percent.

    `intervals` are 95% bootstrap intervals, empty if not asked for.
    """

    label: str
    questions: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """All questions, each in one bucket; empty buckets are left out."""

    by: str
    buckets: tuple[Bucket, ...]


def question_type(references: References, place: int) -> str:
    """The kind of the first question word, English or Chinese; else "other".

    "How much" counts as "how many", whom and whose as "who"; 什么时候 as "when", 吗 and 是否 as "yes or no".
    """
    text = _text(references.questions[place], "question", references, place).lower()
    if _HAN.search(text):
        return _chinese_type(text)
    match = _ENGLISH.search(text)
    return "other" if match is None else _SAME_TYPE.get(match.group(), match.group())


def _chinese_type(text: str) -> str:
    found = [
        (match.start(), rank, name)
        for rank, (name, words) in enumerate(_CHINESE_TYPES)
        if (match := words.search(text))
    ]
    return min(found)[2] if found else "other"


def question_length(references: References, place: int) -> str:
    """The number of tokens of the question, in steps."""
    text = _text(references.questions[place], "question", references, place)
    return _step(len(tokenize(text).words), _QUESTION_WORDS)


def answer_length(references: References, place: int) -> str:
    """The number of tokens of the shortest accepted answer, in steps."""
    answers = [text for text in references.answers[place] if not references.says_none(text)]
    return _step(min(len(tokenize(text).words) for text in answers), _ANSWER_WORDS) if answers else "no answer"


def answer_type(references: References, place: int) -> str:
    """What the first accepted answer looks like: a number, a date, a name, a yes or no, a phrase, or a clause.

    Told by its surface alone: a date has a year, a month, or a weekday, a number any other digit or number word
    of Chinese; a name begins each longer word with a capital; a clause has eight tokens or more.
    """
    answers = [text for text in references.answers[place] if not references.says_none(text)]
    return _surface(answers[0]) if answers else "no answer"


def _surface(answer: str) -> str:
    words = tokenize(answer).words
    if answer.strip().lower() in ("yes", "no", "是", "否", "是的", "不是"):
        return "yes or no"
    if len(words) >= _LONG_ANSWER:
        return "clause"
    if _DATE.search(answer.lower()):
        return "date"
    if _NUMBER.search(answer):
        return "number"
    long = [word for word in words if len(word) > _SHORT_WORD and word.isalpha()]
    return "name" if long and all(word[0].isupper() for word in long) else "phrase"


def passage_length(references: References, place: int) -> str:
    """The number of tokens of the passage, in steps."""
    return _passage_step(_text(references.passages[references.passage_of[place]], "context", references, place))


@functools.lru_cache(maxsize=16384)
def _passage_step(passage: str) -> str:
    """Kept, since questions share passages and several results are broken down one after the other."""
    return _step(len(tokenize(passage).words), _PASSAGE_WORDS)


def _text(text: str | None, what: str, references: References, place: int) -> str:
    if text is None:
        raise HamError(
            f"has no {what!r} text to sort it by", file=references.file, place=f"question {references.ids[place]}"
        )
    return text


def _steps(bounds: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the steps that end at each bound, and of the one above them all."""
    names = [f"up to {bounds[0]}"]
    for low, high in itertools.pairwise(bounds):
        names.append(str(high) if high == low + 1 else f"{low + 1} to {high}")
    return (*names, f"over {bounds[-1]}")


def _step(length: int, bounds: tuple[int, ...]) -> str:
    return _steps(bounds)[sum(length > bound for bound in bounds)]


BY: dict[str, tuple[Callable[[References, int], str], tuple[str, ...]]] = {
    "question-type": (question_type, _TYPES),
    "question-length": (question_length, _steps(_QUESTION_WORDS)),
    "answer-length": (answer_length, (*_steps(_ANSWER_WORDS), "no answer")),
    "answer-type": (answer_type, _ANSWER_TYPES),
    "passage-length": (passage_length, _steps(_PASSAGE_WORDS)),
}
"""What to sort by: the function that names a question's bucket, and the buckets in the order to show them."""


def breakdown(
    scores: Scores,
    references: References,
    by: str,
    *,
    intervals: bool = False,
    clusters: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 13,
) -> Breakdown:
    """The scores by one of `BY`. Intervals are bootstrap intervals as of the whole, bucket by bucket.

    `clusters` has one entry for each question scored. A metric for which no question of a bucket counts is left
    out there, and so are metrics that are no functions of sums over questions.

    Raises HamError where a question lacks the text that it is sorted by.
    """
    name_of, labels = BY[by]
    members: dict[str, list[int]] = {label: [] for label in labels}
    place_of = {key: place for place, key in enumerate(references.keys)}
    for row, key in enumerate(scores.per_question):
        members.setdefault(name_of(references, place_of[key]), []).append(row)
    metrics = summed_metrics(scores)
    columns = columns_of(scores, metrics.values())
    buckets = []
    for label, places in members.items():
        if places:
            units = None if clusters is None else [clusters[place] for place in places]
            part = {name: [column[place] for place in places] for name, column in columns.items()}
            figures = {name: combined(metric, part) for name, metric in metrics.items()}
            counted = {name: metric for name, metric in metrics.items() if _counts(metric, part, figures[name])}
            found = _intervals(counted, part, units, resamples, seed) if intervals else {}
            buckets.append(Bucket(label, len(places), {name: figures[name] for name in counted}, found))
    return Breakdown(by, tuple(buckets))


def _counts(metric: Metric, columns: Mapping[str, Sequence[float]], figure: float) -> bool:
    """Whether any question of a bucket counts for the metric: BLEU of none is no NaN but 0."""
    return not math.isnan(figure) and any(any(columns[name]) for name in metric.columns)


def _intervals(
    metrics: Mapping[str, Metric],
    columns: Mapping[str, Sequence[float]],
    clusters: Sequence[int] | None,
    resamples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    from ham_mrc.eval.resampling import Bootstrap

    found = Bootstrap([columns], clusters=clusters, resamples=resamples, seed=seed)
    return {name: found.interval(metric) for name, metric in metrics.items()}


def breakdown_json(found: Breakdown) -> dict[str, Any]:
    """What the questions were sorted by, and one object a bucket."""
    buckets = [
        {"bucket": b.label, "questions": b.questions, "metrics": dict(b.metrics), "intervals": dict(b.intervals)}
        for b in found.buckets
    ]
    return {"by": found.by, "buckets": buckets}

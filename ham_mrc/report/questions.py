"""Every question as plain data for the page's browser: columns with one entry a question, passages kept once."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ham_mrc.eval.breakdown import BY
from ham_mrc.eval.columns import known_metrics
from ham_mrc.files import to_json
from ham_mrc.report.gather import Material, Texts

RIGHT = 100.0
"""From this exact match on, in percent, an answer is right."""

RIGHT_IN_PART = 50.0
"""The same for a dataset whose answers are free texts, and its first figure of a single question."""

LIMIT = 11_000_000
"""Characters that the packed questions may take on the page."""

REACHES = (600, 200, 60)
"""Characters kept around each answer where whole passages would be too much, tried one after the other."""

_PLACES = 5
_GAP = " … "


def questions(material: Material) -> dict[str, Any]:
    """The browser's data. Scores are percentages rounded to tenths, None where a question does not count.

    "right" says which metric decides, and from where on. "passagesOf" holds places in "passages".
    """
    first = material.runs[0].result.scores
    keys = list(first.per_question)
    known = known_metrics(first)
    own = [name for name in known if any(name in row for row in first.per_question.values())]
    decides = "exact_match" if "exact_match" in own else (own[0] if own else None)
    found: dict[str, Any] = {
        "ids": keys,
        "metrics": [known[name].label for name in own],
        "right": [own.index(decides), RIGHT if decides == "exact_match" else RIGHT_IN_PART] if decides else None,
        "runs": [run.label for run in material.runs],
        "rows": list(material.labels),
        "rowOf": [run.row for run in material.runs],
        "seeds": [(run.result.run or {}).get("seed") for run in material.runs],
        "scores": [
            [[_rounded(run.result.scores.per_question[key].get(name)) for key in keys] for name in own]
            for run in material.runs
        ],
        "answers": [None if run.answers is None else list(run.answers) for run in material.runs],
    }
    return found | (_texts(material.texts, keys) if material.texts else {})


def _rounded(value: float | None) -> float | int | None:
    if value is None:
        return None
    short = round(value, 1)
    return int(short) if short == int(short) else short


def _texts(texts: Texts, keys: Sequence[str]) -> dict[str, Any]:
    references = texts.references
    place_of = {key: place for place, key in enumerate(references.keys)}
    places = [place_of[key] for key in keys]
    passages: dict[str, int] = {}
    of = [[passages.setdefault(text, len(passages)) for text in texts.passages[place]] for place in places]
    types, names = _types(texts, places)
    return {
        "questions": [references.questions[place] for place in places],
        "gold": [
            list(dict.fromkeys("" if references.says_none(text) else text for text in references.answers[place]))
            for place in places
        ],
        "types": types,
        "typeNames": names,
        "passages": list(passages),
        "passagesOf": of,
    }


def _types(texts: Texts, places: Iterable[int]) -> tuple[list[int], list[str]]:
    """For each question the place of its type among those there are; none at all where a question has no text."""
    name_of, order = BY["question-type"]
    if any(text is None for text in texts.references.questions):
        return [], []
    found = [name_of(texts.references, place) for place in places]
    names = [name for name in dict.fromkeys((*order, *found)) if name in set(found)]
    number = {name: i for i, name in enumerate(names)}
    return [number[name] for name in found], names


def packed(data: Any) -> str:
    """JSON, gzip and base64, one over the other: no character of it can end a script element."""
    return base64.b64encode(gzip.compress(to_json(data), 9, mtime=0)).decode("ascii")


def packed_questions(data: dict[str, Any], limit: int = LIMIT) -> tuple[str, str]:
    """The data packed, and a note on what of the passages was left out to keep it within `limit` characters."""
    text = packed(data)
    if len(text) <= limit or "passages" not in data:
        return text, ""
    for reach in REACHES:
        text = packed(data | {"passages": _around_answers(data, reach)})
        if len(text) <= limit:
            return text, f"Passages are cut to {reach} characters around each answer, to keep this page small."
    return packed(data | {"passages": [""] * len(data["passages"])}), "Passages are left out, to keep this page small."


def _around_answers(data: dict[str, Any], reach: int) -> list[str]:
    """The passages, each cut to what stands near a gold or predicted answer of any question; else to its beginning."""
    wanted: list[set[str]] = [set() for _ in data["passages"]]
    for place, numbers in enumerate(data["passagesOf"]):
        texts = {*data["gold"][place], *(own[place] for own in data["answers"] if own and own[place])}
        for number in numbers:
            wanted[number] |= texts - {""}
    return [_cut(text, texts, reach) for text, texts in zip(data["passages"], wanted, strict=True)]


def _cut(passage: str, texts: Iterable[str], reach: int) -> str:
    spans = sorted(
        (max(0, found.start() - reach), min(len(passage), found.end() + reach))
        for text in texts
        for found in list(re.finditer(re.escape(text), passage))[:_PLACES]
    )
    kept: list[tuple[int, int]] = []
    for begin, end in spans or [(0, min(reach, len(passage)))]:
        if kept and begin <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((begin, end))
    lead, tail = _GAP if kept[0][0] else "", _GAP if kept[-1][1] < len(passage) else ""
    return lead + _GAP.join(passage[begin:end] for begin, end in kept) + tail

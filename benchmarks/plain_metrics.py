"""The official programs' algorithms said again plainly, for benchmarks/metrics.py to measure against.

    python benchmarks/plain_metrics.py {squad,squad2,cmrc,dureader,msmarco} PREDICTIONS REFERENCES

Written from docs/metrics.md, not copied, with the costs the official programs have: every text is normalised again for
every reference and metric, n-grams are tuples counted in dictionaries, common runs and subsequences come from a whole
table. Prints the figures as `ham-mrc eval` names them, in percent, as one JSON object. The files must be well-formed.
"""

from __future__ import annotations

import json
import math
import re
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Figures = dict[str, float]
Texts = dict[Any, list[str]]
NO_ANSWER = "No Answer Present."
CMRC_REMOVED = [*"-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』", "……"]


def main() -> None:
    """Score the files named on the command line."""
    _, dataset, predictions, references = sys.argv
    print(json.dumps(PROGRAMS[dataset](Path(predictions), Path(references))))


def questions(references: Path) -> Iterator[tuple[str, list[str]]]:
    """(id, texts of the answers) of a file in SQuAD's layout."""
    for article in json.loads(references.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                yield qa["id"], [answer["text"] for answer in qa["answers"]]


def normal(text: str) -> str:
    """SQuAD's four steps."""
    punctuation = set(string.punctuation)
    without = "".join(char for char in text.lower() if char not in punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", without).split())


def harmonic(same: int, given: int, due: int) -> float:
    """F1 of a number of shared words."""
    if same == 0:
        return 0
    precision, recall = 1.0 * same / given, 1.0 * same / due
    return (2 * precision * recall) / (precision + recall)


def word_f1(prediction: str, answer: str, empty_counts: bool = False) -> float:
    """F1 of the words as bags; SQuAD 2.0 has 1 where both sides are empty."""
    given, due = normal(prediction).split(), normal(answer).split()
    if empty_counts and not (given and due):
        return int(given == due)
    return harmonic(sum((Counter(given) & Counter(due)).values()), len(given), len(due))


def squad(predictions: Path, references: Path) -> Figures:
    """SQuAD 1.1."""
    given = json.loads(predictions.read_text("utf-8"))
    total, exact, f1 = 0, 0, 0.0
    for identity, answers in questions(references):
        total += 1
        if identity in given:
            exact += max(normal(given[identity]) == normal(answer) for answer in answers)
            f1 += max(word_f1(given[identity], answer) for answer in answers)
    return {"exact_match": 100.0 * exact / total, "f1": 100.0 * f1 / total}


def squad2(predictions: Path, references: Path) -> Figures:
    """SQuAD 2.0 without probabilities; every question has a prediction. The official program imports NumPy for them."""
    import numpy  # noqa: F401

    given = json.loads(predictions.read_text("utf-8"))
    exact: dict[str, float] = {}
    f1: dict[str, float] = {}
    answerable: dict[str, bool] = {}
    for identity, answers in questions(references):
        answerable[identity] = bool(answers)
        golds = [answer for answer in answers if normal(answer)] or [""]
        exact[identity] = max(int(normal(given[identity]) == normal(gold)) for gold in golds)
        f1[identity] = max(word_f1(given[identity], gold, empty_counts=True) for gold in golds)
    figures = {}
    for prefix, kinds in (("", (True, False)), ("has_answer_", (True,)), ("no_answer_", (False,))):
        ids = [identity for identity in exact if answerable[identity] in kinds]
        for name, scores in (("exact_match", exact), ("f1", f1)):
            if ids:
                figures[prefix + name] = 100.0 * left_to_right(scores[identity] for identity in ids) / len(ids)
    return figures


def left_to_right(values: Iterator[float]) -> float:
    """A sum without the compensation that newer Pythons put into `sum`."""
    total: float = 0
    for value in values:
        total += value
    return total


def cmrc(predictions: Path, references: Path) -> Figures:
    """CMRC 2018 with NLTK's tokenizer on sentences of an untrained Punkt: for texts that no model would change."""
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    split, words = PunktSentenceTokenizer().tokenize, NLTKWordTokenizer().tokenize
    given = json.loads(predictions.read_text("utf-8"))
    total, exact, f1 = 0, 0, 0.0
    for identity, answers in questions(references):
        total += 1
        f1 += max(run_f1(given[identity], answer, lambda text: segments(text, split, words)) for answer in answers)
        exact += any(cleaned(given[identity]) == cleaned(answer) for answer in answers)
    return {"exact_match": 100.0 * exact / total, "f1": 100.0 * f1 / total}


def cleaned(text: str) -> str:
    """CMRC's normalisation."""
    return "".join(char for char in text.lower().strip() if char not in CMRC_REMOVED)


def segments(text: str, split: Callable[[str], list[str]], words: Callable[[str], list[str]]) -> list[str]:
    """Han characters one by one, and NLTK's words of what stands between them."""
    found: list[str] = []
    fragment = ""
    for char in [*cleaned(text), None]:
        if char is None or re.search("[\u4e00-\u9fa5]", char):
            found += [word for sentence in split(fragment) for word in words(sentence)] if fragment else []
            found += [char] if char else []
            fragment = ""
        else:
            fragment += char
    return found


def run_f1(prediction: str, answer: str, cut: Callable[[str], list[str]]) -> float:
    """F1 by the longest common run."""
    due, given, longest = cut(answer), cut(prediction), 0
    table = [[0] * (len(given) + 1) for _ in range(len(due) + 1)]
    for i in range(len(due)):
        for j in range(len(given)):
            if due[i] == given[j]:
                table[i + 1][j + 1] = table[i][j] + 1
                longest = table[i + 1][j + 1] if table[i + 1][j + 1] > longest else longest
    return harmonic(longest, len(given), len(due))


def lines(file: Path) -> list[Any]:
    """The records of JSON Lines."""
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


def dureader(predictions: Path, references: Path) -> Figures:
    """DuReader's task `main`: all questions, then those of each source in brief; each question has a prediction."""
    given = {record["question_id"]: record for record in lines(predictions)}
    due = {record["question_id"]: record for record in lines(references)}
    figures: Figures = {}
    for source in ("", "search", "zhidao"):
        ids = [key for key, record in due.items() if source in ("", record["source"]) and any(record["answers"])]
        own = {key: spaced(given[key]["answers"][:1]) for key in ids}
        found = overlap(own, {key: spaced(due[key]["answers"]) for key in ids}) if ids else {}
        kept = {name: found[name] for name in ("bleu_4", "rouge_l") if found} if source else found
        figures |= {f"{source}_{name}" if source else name: value for name, value in kept.items()}
    return figures


def spaced(texts: list[str]) -> list[str]:
    """Characters as tokens."""
    return [" ".join(char for char in text if char.strip()) for text in texts]


def msmarco(predictions: Path, references: Path) -> Figures:
    """MS MARCO on texts that are tokens joined by spaces; every answerable query has one prediction."""
    given = {record["query_id"]: record["answers"] for record in lines(predictions)}
    due = {record["query_id"]: record["answers"] for record in lines(references)}
    refused, none = ({key for key, texts in side.items() if NO_ANSWER in texts} for side in (given, due))
    right = len((given.keys() - refused) & (due.keys() - none))
    missed, wrong = len(due) - len(none) - right, len(none - refused)
    precision = right / (right + wrong) if right + wrong else 1.0
    recall = right / (right + missed) if right + missed else 1.0
    own: Texts = {key: [""] if key in refused else texts for key, texts in given.items() if key not in none}
    figures = overlap(own, {key: texts for key, texts in due.items() if key not in none})
    return {**figures, "answerability_f1": 100.0 * (2 * ((precision * recall) / (precision + recall)))}


def overlap(given: Texts, due: Texts) -> Figures:
    """BLEU-1 to 4 of the corpus and the mean ROUGE-L."""
    import numpy as np

    correct, guess, length, closest = [0] * 4, [0] * 4, 0, 0
    for key, texts in due.items():
        own, others = ngrams(given[key][0]), [ngrams(text) for text in texts]
        size = len(given[key][0].split())
        length += size
        closest += min((abs(len(text.split()) - size), len(text.split())) for text in texts)[1]
        for n in range(4):
            guess[n] += max(0, size - n)
        for gram, count in own.items():
            correct[len(gram) - 1] += min(count, max(other.get(gram, 0) for other in others))
    figures, product = {}, 1.0
    ratio = (length + 1e-15) / (closest + 1e-9)
    for n in range(4):
        product *= (correct[n] + 1e-15) / (guess[n] + 1e-9)
        figure = product ** (1.0 / (n + 1))
        figures[f"bleu_{n + 1}"] = 100.0 * (figure * math.exp(1 - 1 / ratio) if ratio < 1 else figure)
    return {**figures, "rouge_l": 100.0 * float(np.mean([rouge(given[key][0], texts) for key, texts in due.items()]))}


def ngrams(text: str) -> dict[tuple[str, ...], int]:
    """The n-grams of one to four words, counted."""
    words = text.split()
    counts: dict[tuple[str, ...], int] = {}
    for n in range(1, 5):
        for start in range(len(words) - n + 1):
            gram = tuple(words[start : start + n])
            counts[gram] = counts.get(gram, 0) + 1
    return counts


def rouge(prediction: str, answers: list[str]) -> float:
    """ROUGE-L from the best precision and the best recall."""
    own = prediction.split(" ")
    cut = [answer.split(" ") for answer in answers]
    shared = [subsequence(tokens, own) for tokens in cut]
    precision = max(common / float(len(own)) for common in shared)
    recall = max(common / float(len(tokens)) for common, tokens in zip(shared, cut, strict=True))
    return ((1 + 1.2**2) * precision * recall) / float(recall + 1.2**2 * precision) if precision and recall else 0.0


def subsequence(one: list[str], other: list[str]) -> int:
    """The length of the longest common subsequence, by the whole table."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            equal = one[i - 1] == other[j - 1]
            table[i][j] = table[i - 1][j - 1] + 1 if equal else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


PROGRAMS: dict[str, Callable[[Path, Path], Figures]] = {
    function.__name__: function for function in (squad, squad2, cmrc, dureader, msmarco)
}

if __name__ == "__main__":
    main()

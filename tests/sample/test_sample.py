"""The sample corpus: made again byte by byte, as large as it says, and what each format promises."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.data_prep.squad import read_squad
from ham_mrc.eval import score
from ham_mrc.records import Example
from ham_mrc.sample import SAMPLES, sample_path
from ham_mrc.text import tokenize

ROOT = Path(__file__).parents[2]


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def examples(language: str) -> list[Example]:
    return list(read_squad(sample_path(language)))


def paragraphs(language: str) -> Iterator[dict[str, Any]]:
    for article in json.loads(unpacked(sample_path(language)))["data"]:
        yield from article["paragraphs"]


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    command = [sys.executable, str(ROOT / "scripts" / "make_sample.py"), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": "1"})
    return folder


def test_the_script_makes_the_files_that_ship(made_again: Path) -> None:
    assert {path.name for path in made_again.iterdir()} == {file for file, _ in SAMPLES.values()}
    for name in SAMPLES:
        shipped = sample_path(name)
        again = made_again / shipped.name
        # Packed bytes depend on the build of zlib, texts do not: so the texts are compared, and the header.
        assert unpacked(again) == unpacked(shipped), shipped.name
        assert again.read_bytes()[:8] == shipped.read_bytes()[:8] == b"\x1f\x8b\x08\x00" + bytes(4), "a time or a name"


def test_small_when_packed() -> None:
    assert sum(sample_path(name).stat().st_size for name in SAMPLES) < 420_000


@pytest.mark.parametrize(
    ("language", "questions", "passages", "articles"), [("english", 2400, 400, 55), ("chinese", 1200, 200, 24)]
)
def test_counts(language: str, questions: int, passages: int, articles: int) -> None:
    found = examples(language)
    assert len(found) == len({example.id for example in found}) == questions
    assert len({example.passages for example in found}) == passages
    assert len({example.title for example in found}) == articles
    assert all(str(number) in SAMPLES[language][1].replace(",", "") for number in (questions, passages))


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_squad_has_the_fields_of_squad(language: str) -> None:
    document = json.loads(unpacked(sample_path(language)))
    assert list(document) == ["version", "data"]
    assert document["version"] == "1.1"
    assert {tuple(article) for article in document["data"]} == {("title", "paragraphs")}
    assert not any(" " in article["title"] for article in document["data"])
    found = list(paragraphs(language))
    assert {tuple(paragraph) for paragraph in found} == {("context", "qas")}
    assert {tuple(qa) for paragraph in found for qa in paragraph["qas"]} == {("id", "question", "answers")}
    assert {tuple(a) for p in found for qa in p["qas"] for a in qa["answers"]} == {("text", "answer_start")}


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_answers_are_slices_on_token_borders(language: str) -> None:
    for example in examples(language):
        (passage,) = example.passages
        tokens = tokenize(passage)
        for answer in example.answers:
            assert answer.char_start is not None
            end = answer.char_start + len(answer.text)
            assert passage[answer.char_start : end] == answer.text, example.id
            assert answer.char_start in tokens.char_starts, example.id
            assert end in tokens.char_ends, example.id
        assert max(example.answers, key=lambda answer: len(answer.text)) == example.answers[0]


@pytest.mark.parametrize(("language", "shortest", "longest"), [("english", 60, 130), ("chinese", 60, 160)])
def test_passages_are_short(language: str, shortest: int, longest: int) -> None:
    lengths = [len(tokenize(paragraph["context"]).words) for paragraph in paragraphs(language)]
    assert shortest <= min(lengths)
    assert max(lengths) <= longest


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_no_question_stands_twice_on_a_passage_or_holds_its_answer(language: str) -> None:
    for paragraph in paragraphs(language):
        asked = [qa["question"] for qa in paragraph["qas"]]
        assert len(set(asked)) == len(asked) == 6, asked
        for qa in paragraph["qas"]:
            question = [word.lower() for word in tokenize(qa["question"]).words]
            answer = [word.lower() for word in tokenize(qa["answers"][0]["text"]).words]
            assert not any(question[i : i + len(answer)] == answer for i in range(len(question))), qa


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_the_same_question_has_the_same_answer_wherever_it_is_asked(language: str) -> None:
    """Facts are facts: only questions from a shared value (who was born in Vienna?) may end in several names."""
    answers: dict[str, set[str]] = {}
    for example in examples(language):
        answers.setdefault(example.question, set()).add(example.answers[0].text.casefold())
    several = [question for question, found in answers.items() if len(found) > 1]
    assert len(several) < 0.02 * len(answers), several


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_many_phrasings(language: str) -> None:
    """First words of questions, as a rough count of the ways of asking; none of them rules."""
    first = Counter(tuple(tokenize(example.question).words[:1]) for example in examples(language))
    assert len(first) > 20
    assert max(first.values()) < 0.35 * sum(first.values())


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_guessing_the_first_answer_of_a_passage_is_rarely_right(language: str) -> None:
    """Whoever always gives the answer that stands first of all in its passage has few points."""
    guesses = {}
    for paragraph in paragraphs(language):
        first = min((qa["answers"][0] for qa in paragraph["qas"]), key=lambda answer: answer["answer_start"])
        guesses |= {qa["id"]: first["text"] for qa in paragraph["qas"]}
    document = {"version": "1.1", "data": [{"title": "all", "paragraphs": list(paragraphs(language))}]}
    # One question in six is asked about that very answer, and some share it.
    assert score(guesses, document).metrics["exact_match"] < 100 / 6 + 5

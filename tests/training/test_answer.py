"""A run's answers: the same for a raw file as for the prepared part, with vectors for words that it has never seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squad_builders import squad_document, squad_paragraph
from tiny_runs import VECTORS, prepare_rivers, tiny

from ham_mrc.data_prep.segment import tokenizer_name
from ham_mrc.data_prep.vectors import read_vectors
from ham_mrc.errors import HamError
from ham_mrc.records import Prediction
from ham_mrc.training.answer import Answerer
from ham_mrc.training.loop import train


@pytest.fixture(scope="module")
def learnt_run(tmp_path_factory: pytest.TempPathFactory, river_data: Path) -> Path:
    """A finished run that learnt its own vectors."""
    return train(river_data, tmp_path_factory.mktemp("learnt") / "run", tiny(training={"epochs": 1}))


def plain(found: list[list[Prediction]]) -> dict[str, Any]:
    return {one[0].id: [(p.text, p.char_start, p.char_end, round(p.score, 4)) for p in one] for one in found}


@pytest.mark.parametrize("run", ["river_run", "learnt_run"])
def test_raw_file_and_prepared_part_agree(run: str, river_data: Path, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(run)
    part = Answerer(folder).answer_part(river_data, "dev", k=3)
    file = Answerer(folder).answer_file(river_data / "dev" / "references.json", k=3)
    assert plain(part.candidates) == plain(file.candidates)
    assert part.official == file.official == json.loads((folder / "predictions" / "dev.json").read_text())
    assert (file.new_words, file.cut_passages, file.without_text, file.no_vectors) == (0, 0, 0, None)


def test_batch_size_does_not_matter(river_run: Path, river_data: Path) -> None:
    one, many = (Answerer(river_run, batch_size=size).answer_part(river_data, "train", k=2) for size in (1, 50))
    assert plain(one.candidates) == plain(many.candidates)


def danube(write: Callable[..., Path]) -> Path:
    """Three words that no run has seen: "Danube", which has a vector, "Quux" and "2850", which have none."""
    text = "The Danube is 2850 km long. It rises near Mount Quux."
    paragraphs = [squad_paragraph(text, ("a", "How long is the Danube?")), squad_paragraph("", ("b", "How long?"))]
    return write(squad_document({"A": paragraphs}), "danube.json")


def test_new_words_get_vectors(river_run: Path, write_squad: Callable[..., Path]) -> None:
    answerer = Answerer(river_run)
    known = len(answerer.vocabulary)
    answered = answerer.answer_file(danube(write_squad))
    assert (answered.new_words, answered.with_vectors, answered.no_vectors) == (3, 1, None)
    assert answered.without_text == 1
    assert answered.official["b"] == ""
    assert answerer.vocabulary.words[known:] == ["danube", "2850", "quux"]
    rows = answerer.reader.get_submodule("embedding").vectors[known:]
    assert rows.tolist() == read_vectors(str(VECTORS), ["danube", "2850", "quux"]).rows.tolist()
    assert rows[0].abs().sum() > 0
    again = answerer.answer_file(danube(write_squad))
    assert (again.new_words, again.official) == (0, answered.official)


@pytest.mark.parametrize("fault", ["gone", "others"])
def test_without_the_vectors_new_words_are_zeros(
    tmp_path: Path, river_data: Path, write_squad: Callable[..., Path], fault: str
) -> None:
    vectors = tmp_path / "vectors.txt"
    shutil.copy(VECTORS, vectors)
    run = train(river_data, tmp_path / "run", tiny(embeddings={"source": str(vectors)}, training={"epochs": 1}))
    if fault == "gone":
        vectors.unlink()
    else:
        vectors.write_text("danube 1 1 1 1\n")
    answerer = Answerer(run)
    known = len(answerer.vocabulary)
    answered = answerer.answer_file(danube(write_squad))
    assert (answered.new_words, answered.with_vectors) == (3, 0)
    what = {
        "gone": 'no such file; give a file of word vectors, or the name "glove-6b-50d"',
        "others": "holds other vectors than the run was trained with",
    }
    assert str(answered.no_vectors) == f"{vectors}: {what[fault]}"
    assert answerer.reader.get_submodule("embedding").vectors[known:].tolist() == [[0.0] * 4] * 3


def test_a_run_that_learnt_its_vectors_needs_none(learnt_run: Path, write_squad: Callable[..., Path]) -> None:
    answered = Answerer(learnt_run).answer_file(danube(write_squad))
    assert (answered.new_words, answered.with_vectors, answered.no_vectors) == (3, 0, None)


def test_one_question(river_run: Path) -> None:
    answerer = Answerer(river_run)
    passage = "It ends in Lake Baikal. The Lena is 4400 km long."
    (found,) = answerer.answer_one(passage, "How long is the Lena?", k=4).candidates
    assert len(found) == 4
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(one.text == passage[one.char_start : one.char_end] for one in found)
    (again,) = answerer.answer_one(passage, "How long is the Lena?", k=4).candidates
    assert again == found


def test_one_question_is_answered_as_in_a_file(river_run: Path, write_squad: Callable[..., Path]) -> None:
    passage = "The Arno is 100 km long."
    file = write_squad(squad_document({"A": [squad_paragraph(passage, ("x", "How long is the Arno?"))]}))
    answerer = Answerer(river_run)
    (found,) = answerer.answer_one(passage, "How long is the Arno?").candidates[0]
    assert found.text == answerer.answer_file(file).official["x"]


def test_a_long_passage_is_cut_and_counted(river_run: Path) -> None:
    answered = Answerer(river_run).answer_one("km " * 1001, "How long?")
    assert answered.cut_passages == 1
    assert answered.candidates[0][0].end < 1000
    assert Answerer(river_run).answer_one("km " * 1000, "How long?").cut_passages == 0


def complaint(work: Callable[[], object]) -> str:
    with pytest.raises(HamError) as caught:
        work()
    return str(caught.value)


def test_data_of_another_vocabulary(tmp_path: Path, river_run: Path) -> None:
    other = prepare_rivers(tmp_path, seed=3)
    assert complaint(lambda: Answerer(river_run).answer_part(other, "dev")) == (
        f"{other / 'manifest.json'}: was prepared with another vocabulary than the run's; "
        "give the raw file instead: its words are then read as the run knows them"
    )


def test_data_that_was_read_otherwise(tmp_path: Path, river_run: Path, river_data: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(river_data, other)
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["reading"]["layout"] = "separate"
    (other / "manifest.json").write_text(json.dumps(manifest))
    assert complaint(lambda: Answerer(river_run).answer_part(other, "dev")) == (
        f"{other / 'manifest.json'}: was prepared from squad by other options than the run's data; "
        "give the raw file instead, or prepare as for the run"
    )


def test_words_of_another_rjieba(tmp_path: Path, river_run: Path, rivers_file: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(river_run, run)
    config = run / "config.toml"
    text = config.read_text().replace('segment = "characters"', 'segment = "rjieba"')
    config.write_text(text.replace('tokenizer = "words-v1"', 'tokenizer = "rjieba 0.0.1"'))
    here = tokenizer_name("rjieba")
    assert complaint(lambda: Answerer(run).answer_file(rivers_file)) == (
        f"{config}: the run was trained on words of rjieba 0.0.1, and here is {here}; "
        "pip install rjieba==0.0.1, or prepare and train anew"
    )


def test_a_part_that_is_not_there(river_run: Path, river_data: Path) -> None:
    assert complaint(lambda: Answerer(river_run).answer_part(river_data, "test")) == (
        f"{river_data}: holds no part 'test'; it has train, dev, choice"
    )


def test_a_run_that_has_not_finished(tmp_path: Path, river_run: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(river_run, run)
    (run / "scores.json").unlink()
    assert (
        complaint(lambda: Answerer(run)) == f"{run}: the run has not finished; go on with: ham-mrc train --resume {run}"
    )


def test_weights_that_are_damaged(tmp_path: Path, river_run: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(river_run, run)
    weights = run / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert complaint(lambda: Answerer(run)).startswith(f"{weights}: is damaged or no safetensors file (")
    weights.unlink()
    assert complaint(lambda: Answerer(run)) == f"{weights}: no such file; train anew"


def test_a_vocabulary_that_was_swapped(
    tmp_path: Path, river_run: Path, prepared_rivers: Path, river_data: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(river_run, run)
    shutil.copy(prepared_rivers / "vocab.txt", run / "vocab.txt")
    assert complaint(lambda: Answerer(run)).startswith(f"{run / 'vocab.txt'}: is not ")
    assert complaint(lambda: Answerer(run)).endswith(f"; copy it anew from {river_data / 'vocab.txt'}, or train anew")

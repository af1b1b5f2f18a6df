"""Every dataset down the street: prepare, train, predict, score, in its own official format all the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from broken_runs import stopped
from street_data import STREETS, Street
from tiny_runs import log_of, tiny

from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError
from ham_mrc.eval.datasets import MAIN
from ham_mrc.eval.evaluation import Asked, evaluate
from ham_mrc.eval.results import load_result
from ham_mrc.eval.score import score
from ham_mrc.files import read_json, read_jsonl
from ham_mrc.readers import READERS
from ham_mrc.training.answer import Answerer
from ham_mrc.training.loop import resume, train
from ham_mrc.training.run_folder import open_run


class Walked:
    """A street once walked: raw file, prepared folder, finished run."""

    def __init__(self, street: Street, folder: Path, **reader: Any) -> None:
        self.street = street
        self.raw, self.data = street.prepare(folder)
        settings = {"name": street.reader, "hidden": 6, **reader}
        training = {"epochs": 1, "max_answer_tokens": 12}
        self.run = train(self.data, folder / "run", tiny(reader=settings, training=training))


@pytest.fixture(scope="module", params=STREETS)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    return Walked(STREETS[request.param], tmp_path_factory.mktemp(request.param))


def official(run: Path, part: str) -> Any:
    """The predictions of a part as they stand in the run, {id: record or text}."""
    lines = run / "predictions" / f"{part}.jsonl"
    if not lines.exists():
        return read_json(run / "predictions" / f"{part}.json")
    records = [record for _, record in read_jsonl(lines)]
    return {str(record.get("query_id", record.get("question_id"))): record for record in records}


def texts(run: Path, part: str) -> dict[str, str]:
    return {
        name: record if isinstance(record, str) else record["answers"][0]
        for name, record in official(run, part).items()
    }


def test_a_raw_file_is_read_as_the_run_was_trained(walked: Walked) -> None:
    found = Answerer(walked.run).answer_file(walked.raw, k=2)
    by_id = {one[0].id: one[0].text for one in found.candidates}
    for part in ("dev", "test"):
        ids = Columns.open(walked.data / part).ids
        said = texts(walked.run, part)
        assert list(said) == ids
        assert {name: said[name].replace("No Answer Present.", "") for name in ids} == {
            name: by_id[name] for name in ids
        }
    assert found.new_words == 0


def test_the_format_is_the_official_one(walked: Walked) -> None:
    records = list(official(walked.run, "dev").values())
    columns = Columns.open(walked.data / "dev")
    if walked.street.dataset == "msmarco":
        assert [record.keys() for record in records] == [{"query_id", "answers"}] * len(columns)
        assert all(type(record["query_id"]) is int and len(record["answers"]) == 1 for record in records)
    elif walked.street.dataset == "dureader":
        keys = {"question_id", "question_type", "answers", "yesno_answers", "entity_answers"}
        assert [record.keys() for record in records] == [keys] * len(columns)
        assert [record["question_type"] for record in records] == [
            columns.facts(row)["question_type"] for row in range(len(columns))
        ]
    else:
        assert all(isinstance(record, str) for record in records)


def test_answers_are_slices_of_one_passage(walked: Walked) -> None:
    for part in ("dev", "test"):
        columns = Columns.open(walked.data / part)
        found = Answerer(walked.run).answer_part(walked.data, part, k=3)
        lead = bool(Answerer(walked.run).form.lead)
        for row, candidates in enumerate(found.candidates):
            for one in candidates:
                if one.start < 0:
                    assert one.text == ""
                    continue
                text = columns.passage_text(int(columns.question_passage[row]) + one.passage + lead)
                assert one.text == text[one.char_start : one.char_end] != ""


def test_scores_are_those_of_the_predictions(walked: Walked) -> None:
    lines = walked.street.dataset in ("dureader", "msmarco")
    ending = "jsonl" if lines else "json"
    stored = load_result(walked.run).scores
    references = walked.data / "test" / f"references.{ending}"
    options = {"least": True} if walked.street.dataset == "cmrc" else {}  # as a run is scored
    again = score(walked.run / "predictions" / f"test.{ending}", references, dataset=walked.street.dataset, **options)
    assert stored == again
    assert stored.dataset == walked.street.dataset
    assert set(MAIN[stored.dataset]) <= stored.metrics.keys()
    assert dict(evaluate(walked.run, None, None, Asked()).scores.metrics) == dict(stored.metrics)
    (entry,) = log_of(walked.run)
    assert entry["scores"].keys() == {"dev"}


def test_no_answer(walked: Walked) -> None:
    null = Manifest.load(walked.data).reading["null_position"]
    threshold, chances = walked.run / "threshold.json", walked.run / "predictions" / "test.na_prob.json"
    assert threshold.exists() == chances.exists() == ("threshold" in log_of(walked.run)[0]) == null
    if not null:
        return
    line = read_json(threshold)
    assert line["threshold"] == log_of(walked.run)[0]["threshold"]
    assert line["chosen_on"] == "dev"
    said, probable = texts(walked.run, "test"), read_json(chances)
    assert list(probable) == list(said)
    for name, text in said.items():
        assert (text in ("", "No Answer Present.")) == (probable[name] > line["na_prob"])
    answered = Answerer(walked.run).answer_part(walked.data, "test")
    assert answered.no_answer == pytest.approx(probable, abs=1e-6)
    assert answered.silent == sum(text in ("", "No Answer Present.") for text in said.values())
    if walked.street.dataset == "squad":
        asked = Asked(na_prob=chances)
        assert "best_f1" in evaluate(walked.run, None, None, asked).scores.metrics


def test_the_run_tells_how_records_were_read(walked: Walked) -> None:
    manifest, run = Manifest.load(walked.data), open_run(walked.run)
    assert run.facts["reading"] == manifest.reading
    assert (run.facts["dataset"], run.facts["version"]) == (manifest.dataset, manifest.version)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("street", ["msmarco-2.1-separate", "dureader"])
def test_every_reader_reads_several_passages(tmp_path: Path, name: str, street: str) -> None:
    walked = Walked(STREETS[street], tmp_path, name=name, depth=1, hidden=4)
    assert len(texts(walked.run, "test")) == len(Columns.open(walked.data / "test"))


def test_characters_travel_with_the_run(tmp_path: Path) -> None:
    walked = Walked(STREETS["msmarco-1.1"], tmp_path, characters="rnn", characters_per_token=5)
    run = open_run(walked.run)
    assert (walked.run / "characters.txt").read_bytes() == (walked.data / "characters.txt").read_bytes()
    assert run.facts["characters"] == len(run.alphabet()) > 10
    form = Answerer(walked.run).form
    assert form.alphabet is not None
    assert (form.width, form.alphabet.text) == (5, run.alphabet().text)
    (walked.run / "characters.txt").write_text("a\n")
    with pytest.raises(HamError) as caught:
        Answerer(walked.run)
    remedy = f"copy it anew from {walked.data / 'characters.txt'}, or train anew"
    assert str(caught.value) == (
        f"{walked.run / 'characters.txt'}: is not the alphabet that was written here; {remedy}"
    )


@pytest.mark.parametrize(
    ("street", "wrong", "there"),
    [
        ("squad-1.1", "rouge_l", "squad has exact_match, f1"),
        ("squad-2.0", "best_f1", "squad has exact_match, f1, has_answer_exact_match"),
        ("msmarco-1.1", "f1", "msmarco has bleu_1, bleu_2, bleu_3, bleu_4, rouge_l, answerability_f1"),
        ("dureader", "exact_match", "dureader has bleu_1, bleu_2, bleu_3, bleu_4, rouge_l"),
    ],
)
def test_choosing_by_a_metric_that_there_is_not(tmp_path: Path, street: str, wrong: str, there: str) -> None:
    _, data = STREETS[street].prepare(tmp_path)
    with pytest.raises(HamError) as caught:
        train(data, tmp_path / "run", tiny(training={"choose_by": wrong}))
    assert str(caught.value).startswith(f'[training] choose_by: no figure "{wrong}" of dev; {there}')
    assert not (tmp_path / "run").exists()


def test_choosing_by_another_metric(tmp_path: Path) -> None:
    _, data = STREETS["squad-2.0"].prepare(tmp_path)
    run = train(data, tmp_path / "run", tiny(training={"choose_by": "no_answer_f1", "epochs": 1}))
    assert json.loads((run / "threshold.json").read_text())["by"] == "no_answer_f1"
    assert log_of(run)[0]["scores"]["dev"]["no_answer_f1"] == 100.0, "by saying nothing"


def test_a_run_that_was_stopped_chooses_the_same_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, data = STREETS["squad-2.0"].prepare(tmp_path)
    config = tiny(training={"epochs": 2, "checkpoint_minutes": 0.0})
    whole = train(data, tmp_path / "whole" / "run", config)
    broken = stopped(tmp_path / "broken" / "run", data, config, monkeypatch, after=6)
    assert not (broken / "threshold.json").exists()
    resume(broken)
    for name in ("threshold.json", "predictions/test.json", "predictions/test.na_prob.json", "model.safetensors"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name

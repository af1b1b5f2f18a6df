"""DuReader's figures against those of the official program and against a slow restatement of it."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
import slow_dureader
from dureader_lines import assert_equal, judge, line, yes_no
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import combined
from ham_mrc.eval.dureader import METRICS, TASKS, judge_all
from ham_mrc.eval.json_lines import numbered
from ham_mrc.eval.references_dureader import load

# References, prediction; BLEU-1, BLEU-4 and ROUGE-L as dureader_eval.py gives them for the task main, 0 to 1.
OFFICIAL = [
    (["Paris"], "", 0.0, 0.0, 0.0),
    (["Paris"], "the", 1.711390395634381e-16, 5.833544732589585e-14, 0.0),
    ([""], "", 0.0, 0.0, math.nan),
    (["Paris"], "Paris\uff0c", 0.8333333331944446, 0.7598356854711318, 0.9242424242424241),
    (
        ["the United States, of America."],
        "United  states of AMERICA!",
        0.5305700387268814,
        0.36084953657242114,
        0.5746971736204576,
    ),
    (["U.S.A."], "usa", 1.2262648030872984e-16, 4.1799174525332396e-14, 0.0),
    (["$5"], "5", 0.3678794404356846, 1.163336936997511e-05, 0.6288659793814433),
    (["the cat the dog cat"], "cat cat the bird", 0.6595414761757948, 0.4264356142647218, 0.5641618497109826),
    (["New York"], "New\u00a0York", 0.9999999997142859, 0.9999999996672622, 1.0),
    (["Paris"], "\ufeffParis", 0.8333333331944446, 0.7598356854711318, 0.9242424242424241),
    (["\u039f\u0394\u039f\u03a3"], "\u03bf\u03b4\u03bf\u03c2", 2.4999999987500003e-16, 4.518010014566593e-16, 0.0),
    (["a1 2a"], "1 2", 0.36787944080356333, 0.0003678794408495482, 0.6288659793814433),
    (["\U0001f1eb\U0001f1f7"], "\U0001f1eb", 0.3678794404356846, 1.163336936997511e-05, 0.6288659793814433),
    (["2008\u5e748\u67088\u65e5"], "2008 \u5e74 8 \u6708 8 \u65e5", 0.9999999997777782, 0.9999999997524806, 1.0),
    (["123"], "\u0661\u0662\u0663", 3.333333331111112e-16, 1.1362193655679926e-13, 0.0),
    (["abc"], "abc\u0000", 0.7499999998125002, 0.00012574334290280228, 0.8798076923076923),
    (
        ["alpha beta", "gamma delta"],
        "alpha beta gamma delta",
        0.6842105262797785,
        0.8125979718323616,
        0.7305389221556886,
    ),
    (["Paris"], "Paris\n", 0.9999999996000004, 0.9999999994791672, 1.0),
]


@pytest.mark.parametrize(("references", "prediction", "bleu_1", "bleu_4", "rouge_l"), OFFICIAL)
def test_official_figures(references: list[str], prediction: str, bleu_1: float, bleu_4: float, rouge_l: float) -> None:
    metrics = judge([line(1, references)], [line(1, [prediction])]).metrics
    found = [metrics["bleu_1"], metrics["bleu_4"], metrics["rouge_l"]]
    assert repr(found) == repr([100.0 * bleu_1, 100.0 * bleu_4, 100.0 * rouge_l])


def test_the_order_of_display() -> None:
    order = [metric.name for metric in METRICS]
    for task in TASKS:
        names = list(judge([yes_no(1, Yes=["a"])], [], task).metrics)
        assert names == [name for name in order if name in names]
    assert order[:7] == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "search_bleu_4", "search_rouge_l"]


def test_missing_extra_and_dropped_questions() -> None:
    references = [line(1, ["甲乙"]), line(2, []), line(3, None), line(4, [""]), line(5, [" "]), line(6, ["", ""])]
    found = judge(references, [line(2, ["甲"]), line(1, ["甲乙", "no matter", None]), line(9, ["丙"])])
    assert found.keys == ("1", "2", "3", "4", "5", "6")
    # An empty answer against an empty reference that stays is one empty token against another.
    assert found.values["rouge_l"] == [100.0, None, None, None, 100.0, 100.0]
    assert (found.answered, found.missing, found.extra) == (2, 4, 1)


def test_sources_are_told_apart() -> None:
    references = [line(1, ["甲"]), line(2, ["乙"], source="zhidao"), line(3, ["丙"], source="other")]
    metrics = judge(references, [line(1, ["甲"]), line(3, ["丙"])]).metrics
    assert (metrics["search_rouge_l"], metrics["zhidao_rouge_l"]) == (100.0, 0.0)
    assert metrics["rouge_l"] == 100.0 * ((1.0 + 0.0 + 1.0) / 3)
    lone = judge(references[:1], [line(1, ["甲"])])
    assert math.isnan(lone.metrics["zhidao_rouge_l"])
    assert lone.metrics["zhidao_bleu_4"] == 0.0


def test_records_of_the_data_set_have_no_sources() -> None:
    record = {"question_id": 1, "question_type": "ENTITY", "question": "谁", "documents": []}
    references = load(numbered([{**record, "answers": ["甲"]}, {**record, "question_id": 2}]))
    found = judge_all({1: "甲"}, references)
    assert list(found.metrics) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l"]
    assert found.values["rouge_l"] == [100.0, None]
    assert references.questions == ("谁", "谁")


def test_yes_no_answers_are_grouped_by_label() -> None:
    references = [yes_no(1, Yes=["是的", "对"], No=["不"]), yes_no(2, Depends=["看"], Yes=[""]), line(3, ["甲"])]
    predictions = [yes_no(1, Yes=["对", "不"]), yes_no(2, Depends=["看"], No=["不"]), line(3, ["乙"])]
    found = judge(references, predictions, "yesno")
    assert found.keys == ("1", "2")
    assert found.values["rouge_l"] == [50.0, 100.0]  # Yes right, No not predicted; Depends right, Yes dropped
    assert list(found.statistics["questions"]) == [2, 1]
    names = ("rouge_l", "yes_rouge_l", "no_rouge_l", "depends_rouge_l")
    assert [found.metrics[name] for name in names] == [100.0 * (2 / 3), 100.0, 0.0, 100.0]
    everything = judge(references, predictions, "all")
    assert everything.values["rouge_l"] == [50.0, 100.0, 0.0]
    assert math.isnan(judge([line(1, ["甲"])], [], "yesno").metrics["yes_rouge_l"])


def test_a_label_only_the_references_have_is_scored_as_not_predicted() -> None:
    found = judge([yes_no(1, No_Opinion=["无"], Yes=["是"])], [yes_no(1, Yes=["是"])], "yesno")
    assert found.metrics["rouge_l"] == 50.0
    assert found.metrics["yes_rouge_l"] == 100.0
    assert math.isnan(found.metrics["no_rouge_l"])
    both = judge([yes_no(1, No_Opinion=["无"])], [yes_no(1, No_Opinion=["无"])], "all")
    assert both.metrics["rouge_l"] == 100.0


def test_description_scores_its_type_only() -> None:
    references = [line(1, ["甲"]), line(2, ["乙"], "ENTITY")]
    found = judge(references, [line(1, ["甲"])], "description")
    assert found.keys == ("1",)
    assert found.metrics["rouge_l"] == 100.0
    assert "search_rouge_l" not in found.metrics


def test_entities_of_every_question_count() -> None:
    references = [
        line(1, ["甲"], "ENTITY", entity_answers=[["a", "b", "c"], ["a", "a"], ["x"]]),
        line(2, ["乙"], entity_answers=[["p", "q"], ["r"]]),  # nothing shared: the shortest list
        line(3, ["丙"], entity_answers=[["s"]]),
    ]
    predictions = [
        line(1, ["甲"], "ENTITY", entity_answers=[["a", "a", "z"]]),
        line(2, [], entity_answers=[["z"]]),
        line(9, [], entity_answers=[["z"], ["y"]]),
    ]
    found = judge(references, predictions, "entity")
    assert found.statistics["entity_correct"] == [1, 0, 0]
    assert found.statistics["entity_predicted"] == [2, 1, 0]
    assert found.statistics["entity_gold"] == [1, 1, 1]
    assert found.metrics["entity_precision"] == 100.0 * (1 / 3) == found.metrics["entity_recall"]
    assert found.values["entity_f1"] == [200 / 3, 0.0, 0.0]
    assert found.values["rouge_l"] == [100.0, None, None]
    nothing = judge(references, [], "entity").metrics
    assert [nothing[name] for name in ("entity_f1", "entity_precision", "entity_recall")] == [0.0] * 3


def test_no_such_task_and_no_question() -> None:
    with pytest.raises(HamError, match="no DuReader task 'Main'; one of main, all, description, entity, yesno"):
        judge([line(1, ["甲"])], [], "Main")
    with pytest.raises(HamError, match="holds no question"):
        judge([], [])


def test_predictions_need_not_come_from_a_file() -> None:
    references = load(numbered([line("a", ["甲"]), line("b", ["乙"])]))
    given = {
        "a": "甲",
        "b": {"question_type": "ENTITY", "answers": ["乙"], "yesno_answers": [], "entity_answers": [[]]},
    }
    assert judge_all(given, references).metrics["rouge_l"] == 100.0
    with pytest.raises(HamError, match="question b: the prediction is a number, neither a record nor a text"):
        judge_all({"b": 3}, references)
    with pytest.raises(HamError, match="question b: has no 'question_type'"):
        judge_all({"b": {}}, references)


def test_ids_of_another_type_are_other_questions() -> None:
    found = judge([line(1, ["甲"])], [line("1", ["甲"])])
    assert (found.answered, found.extra, found.metrics["rouge_l"]) == (0, 1, 0.0)


def test_the_checksum_is_of_all_that_is_scored() -> None:
    base = load(numbered([line(1, ["甲"])])).sha256
    assert base == load(numbered([{**line(1, ["甲"]), "question": "谁"}])).sha256
    for other in (line(2, ["甲"]), line(1, ["乙"]), line(1, ["甲"], "ENTITY"), line(1, ["甲"], source="zhidao")):
        assert load(numbered([other])).sha256 != base
    assert load(numbered([line(1, ["甲"], entity_answers=[["a"]])])).sha256 != base


TEXTS = st.sampled_from(["", " ", "甲", "甲乙", "甲 乙丙", "丙乙甲丁", "abc", "甲甲甲", "\u3000丁\n"])
ANSWERS = st.one_of(st.lists(TEXTS, max_size=3), st.just("甲乙"), st.just([["甲", "乙丙"]]))
LABELS = st.lists(st.sampled_from(["Yes", "No", "Depends", "No_Opinion"]), max_size=3)
ENTITIES = st.one_of(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4), st.just("ab"))


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """References and predictions, mostly for the same questions."""

    def record(question: int, lists: int) -> dict[str, Any]:
        return line(
            question,
            draw(ANSWERS),
            draw(st.sampled_from(["DESCRIPTION", "ENTITY", "YES_NO"])),
            yesno_answers=draw(LABELS),
            entity_answers=draw(st.lists(ENTITIES, min_size=1, max_size=lists)),
            source=draw(st.sampled_from(["search", "zhidao", "other"])),
        )

    references = [record(question, 3) for question in range(draw(st.integers(1, 5)))]
    return references, [record(question, 1) for question in draw(st.permutations(range(6)))[:4]]


@given(files(), st.sampled_from(TASKS))
def test_everything_equals_the_slow_restatement(pair: tuple[list[Any], list[Any]], task: str) -> None:
    references, predictions = pair
    try:
        due = slow_dureader.evaluate(references, predictions, task)
    except AssertionError:  # an unknown label
        with pytest.raises(HamError, match="is labelled 'No_Opinion'"):
            judge(references, predictions, task)
        return
    found = judge(references, predictions, task)
    assert_equal(found, due)
    for metric in METRICS:
        if metric.name in found.metrics:
            whole = combined(metric, found.statistics)
            assert whole == pytest.approx(found.metrics[metric.name], rel=1e-9, nan_ok=True), metric.name


@pytest.mark.parametrize("task", TASKS)
def test_long_answers_equal_the_slow_restatement(task: str) -> None:
    numbers = random.Random(4)
    words = ["北京", "的", "天气", "很", "好", "，", "人", "们", " ", "GPT-4"]
    kinds = ["DESCRIPTION", "ENTITY", "YES_NO"]
    references, predictions = [], []
    for question in range(60):
        texts = ["".join(numbers.choices(words, k=numbers.randrange(80))) for _ in range(4)]
        fields: dict[str, Any] = {"yesno_answers": numbers.choices(["Yes", "No"], k=3), "source": "zhidao"}
        lists = [numbers.sample(words, k=numbers.randrange(5)) for _ in range(3)]
        references.append(line(question, texts[:3], kinds[question % 3], entity_answers=lists[:2], **fields))
        predictions.append(line(question, [texts[3], texts[0]], entity_answers=lists[2:], **fields))
    assert_equal(judge(references, predictions, task), slow_dureader.evaluate(references, predictions, task))


def test_entity_figures_of_resamples() -> None:
    by_name = {metric.name: metric for metric in METRICS}
    sums = {
        "entity_correct": np.array([2, 0, 0]),
        "entity_predicted": np.array([4, 3, 0]),
        "entity_gold": np.array([8, 0, 0]),
    }
    for name, due in (("entity_precision", 50.0), ("entity_recall", 25.0), ("entity_f1", 100 / 3)):
        combine = by_name[name].combine
        assert combine is not None
        assert combine(sums) == pytest.approx([due, 0.0, 0.0])

"""MS MARCO's figures against those of the official program and against a slow restatement of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slow_msmarco
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.errors import HamError, MissingExtra
from ham_mrc.eval import msmarco
from ham_mrc.eval.columns import combined
from ham_mrc.eval.json_lines import numbered
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.msmarco import METRICS, judge_all, spacy_tokeniser
from ham_mrc.eval.references_msmarco import collect, load, rows

NO_ANSWER = "No Answer Present."

# Reference tokens, candidate tokens; BLEU-1, BLEU-2, BLEU-4 and ROUGE-L as ms_marco_eval.py gives them, 0 to 1.
OFFICIAL = [
    (["paris"], "", 0.0, 0.0, 0.0, 0.0),
    (["paris"], "the", 9.99999998000001e-16, 3.162277655424966e-11, 5.62341324487423e-09, 0.0),
    ([""], "", 0.0, 0.0, 0.0, 1.0),
    (
        ["paris"],
        "paris \uff0c",
        0.49999999975000053,
        2.2360679758227397e-08,
        1.4953487806604652e-07,
        0.7093023255813954,
    ),
    (
        ["the united states , of america ."],
        "united  states of america !",
        0.5362560366140092,
        0.4239476211681309,
        1.0771083489856462e-08,
        0.6069651741293532,
    ),
    (["u.s.a."], "usa", 9.99999998000001e-16, 3.162277655424966e-11, 5.62341324487423e-09, 0.0),
    (["$ 5"], "5", 0.3678794404356846, 0.0003678794406196241, 1.163336936997511e-05, 0.6288659793814433),
    (
        ["the cat the dog cat"],
        "cat cat the bird",
        0.5841005870115037,
        0.38940039132477755,
        1.4643803157294229e-08,
        0.43571428571428567,
    ),
    (["new york"], "new  york", 0.9999999990000008, 0.9999999987500011, 0.0009999999991250007, 0.8299319727891156),
    (["paris"], "\ufeffparis", 9.99999998000001e-16, 3.162277655424966e-11, 5.62341324487423e-09, 0.0),
    (
        ["\u03bf\u03b4\u03bf\u03c2"],
        "\u03bf\u03b4\u03bf\u03c2",
        0.999999998000002,
        0.0009999999985000015,
        3.162277656215536e-05,
        1.0,
    ),
    (["a1 2a"], "1 2", 4.999999995000003e-16, 7.071067803026644e-16, 2.659147946145741e-11, 0.0),
    (
        ["\U0001f1eb \U0001f1f7"],
        "\U0001f1eb",
        0.3678794404356846,
        0.0003678794406196241,
        1.163336936997511e-05,
        0.6288659793814433,
    ),
    (
        ["2008\u5e748\u67088\u65e5"],
        "2008 \u5e74 8 \u6708 8 \u65e5",
        1.666666666388889e-16,
        1.8257418580158344e-16,
        2.295748846116193e-16,
        0.0,
    ),
    (["123"], "\u0661\u0662\u0663", 9.99999998000001e-16, 3.162277655424966e-11, 5.62341324487423e-09, 0.0),
    (['a " b " \\ c'], "b c", 0.13533528310127763, 4.279677422767414e-09, 2.406639474208735e-08, 0.45864661654135336),
    (["x y", "x y"], "x", 0.3678794404356846, 0.0003678794406196241, 1.163336936997511e-05, 0.6288659793814433),
    (["x"], "x", 0.999999998000002, 0.0009999999985000015, 3.162277656215536e-05, 1.0),
]

# Text and normalised text, by the rules of spaCy 3.8.18.
TOKENISED = [
    ("  leading and trailing  ", " leading and trailing "),
    ("\n\n", ""),
    ("U.S. dollars, 5km/h; can't won't gonna", "u.s. dollars , 5 km/h ; ca n't wo n't gon na"),
    ("\u201cquoted\u201d \u2013 dash \u2014 em\u2026 ...", "\u201c quoted \u201d \u2013 dash \u2014 em \u2026 ..."),
    ("5pm 10:30a.m. 1990s '90s", "5 pm 10:30a.m . 1990s ' 90s"),
    ("\U0001f600\U0001f600 :) :-(", "\U0001f600 \U0001f600 :) :-("),
    (" ", ""),
]


def line(query: Any, *answers: Any) -> dict[str, Any]:
    return {"query_id": query, "answers": list(answers)}


def judge(references: list[Any], candidates: list[Any], tokenised: bool = True) -> Judged:
    loaded = load(numbered(references), "refs.jsonl")
    return judge_all(collect(numbered(candidates), "cands.jsonl"), loaded, tokenised=tokenised, file="cands.jsonl")


@pytest.mark.parametrize(("references", "candidate", "bleu_1", "bleu_2", "bleu_4", "rouge_l"), OFFICIAL)
def test_official_figures(
    references: list[str], candidate: str, bleu_1: float, bleu_2: float, bleu_4: float, rouge_l: float
) -> None:
    metrics = judge([line(1, *references)], [line(1, candidate)]).metrics
    assert metrics["bleu_1"] == 100.0 * bleu_1
    assert metrics["bleu_2"] == 100.0 * bleu_2
    assert metrics["bleu_4"] == 100.0 * bleu_4
    assert metrics["rouge_l"] == 100.0 * rouge_l
    assert list(metrics) == [metric.name for metric in METRICS]


@pytest.fixture(scope="module")
def normalise() -> Callable[[str], str]:
    spacy = pytest.importorskip("spacy")
    if spacy.__version__ != "3.8.18":
        pytest.skip("these are the tokens of spaCy 3.8.18")
    return spacy_tokeniser().normalise


@pytest.mark.parametrize(("text", "normal"), TOKENISED)
def test_tokenisation(normalise: Callable[[str], str], text: str, normal: str) -> None:
    assert normalise(text) == normal


def test_the_tokeniser_and_its_version_are_in_the_signature(normalise: Callable[[str], str]) -> None:
    references, candidates = [line(1, "Paris, (in France).")], [line(1, "PARIS , ( in france ) .")]
    found = judge(references, candidates, tokenised=False)
    assert found.metrics["rouge_l"] == 100.0
    assert "|normalise:spacy-3.8.18-english+strip+lower|" in found.signature
    plain = judge(references, candidates)
    assert plain.metrics["rouge_l"] < 50.0
    assert "|normalise:none+pre-tokenised|" in plain.signature
    assert plain.metrics["answerability_f1"] == 100.0


def test_text_that_spacy_refuses(normalise: Callable[[str], str]) -> None:
    with pytest.raises(HamError, match=r"^cands.jsonl, query 7: an answer has 1,000,001 characters; spaCy takes"):
        judge([line(7, "a")], [line(7, "a" * 1_000_001)], tokenised=False)
    with pytest.raises(HamError, match=r"^refs.jsonl, query 7: an answer .*surrogates not allowed"):
        judge([line(7, "a\ud800")], [line(7, "a")], tokenised=False)


def test_without_spacy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("spacy", "spacy.about", "spacy.lang.en"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"pip install 'ham-mrc\[msmarco\]'"):
        judge([line(1, "a")], [line(1, "a")], tokenised=False)
    assert judge([line(1, "a")], [line(1, "a")]).metrics["rouge_l"] == 100.0


def test_the_official_same_answer_test() -> None:
    references = [line(0, "a b c d e f g"), line(1, "m n o p q l", "k l m"), line(2)]
    metrics = judge(references, [line(0, "a b c d e f g"), line(1, "m n o p q l")]).metrics
    assert [f"{metrics[name] / 100:.5f}" for name in ("bleu_1", "bleu_4", "rouge_l")] == ["1.00000"] * 3


def test_no_answer_leaves_the_overlap_and_counts_for_answerability() -> None:
    references = [line(1, "a b"), line(2, NO_ANSWER), line(3, "x", NO_ANSWER), line(4, "c"), line(5, "d")]
    candidates = [line(4, NO_ANSWER), line(1, "a b"), line(2, NO_ANSWER), line(3, "x"), line(5, "e")]
    found = judge(references, candidates)
    assert found.keys == ("1", "2", "3", "4", "5")
    assert found.values["rouge_l"] == [100.0, None, None, 0.0, 0.0]
    assert list(found.statistics["questions"]) == [1, 0, 0, 1, 1]
    # Right 1 and 5, refused wrongly 4, answered wrongly 3.
    assert found.metrics["answerability_f1"] == 100.0 * (2 * ((2 / 3 * (2 / 3)) / (2 / 3 + 2 / 3)))
    assert (found.answered, found.missing, found.extra) == (5, 0, 0)


def test_a_query_without_an_answer_may_be_missing_or_have_several() -> None:
    references = [line(1, "a"), line(2, NO_ANSWER), line(3, NO_ANSWER)]
    found = judge(references, [line(1, "a"), line(2, "x", "y")])
    assert (found.answered, found.missing) == (2, 1)
    assert found.metrics["answerability_f1"] == 100.0 * (2 * ((1 / 3 * 1.0) / (1 / 3 + 1.0)))


def test_a_repeated_reference_collects_its_answers() -> None:
    found = judge([line(1, "a b c"), line(2, "x"), line(1, "d")], [line(2, "x"), line(1, "d")])
    assert found.metrics["rouge_l"] == 100.0
    assert found.keys == ("1", "2")


def test_a_bare_text_is_the_list_of_its_characters() -> None:
    references = load(numbered([{"query_id": 1, "answers": "ab"}, {"query_id": 2, "answers": f"So: {NO_ANSWER}"}]))
    assert references.answers == (("a", "b"), (NO_ANSWER,))


FAULTS = [
    ([line(1, "a")], [line(1, "a"), line(1, "b")], "cands.jsonl, query 1: has 2 answers, not one"),
    ([line(1, "a")], [line(1, "a", "b")], "cands.jsonl, query 1: has 2 answers, not one"),
    ([line(1, "a"), line(2, "b")], [line(2, "b")], "cands.jsonl: has no answer to query 1; "),
    ([line(1, "a"), line(2, "b")], [line(2, "b"), line(1)], "cands.jsonl: has no answer to query 1; "),
    ([line(i, "a") for i in range(9)], [], "cands.jsonl: has no answer to query 0 and 8 more; "),
    ([line(1, "a")], [line(1, "a"), line(8, "b")], "cands.jsonl: answers query 8, for which the references"),
    ([line(1, "a"), line(8)], [line(1, "a"), line(8, NO_ANSWER)], "cands.jsonl: answers query 8, for which"),
    ([line(7, "a")], [line("7", "a")], "has no answer to query 7; ids are numbers in one file and texts in the other"),
    ([line(1, "a"), line(2, NO_ANSWER)], [line(1, NO_ANSWER), line(2, "b")], "divides by zero"),
    ([line(1, NO_ANSWER)], [line(1, NO_ANSWER)], "refs.jsonl: says of every query that it has no answer"),
    ([line(1)], [line(1, "a")], "refs.jsonl: holds no query with an answer"),
    ([], [line(1, "a")], "refs.jsonl: holds no query with an answer"),
    ([line(1, 5)], [line(1, "a")], "refs.jsonl, entry 1, query 1: answer 1 is a number, not a text"),
    ([line(1, "a")], [line(1, None)], "cands.jsonl, entry 1, query 1: answer 1 is null, not a text"),
    ([line(1, "a")], [{"query_id": 1, "answers": None}], "query 1: 'answers' is null, not a list of texts"),
    ([line(1, "a")], [{"query_id": 1, "answers": 3}], "query 1: 'answers' is a number, not a list of texts"),
    ([line(1, "a")], [{"query_id": 1}], "cands.jsonl, entry 1, query 1: has no 'answers'"),
    ([line(1, "a")], [{"answers": ["a"]}], "cands.jsonl, entry 1: has no 'query_id'"),
    ([line(1, "a")], ["a"], "cands.jsonl, entry 1: is a text, not an object with 'query_id'"),
    ([line([1], "a")], [], "refs.jsonl, entry 1: 'query_id' is a list, neither a number nor a text"),
    ([line("\ud800", "a")], [], "refs.jsonl, entry 1: 'query_id' holds half of a surrogate pair"),
]


@pytest.mark.parametrize(("references", "candidates", "message"), FAULTS)
def test_where_the_official_program_dies_the_query_is_named(
    references: list[Any], candidates: list[Any], message: str
) -> None:
    with pytest.raises(HamError) as caught:
        judge(references, candidates)
    assert message in str(caught.value)
    if "surrogate" not in message:
        with pytest.raises((AssertionError, ArithmeticError, TypeError, ValueError, KeyError)):
            slow_msmarco.evaluate(references, candidates, str)


def test_predictions_need_not_come_from_a_file() -> None:
    references = load(numbered([line(1, "a b"), line(2, "c"), line(3, NO_ANSWER)]))
    found = judge_all({1: "a b", 2: ["c"], 3: NO_ANSWER}, references, tokenised=True)
    assert found.metrics["rouge_l"] == found.metrics["answerability_f1"] == 100.0
    assert judge_all({1: "a b", 2: "c", 3: []}, references, tokenised=True).missing == 1
    with pytest.raises(HamError, match="query 2: 'answers' is a number"):
        judge_all({1: "a b", 2: 5}, references, tokenised=True)


def test_the_columns_of_version_2_1() -> None:
    document = {
        "query_id": {"0": 17, "5": 18},
        "answers": {"0": [NO_ANSWER], "5": ["a", "b"]},
        "query": {"0": "who", "5": "what"},
    }
    references = load(rows(document))
    assert references.ids == ("17", "18")
    assert references.questions == ("who", "what")
    assert judge_all({17: NO_ANSWER, 18: "b"}, references, tokenised=True).metrics["rouge_l"] == 100.0
    with pytest.raises(HamError, match="row 5, query 18: has no 'answers'"):
        load(rows({**document, "answers": {"0": ["a"]}}))
    with pytest.raises(HamError, match="'answers' is a list, not a column"):
        list(rows({**document, "answers": []}))


ANSWERS = st.sampled_from(["", "a", "a b", "a  b c", "b a c d", " c", "x\u3000y", "the cat", NO_ANSWER])
LINES = st.lists(
    st.builds(
        lambda query, answers: {"query_id": query, "answers": answers},
        st.sampled_from([1, 2, 3, "3", 4]),
        st.one_of(st.lists(ANSWERS, max_size=3), st.just("ab"), st.just({"a": 1})),
    ),
    max_size=7,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """References, and candidates that mostly answer each of them once."""
    references = draw(LINES)
    queries = list(dict.fromkeys(entry["query_id"] for entry in references if entry["answers"]))
    candidates = [line(query, draw(ANSWERS)) for query in draw(st.permutations(queries))]
    return references, candidates + draw(st.one_of(st.just([]), LINES))


@given(pairs())
def test_everything_equals_the_slow_restatement(pair: tuple[list[Any], list[Any]]) -> None:
    references, candidates = pair
    try:
        due = slow_msmarco.evaluate(references, candidates, str)
    except (AssertionError, ArithmeticError):
        with pytest.raises(HamError):
            judge(references, candidates)
        return
    found = judge(references, candidates)
    assert found.metrics == {name: 100.0 * value for name, value in due.items()}
    for metric in METRICS:
        assert combined(metric, found.statistics) == pytest.approx(found.metrics[metric.name], rel=1e-9)


def test_answerability_of_resamples() -> None:
    metric = METRICS[-1]
    assert metric.combine is not None
    right, wrong, refused = np.array([2, 0, 0, 0]), np.array([1, 0, 3, 3]), np.array([1, 4, 0, 2])
    found = metric.combine(dict(zip(metric.columns, (right, wrong, refused), strict=True)))
    # No positive at all has precision 1, and recall 0; nothing wanted has recall 1; 0 and 0 is no figure officially.
    assert found == pytest.approx([100 * 2 / 3, 0.0, 0.0, 0.0])
    assert msmarco.METRICS[-1].columns == ("answered_rightly", "answered_wrongly", "refused_wrongly")

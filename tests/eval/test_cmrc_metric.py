"""CMRC 2018 against figures of the official program (v6, NLTK 3.10.4) and against a slow restatement of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slow_cmrc as slow
from hypothesis import example, given, settings
from hypothesis import strategies as st
from punkt_models import punkt_model  # noqa: F401

from ham_mrc.errors import HamError
from ham_mrc.eval import cmrc
from ham_mrc.eval.cmrc import METRICS, Segments, judge_all, longest_common_run, signature
from ham_mrc.eval.columns import combined
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.references_cmrc import load
from ham_mrc.files import read_json

nltk = pytest.importorskip("nltk")
NEEDS_PINNED = pytest.mark.skipif(nltk.__version__ != "3.10.4", reason="these figures are of NLTK 3.10.4")

# References, prediction, EM and F1 as the official program has them before it rounds.
OFFICIAL = [
    (["Paris"], "", 0.0, 0.0),
    (["The"], "a", 0.0, 0.0),
    (["!!!"], "???", 0.0, 0.0),
    (["", "Paris", "the"], "", 100.0, 0.0),
    (["Paris"], "Paris，", 100.0, 100.0),
    (["well-known"], "wellknown", 100.0, 100.0),
    (["anapple"], "an'apple", 0.0, 0.0),
    (["10 a.m."], "10 am", 0.0, 40.0),
    (["$5"], "5", 0.0, 66.66666666666666),
    (["cat cat cat"], "cat cat", 0.0, 80.0),
    (["a\u0301"], "\u0301", 0.0, 0.0),
    (["New York"], "New\u3000York", 0.0, 100.0),
    (["Paris"], "\ufeffParis", 0.0, 0.0),
    (["STRA\u1e9eE"], "stra\u00dfe", 100.0, 100.0),
    (["\u00e9t\u00e9 a hiver"], "\u00e9t\u00e9 hiver", 0.0, 40.0),
    (["巴黎the塔"], "巴黎 塔", 0.0, 57.14285714285715),
    (["\U0001f1eb\U0001f1f7"], "\U0001f1eb", 0.0, 0.0),
    (["北京"], "北京。", 100.0, 100.0),
    (["x2"], "x²", 0.0, 0.0),
    (["abc"], "\u200fabc", 0.0, 0.0),
    (["abc"], "abc\x00", 0.0, 0.0),
    (["red blue", "green", "red blue green yellow"], "red green yellow", 0.0, 57.14285714285715),
    (["No Answer Present."], "No Answer Present.", 100.0, 100.0),
    (["a\tb\tc"], "a b c", 0.0, 100.0),
    (["等等"], "等等…", 0.0, 80.0),
    (["上海 市"], "上海\u3000市", 0.0, 100.0),
    (["3.5"], "35", 0.0, 0.0),
    (["【中国】"], "中国", 0.0, 66.66666666666666),
    (["GPT-4模型"], "gpt4模型", 100.0, 100.0),
    (["東京タワー"], "東京タワ", 0.0, 66.66666666666666),
    (['他说"你好"'], '他说"你好"', 100.0, 100.0),
    (["Mr. Smith went. He left."], "mr. smith went. he left.", 100.0, 100.0),
    (["龥龥"], "龥", 0.0, 66.66666666666666),  # the last character that is a segment of its own
    (["\u9fa6\u9fa6"], "\u9fa6", 0.0, 0.0),
    # Everything goes through str first.
    ([39764.0], "39764.0", 100.0, 100.0),
    ([147], 147, 100.0, 100.0),
    ([None], "none", 100.0, 100.0),
    (["None"], None, 100.0, 100.0),
    (["['北京']"], ["北京"], 100.0, 100.0),
    ([True], "TRUE", 100.0, 100.0),
    (["4.90"], 4.9, 0.0, 0.0),
    # Nothing is left on either side.
    (["——"], " ", 0.0, 0.0),
    (["，"], "。", 100.0, 0.0),
    (["、 、"], "， ，", 100.0, 0.0),
]


@pytest.fixture(scope="module", autouse=True)
def _without_model() -> Iterator[None]:
    import nltk.data

    before, nltk.data.path = nltk.data.path, []
    yield
    nltk.data.path = before


def document(*questions: tuple[str, list[Any]], own_layout: bool = False) -> Any:
    """Questions on one passage, in SQuAD's layout or in CMRC's own."""
    if own_layout:
        qas = [{"query_id": identity, "query_text": "谁？", "answers": answers} for identity, answers in questions]
        return [{"context_id": "TRIAL_0", "context_text": "文", "title": "题", "qas": qas}]
    qas = [
        {"id": identity, "question": "谁？", "answers": [{"text": text, "answer_start": -1} for text in answers]}
        for identity, answers in questions
    ]
    return {"version": "v1.0", "data": [{"paragraphs": [{"id": "TRIAL_0", "context": "文", "qas": qas}]}]}


def judged(
    predictions: dict[str, Any], *questions: tuple[str, list[Any]], own_layout: bool = False, least: bool = False
) -> Judged:
    references = load(document(*questions, own_layout=own_layout), "dev.json")
    return judge_all(predictions, references, file="preds.json", least=least)


@NEEDS_PINNED
@pytest.mark.parametrize("own_layout", [False, True])
@pytest.mark.parametrize(("references", "prediction", "exact", "f1"), OFFICIAL)
def test_official_figures(references: list[Any], prediction: Any, exact: float, f1: float, own_layout: bool) -> None:
    found = judged({"q": prediction}, ("q", references), own_layout=own_layout)
    assert found.metrics == {"exact_match": exact, "f1": f1}


PIECES = st.sampled_from([*"北京上海市东：，。-…", "3.5", "GPT-4", " ", "a", "b", "New York", "$5", '"', "（", "カ"])
TEXTS = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=6))
ANY = st.one_of(TEXTS, TEXTS, TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False))


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    ids = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8))
    questions = [(identity, draw(st.lists(ANY, min_size=1, max_size=3))) for identity in ids]
    answered = draw(st.sets(st.sampled_from("abcdefg")))
    predictions = {identity: draw(ANY) for identity in sorted(answered)}
    return document(*questions, own_layout=draw(st.booleans())), predictions


@settings(max_examples=300, deadline=None)
@given(evaluations())
def test_every_figure_equals_the_slow_restatement(evaluation: Any) -> None:
    content, predictions = evaluation
    references = load(content, None)
    try:
        found = judge_all(predictions, references)
    except HamError:
        with pytest.raises(HamError, match="Punkt"):
            judge_all(predictions, references)
        return
    report = slow.evaluate(content, predictions, words_without_model)
    assert found.metrics == {"exact_match": report["EM"], "f1": report["F1"]}
    assert (len(references), found.missing) == (report["TOTAL"], report["SKIP"])
    assert found.answered == report["TOTAL"] - report["SKIP"]
    for metric in METRICS:
        assert combined(metric, found.statistics) == pytest.approx(found.metrics[metric.name], rel=1e-9)


def words_without_model(text: str) -> list[str]:
    """NLTK's words under the Punkt model that knows nothing."""
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return [word for line in PunktSentenceTokenizer().tokenize(text) for word in NLTKWordTokenizer().tokenize(line)]


@given(st.text("abc", max_size=12), st.text("abcd", max_size=12))
@example("", "a")
@example("aaab", "aaaab")
def test_longest_common_run(one: str, other: str) -> None:
    assert longest_common_run(one, other) == slow.longest_run(list(one), list(other))


@given(TEXTS, TEXTS)
def test_equal_segments_are_equal_characters(one: str, other: str) -> None:
    segments = Segments()
    coded = [segments.outcomes(segments.cleaned(text)) for text in (one, other)]
    if [len(ways) for ways in coded] == [1, 1]:
        cut = [slow.segments(text, words_without_model) for text in (one, other)]
        assert [len(ways[0]) for ways in coded] == [len(words) for words in cut]
        assert (coded[0] == coded[1]) is (cut[0] == cut[1])


def test_segments_are_forgotten_when_characters_run_short(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [(f"q{number}", [f"w{number} x{number}", "城"]) for number in range(20)]
    predictions = {f"q{number}": f"x{number} 城" for number in range(20)}
    before = judged(predictions, *questions).metrics
    monkeypatch.setattr(cmrc, "_MANY_CODES", 4)
    assert judged(predictions, *questions).metrics == before


def test_missing_extra_and_repeated_questions() -> None:
    found = judged({"q": "北京", "zz": "上海"}, ("q", ["北京"]), ("q", ["上海"]), ("r", ["广州"]))
    assert found.keys == ("q", "q#2", "r")
    assert (found.answered, found.missing, found.extra) == (2, 1, 1)
    assert found.metrics == {"exact_match": 100.0 / 3, "f1": 100.0 / 3}
    assert found.values == {"exact_match": [100.0, 0.0, 0.0], "f1": [100.0, 0.0, 0.0]}


def test_no_references_are_a_fault_only_with_a_prediction() -> None:
    assert judged({"r": "北京"}, ("q", []), ("r", ["北京"])).metrics["f1"] == 50.0
    with pytest.raises(HamError, match=r"^dev\.json, question q: has an empty list of answers; the official"):
        judged({"q": ""}, ("q", []))
    with pytest.raises(ValueError, match="empty"):
        slow.evaluate(document(("q", [])), {"q": ""}, words_without_model)


def test_punkt_is_asked_for_only_where_it_matters(punkt_model: Callable[..., None]) -> None:  # noqa: F811
    gold = ("q", ["Henry A. Walsh"])
    assert judged({"q": "henry a. walsh，"}, gold).metrics["f1"] == 100.0  # the same text, however it is cut up
    assert judged({"q": "亨利"}, gold).metrics["f1"] == 0.0  # nothing in common, however it is cut up
    with pytest.raises(HamError) as caught:
        judged({"q": "Henry A. Walsh等"}, gold)
    assert str(caught.value) == (
        "preds.json, question q: the official F1 hangs on whether NLTK's Punkt model ends a sentence inside "
        "'henry a. walsh'; install that model once, as the official program asks: "
        "python -m nltk.downloader punkt_tab"
    )
    punkt_model()
    assert judged({"q": "Henry A. Walsh等"}, gold).metrics["f1"] == 100.0 * ((2 * 0.75 * 1.0) / 1.75)
    # Seen beginning a sentence in lower case, and never with a capital: the initial's full stop ends a sentence.
    punkt_model(contexts={"walsh": 16})
    assert judged({"q": "Henry A. Walsh等"}, gold).metrics["f1"] == 100.0 * ((2 * 0.8 * 1.0) / 1.8)


def test_a_text_of_too_many_outcomes_needs_the_model(punkt_model: Callable[..., None]) -> None:  # noqa: F811
    text = "a. b. c. d. e. f. g. h"
    with pytest.raises(HamError, match="Punkt"):
        judged({"q": text + "等"}, ("q", [text]))
    assert judged({"q": text}, ("q", [text])).metrics["f1"] == 100.0
    punkt_model()
    assert judged({"q": text + "等"}, ("q", [text])).metrics["f1"] == 100.0 * ((2 * (8 / 9) * 1.0) / (8 / 9 + 1.0))


def test_without_the_model_the_least_figure_can_be_had(punkt_model: Callable[..., None]) -> None:  # noqa: F811
    """As if one text were cut into henry, a., walsh, 等 and the other into henry, a, ., walsh: one segment of four is
    common. The signature tells it from the official figure.
    """
    gold = ("q", ["Henry A. Walsh"])
    found = judged({"q": "Henry A. Walsh等"}, gold, least=True)
    assert found.metrics["f1"] == 25.0
    assert found.signature == f"{signature()}|punkt:absent-least"
    assert judged({"q": "北京"}, ("q", ["北京"]), least=True).signature == found.signature
    many = "a. b. c. d. e. f. g. h"
    assert judged({"q": many + "等"}, ("q", [many]), least=True).metrics["f1"] == 0.0
    punkt_model(contexts={"walsh": 16})
    official = judged({"q": "Henry A. Walsh等"}, gold, least=True)
    assert (official.metrics["f1"], official.signature) == (100.0 * ((2 * 0.8 * 1.0) / 1.8), signature())


def test_signature_names_the_tokenizer_and_its_version() -> None:
    assert f"nltk-{nltk.__version__}-word_tokenize" in signature()
    assert judged({}, ("q", ["北京"])).signature == signature()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": []}, "dev.json: holds no question"),
        ([], "dev.json: holds no question"),
        ({"q": "北京"}, "dev.json: holds an object where a list is due; a CMRC 2018 file is expected"),
        ([3], "dev.json, article 1: is a number, not an object"),
        ([{}], "dev.json, article 1: has no 'qas'"),
        ([{"paragraphs": [3]}], "dev.json, article 1, paragraph 1: is a number, not an object with 'qas'"),
        ([{"paragraphs": {}}], "dev.json, article 1: 'paragraphs' is an object, not a list"),
        ([{"qas": [{"answers": []}]}], "dev.json, article 1, question 1: has no 'id'"),
        ([{"qas": [{"query_id": "q"}]}], "dev.json, question q: has no 'answers'"),
        ([{"qas": [{"query_id": "q", "answers": [{}]}]}], "dev.json, question q: answer 1 is an object without a"),
    ],
)
def test_wrong_files(content: Any, message: str) -> None:
    with pytest.raises(HamError) as caught:
        load(content, "dev.json")
    assert str(caught.value).startswith(message)


def test_both_layouts_give_the_same_references() -> None:
    questions = [("q", ["北京", 4.9]), ("r", [])]
    squad, own = (load(document(*questions, own_layout=own_layout), "f") for own_layout in (False, True))
    assert squad == own
    assert (squad.dataset, squad.version) == ("cmrc", "2018")
    assert (squad.answers, squad.questions) == ((("北京", "4.9"), ()), ("谁？", "谁？"))
    assert (squad.passages, squad.clusters) == (("文",), [0, 0])


@NEEDS_PINNED
@pytest.mark.parametrize("kind", ["other answers", "sentences", "passages"])
def test_the_dev_set_equals_the_slow_restatement(
    kind: str,
    shared_data: Path,
    punkt_model: Callable[..., None],  # noqa: F811
) -> None:
    punkt_model(abbreviations=("st", "e.g", "v", "t.f", "inc"))
    content = read_json(shared_data / "cmrc2018" / "cmrc2018_dev.json.gz")
    references = load(content, None)
    assert len(references) == 3219
    rng = random.Random(4)
    predictions: dict[str, Any] = {}
    for identity, place, answers in zip(references.ids, references.passage_of, references.answers, strict=True):
        text = references.passages[place] or ""
        start = rng.randrange(len(text))
        predictions[identity] = {
            "other answers": answers[-1] + text[start : start + 3],
            "sentences": text.split("。")[0],
            "passages": text,
        }[kind]
    chosen = set(rng.sample(references.ids, 60 if kind == "passages" else 600))
    predictions = {identity: text for identity, text in predictions.items() if identity in chosen}
    found = judge_all(predictions, references)
    report = slow.evaluate(content, predictions, nltk.word_tokenize)
    assert found.metrics == {"exact_match": report["EM"], "f1": report["F1"]}


def test_numbers_as_references_in_the_dev_set(shared_data: Path) -> None:
    """27 questions have them; here they stand as texts, and as JSON numbers they must mean the same."""
    content = read_json(shared_data / "cmrc2018" / "cmrc2018_dev.json.gz")
    before = load(content, None)
    changed: dict[str, float] = {}
    for article in content["data"]:
        for qa in article["paragraphs"][0]["qas"]:
            for answer in qa["answers"]:
                if re.fullmatch(r"\d+\.\d", answer["text"]):
                    answer["text"] = changed[qa["id"]] = float(answer["text"])
    assert len(changed) == 27
    after = load(content, None)
    assert after == before
    assert judge_all(changed, after).metrics["exact_match"] == 100.0 * 27 / 3219

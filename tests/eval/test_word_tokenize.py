"""Words without a Punkt model against NLTK itself with models of every kind."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from punkt_models import punkt_model  # noqa: F401

from ham_mrc.errors import MissingExtra
from ham_mrc.eval import word_tokenize
from ham_mrc.eval.word_tokenize import WordTokenizer, nltk_version

pytest.importorskip("nltk")

PIECES = st.sampled_from(
    [
        *("a", "b.", "u.s.", "mr.", "smith", "st.", "paul", "3.5", "5.", "100", "...", "..", ".", "?", "!", '"', "'"),
        *("''", "(", ")", "”", "’", "»", ",", ";", "--", "–", "cannot", "gonna", "wanna", "don't", "'tis", "d'ye"),
        *(
            "1,234",
            "a,b",
            "12:30",
            "5%",
            "&",
            "[",
            "{",
            "<",
            "Mr.",
            "Walsh",
            "CANNOT",
            "gİmme",
            "_",
            "the",
            "𝐀.",
            " ",
            " ",
            " ",
            "\n",
            "\u3000",
            "\u00a0",
            "е.",
            "カ",
            "é",
        ),
    ]
)
MARKS = st.sampled_from([*"-.,:'\"`?!%$&@#;()[]{}<>*–", "--", "cannot", "wanna", " ", "\n"])
WORDS = st.sampled_from(["a", "5", "x_y", "é", "カ", " ", "a b"])
TEXTS = st.one_of(
    st.tuples(WORDS, MARKS, WORDS, MARKS, WORDS).map("".join),
    st.lists(PIECES, max_size=9).map("".join),
    st.text(max_size=12),
)
TYPES = st.sampled_from(["a", "b", "u.s", "mr", "st", "smith", "paul", "the", "##number##", "100", "𝐀", "カ", "walsh"])


def nltk_words(text: str, parameters: dict[str, Any]) -> list[str]:
    """What `nltk.word_tokenize` gives under a model with these parameters."""
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    model = PunktParameters()
    model.abbrev_types = parameters["abbreviations"]
    model.collocations = parameters["collocations"]
    model.sent_starters = parameters["starters"]
    model.ortho_context.update(parameters["contexts"])
    sentences = PunktSentenceTokenizer(model).tokenize(text)
    return [word for sentence in sentences for word in NLTKWordTokenizer().tokenize(sentence)]


MODELS = st.fixed_dictionaries(
    {
        "abbreviations": st.sets(TYPES, max_size=6),
        "collocations": st.sets(st.tuples(TYPES, TYPES), max_size=4),
        "starters": st.sets(TYPES, max_size=4),
        "contexts": st.dictionaries(TYPES, st.integers(0, 63).map(lambda bits: 2 * bits), max_size=8),
    }
)
NO_MODEL: dict[str, Any] = {"abbreviations": set(), "collocations": set(), "starters": set(), "contexts": {}}


@pytest.fixture(scope="module", autouse=True)
def _without_model() -> Any:
    """The laws below hold of what is found without a model, so none may be."""
    import nltk.data

    before, nltk.data.path = nltk.data.path, []
    yield
    nltk.data.path = before


@settings(max_examples=600, deadline=None)
@given(TEXTS, MODELS)
@example("henry a. walsh", NO_MODEL)
@example("st. paul.", NO_MODEL | {"abbreviations": {"st"}})
@example("a. \U0001d400", NO_MODEL | {"contexts": {"\U0001d400": 32}})
def test_the_words_of_any_model_are_among_the_outcomes(text: str, model: dict[str, Any]) -> None:
    outcomes = WordTokenizer().outcomes(text)
    assume(outcomes)
    assert tuple(nltk_words(text, model)) in outcomes


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        ("", [""]),
        (" \u3000\n", [""]),
        ("gpt4", ["gpt4"]),
        ("3.5", ["3.5"]),
        ("new york", ["new york"]),
        ("cannot", ["can not"]),
        ("wanna be", ["wan na be"]),
        ("a--b", ["a -- b"]),
        ("CANNOT", ["CAN NOT"]),
        ("$5", ["$ 5"]),
        ("10 a.m.", ["10 a.m ."]),
        ("what? yes!", ["what ? yes !"]),
        ("mr. smith went.", ["mr smith went . .", "mr. smith went ."]),
        ("henry a. walsh", ["henry a. walsh", "henry a . walsh"]),
        ("dr.smith", ["dr.smith"]),
        ("r.s.;", ["r.s. ;", "r.s . ;"]),
        ("a. b. c. d. e. f. g. h", []),  # too many to list
    ],
)
def test_outcomes(text: str, outcomes: list[str]) -> None:
    found = WordTokenizer().outcomes(text)
    assert {tuple(sorted(words)) for words in found} == {tuple(sorted(words.split())) for words in outcomes}


def test_an_installed_model_decides(punkt_model: Callable[..., None]) -> None:  # noqa: F811
    text = "cathedral church of st. paul"
    assert len(WordTokenizer().outcomes(text)) == 2
    punkt_model(abbreviations=("st",))
    assert WordTokenizer().outcomes(text) == (("cathedral", "church", "of", "st.", "paul"),)
    punkt_model()
    assert WordTokenizer().outcomes(text) == (("cathedral", "church", "of", "st", ".", "paul"),)


def test_an_installed_model_decides_also_where_too_many_were_tried(
    punkt_model: Callable[..., None],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(word_tokenize, "MOST_RUNS", 1)
    assert WordTokenizer().outcomes("henry a. walsh") == ()
    punkt_model()
    assert WordTokenizer().outcomes("henry a. walsh") == (("henry", "a.", "walsh"),)


@pytest.mark.parametrize("bits", range(0, 128, 2))
def test_contexts_of_every_kind_are_covered(bits: int) -> None:
    """Punkt's seven bits of a word, before it in turn an abbreviation, an initial and a number."""
    for text in ("st. walsh", "a. walsh", "5. walsh", "a. WALSH", "st. WALSH", "st. WALSH a. walsh"):
        for abbreviations in (set(), {"st"}):
            model = NO_MODEL | {"abbreviations": abbreviations, "contexts": {"walsh": bits}}
            assert tuple(nltk_words(text, model)) in WordTokenizer().outcomes(text)


def test_nltk_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr("importlib.metadata.version", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'ham-mrc\[cmrc\]'"):
        nltk_version()

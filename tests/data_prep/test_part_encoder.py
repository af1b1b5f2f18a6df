"""One part of a chunk: what is kept of passages, where labels point, the row before the passages; figures by hand."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from chunk_builders import encode, example, labels, rows, split

from ham_mrc.data_prep.split import passages_digest, text_digest
from ham_mrc.records import Answer, Example, Words

NILE, ODER, SPREE = "the Nile is long .", "Oder , Odra .", "Spree"  # 5, 4 and 1 tokens


@pytest.mark.parametrize(
    ("layout", "limit", "kept"),
    [
        ("joined", 100, [5, 4, 1]),
        ("joined", 10, [5, 4, 1]),
        ("joined", 9, [5, 4, 0]),
        ("joined", 7, [5, 2, 0]),
        ("joined", 3, [3, 0, 0]),
        ("separate", 5, [5, 4, 1]),
        ("separate", 4, [4, 4, 1]),
        ("separate", 1, [1, 1, 1]),
    ],
)
def test_budget_of_a_layout(layout: str, limit: int, kept: list[int]) -> None:
    """Joined passages share one budget, first come first served; separate ones have each its own."""
    question = example("a", [NILE, ODER, SPREE], "the")
    found = encode([question], training=(limit, 50), layout=layout)
    assert [len(words) for _, words in rows(found)] == kept
    assert [text for text, _ in rows(found)] == [NILE, ODER, SPREE]
    assert found[1].tally.cut_passages == sum(size < whole for size, whole in zip(kept, [5, 4, 1], strict=True))
    assert found[1].columns["question_passages"].tolist() == [3]


def test_label_beyond_the_budget() -> None:
    """ "Spree" is the tenth token: within a joined budget of ten, and of nine only a part for evaluation keeps it."""
    question = example("a", [NILE, ODER, SPREE], "Spree")
    assert labels(encode([question], training=(10, 50))[1]) == [(2, 0, 0)]
    train = encode([question], training=(9, 50))[1]
    assert (train.tally.kept, dict(train.tally.dropped)) == (0, {"beyond_the_cut": 1})
    dev = encode([question], "dev", training=(9, 50))[1]
    assert (dev.tally.kept, dict(dev.tally.unlabelled), labels(dev)) == (1, {"beyond_the_cut": 1}, [(0, -1, -1)])
    assert labels(encode([question], "dev", training=(9, 50), evaluation=(10, 50))[1]) == [(2, 0, 0)]


def test_null_position() -> None:
    """A row before the passages with the one token <null>, which is also the first token of every question."""
    found = encode([example("a", [NILE, ODER], "Odra"), example("b", [SPREE], impossible=True)], null_position=True)
    assert rows(found) == [
        ("", ["<null>"]),
        (NILE, ["the", "nile", "is", "long", "."]),
        (ODER, ["oder", ",", "odra", "."]),
        ("", ["<null>"]),
        (SPREE, ["spree"]),
    ]
    assert rows(found, "question") == [("which river ?", ["<null>", "which", "river", "?"])] * 2
    piece = found[1]
    assert labels(piece) == [(2, 2, 2), (0, 0, 0)]
    assert piece.columns["question_passage"].tolist() == [0, 3]
    assert piece.columns["question_passages"].tolist() == [3, 2]
    assert split(piece.columns["passage_char_ends"], piece.columns["passage_offsets"])[0].tolist() == [0]
    assert split(piece.columns["question_char_starts"], piece.columns["question_offsets"])[0].tolist() == [0, 0, 6, 12]
    assert split(piece.columns["question_char_ends"], piece.columns["question_offsets"])[0].tolist() == [0, 5, 11, 13]
    assert (piece.tally.kept, piece.tally.without_answer, piece.tally.searched) == (2, 1, 0)


def test_passages_keep_as_much_beside_the_null_position() -> None:
    """Neither the row before the passages nor the question's first token takes from their limits."""
    question = example("a", [NILE, ODER], "Nile", question="a b c d")
    found = encode([question], training=(5, 3), null_position=True)
    assert [len(words) for _, words in rows(found)] == [1, 5, 0]
    assert rows(found, "question")[0][1] == ["<null>", "a", "b", "c"]
    assert (found[1].tally.cut_passages, found[1].tally.cut_questions) == (1, 1)


@pytest.mark.parametrize(
    ("null", "answers", "label"),
    [
        (False, ["yes"], (0, 0, 0)),
        (False, [" No. "], (0, 1, 1)),
        (True, ["Yes."], (0, 1, 1)),
        (True, ["no", "Odra"], (0, 2, 2)),
        (True, ["Odra", "no"], (2, 2, 2)),
    ],
)
def test_yes_and_no(null: bool, answers: list[str], label: tuple[int, int, int]) -> None:
    found = encode([example("a", [NILE, ODER], *answers)], yes_no=True, null_position=null)
    text, words = rows(found)[0]
    assert text == "yes no"
    assert words == ["<null>", "yes", "no"][not null :]
    assert labels(found[1]) == [label]
    columns = found[1].columns
    spans = [
        split(columns[f"passage_char_{end}"], columns["passage_offsets"])[0].tolist() for end in ("starts", "ends")
    ]
    assert [text[start:end] for start, end in zip(*spans, strict=True)] == ["", "yes", "no"][not null :]
    assert (found[1].tally.searched, found[1].tally.moved) == (0, 0)


def test_yes_without_a_place_for_it() -> None:
    question = example("a", [NILE], "yes")
    assert dict(encode([question])[1].tally.dropped) == {"yes_no": 1}
    dev = encode([question], "dev")[1]
    assert (dict(dev.tally.unlabelled), labels(dev)) == ({"yes_no": 1}, [(0, -1, -1)])
    # Where a passage says so itself, that is the span.
    assert labels(encode([example("a", [NILE, "well , yes !"], "Yes")])[1]) == [(1, 2, 2)]


def test_unlabelled_question_points_nowhere_beside_a_row_of_its_own() -> None:
    found = encode([example("a", [NILE], "Amazon")], "dev", null_position=True, yes_no=True)[1]
    assert (labels(found), found.columns["question_passages"].tolist()) == ([(0, -1, -1)], [2])


def test_impossible_without_a_null_position() -> None:
    questions = [example("a", [NILE], impossible=True), example("b", [NILE], "Nile")]
    train = encode(questions)[1]
    assert (train.tally.read, train.tally.kept, dict(train.tally.dropped)) == (2, 1, {"impossible": 1})
    dev = encode(questions, "dev")[1]
    assert (dev.tally.kept, dict(dev.tally.unlabelled)) == (2, {"impossible": 1})
    assert labels(dev) == [(0, -1, -1), (0, 1, 1)]
    assert dev.tally.without_answer == 0


@pytest.mark.parametrize("null", [False, True])
def test_no_passages_at_all(null: bool) -> None:
    """One empty passage stands for them, so that every question has a row; nothing trains on it."""
    question = example("a", [], "Nile")
    assert dict(encode([question], null_position=null)[1].tally.dropped) == {"empty_passage": 1}
    found = encode([question, example("b", [NILE], "Nile")], "dev", null_position=null)
    before = [("", ["<null>"])] if null else []
    assert rows(found) == [*before, ("", []), *before, (NILE, ["the", "nile", "is", "long", "."])]
    assert found[1].columns["question_passages"].tolist() == [1 + null, 1 + null]
    assert labels(found[1]) == [(0, -1, -1), (0 + null, 1, 1)]


def test_no_passages_of_a_file_with_words_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its question is cut as the file says, so nothing else is needed for it."""
    monkeypatch.setitem(sys.modules, "rjieba", None)
    question = example("a", [], "尼罗河", question="哪条河", words=Words(("哪条", "河"), (), (("尼罗河",),)))
    found = encode([question], "dev", dataset="dureader")
    assert rows(found, "question") == [("哪条河", ["哪条", "河"])]
    assert rows(found) == [("", [])]


@pytest.mark.parametrize("text", ["", " \n\u3000"])
def test_nothing_to_see_in_question_or_passages(text: str) -> None:
    questions = [example("a", [NILE], "Nile", question=text), example("b", [text, text], "Nile")]
    assert dict(encode(questions)[1].tally.dropped) == {"empty_question": 1, "empty_passage": 1}
    # One passage with a token is enough.
    assert labels(encode([example("c", [text, SPREE], "Spree")])[1]) == [(1, 0, 0)]


def test_question_is_cut() -> None:
    question = example("a", [NILE], "Nile", question="a b , c")
    for limit, words in ((4, ["a", "b", ",", "c"]), (3, ["a", "b", ","]), (1, ["a"])):
        found = encode([question], training=(400, limit))
        assert rows(found, "question") == [("a b , c", words)]
        assert found[1].tally.cut_questions == (limit < 4)


def test_same_passages_are_stored_once_and_counted_once() -> None:
    questions = [
        example("a", [NILE, ODER], "Nile"),
        example("b", [ODER, NILE], "Nile"),
        example("c", [NILE, ODER], "Odra"),
        example("d", [NILE], "Nile"),
    ]
    piece = encode(questions, training=(2, 50), layout="separate", match="f1")[1]
    assert piece.columns["question_passage"].tolist() == [0, 2, 4]
    assert piece.tally.cut_passages == 5  # two, two and one: c, whose answer was cut away, stores nothing
    stored = encode(questions)[1]
    assert stored.columns["question_passage"].tolist() == [0, 2, 0, 4]
    assert len(stored.columns["passage_offsets"]) == 5
    keys = [bytes(row.astype(">u8").tobytes()) for row in stored.passage_keys]
    digests = {text: passages_digest((text,)) for text in (NILE, ODER)}
    assert keys == [digests[text] for question in questions for text in question.passages]
    assert stored.passage_questions.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert [row.astype(">u8").tobytes() for row in stored.id_keys] == [text_digest(name) for name in "abcd"]


def test_same_text_in_other_words_is_stored_again() -> None:
    def question(name: str, *words: str) -> Example:
        own = Words(("河",), (words,), (("尼",),))
        return example(name, ["尼罗河"], "尼", question="河", gold=Answer("尼", 0), words=own)

    questions = [question("a", "尼", "罗河"), question("b", "尼", "罗", "河"), question("c", "尼", "罗河")]
    found = encode(questions, dataset="dureader")
    assert [words for _, words in rows(found)] == [["尼", "罗河"], ["尼", "罗", "河"]]
    assert found[1].columns["question_passage"].tolist() == [0, 1, 0]


def test_repeated_id_is_dropped_in_any_part_and_leaves_no_word() -> None:
    questions = [example("a", [NILE], "Nile"), example("a", [SPREE], "Spree", question="Havel")]
    for part in ("train", "dev"):
        words, piece = encode(questions, part)
        assert (piece.tally.read, piece.tally.kept, dict(piece.tally.dropped)) == (2, 1, {"duplicate_id": 1})
        assert words == ["the", "nile", "is", "long", ".", "which", "river", "?"]


def test_words_of_the_chunk_are_those_that_stand_in_a_column() -> None:
    """Neither what was dropped nor what was cut away has a number; case is folded, or not."""
    questions = [example("a", ["Xanten", "Rhein"], "Amazon"), example("b", [NILE, ODER], "Nile", question="Who who")]
    words, piece = encode(questions, training=(3, 1))
    assert words == ["the", "nile", "is", "who"]
    assert piece.columns["passage_tokens"].tolist() == [0, 1, 2]
    assert encode(questions, training=(3, 2), lowercase=False)[0] == ["the", "Nile", "is", "Who", "who"]


def test_facts_and_references_are_those_of_kept_questions() -> None:
    facts: dict[str, Any] = {"query_id": 7, "query_type": "numeric"}
    questions = [
        example("7", [NILE], "Nile", facts=facts),
        example("8", [NILE], "Amazon", facts={"query_id": 8}),
        example("9", [NILE], "long .", facts={"query_id": "9"}),
    ]
    piece = encode(questions)[1]
    stored = split(piece.columns["facts"], piece.columns["facts_offsets"])
    assert [facts.tobytes() for facts in stored] == [b'{"query_id":7,"query_type":"numeric"}', b'{"query_id":"9"}']
    assert piece.references == b'{"query_id":7,"answers":["Nile"]}\n{"query_id":"9","answers":["long ."]}\n'


def test_half_a_surrogate_pair_comes_back() -> None:
    found = encode([example("\udc00", ["Nile \ud83d"], "Nile", question="\ud83d ?")])
    assert rows(found) == [("Nile \ud83d", ["nile", "\ud83d"])]
    assert rows(found, "question") == [("\ud83d ?", ["\ud83d", "?"])]
    assert found[1].columns["ids"].tobytes().decode("utf-8", "surrogatepass") == "\udc00"
    codes, counts = found[1].characters
    assert dict(zip(map(chr, codes.tolist()), counts.tolist(), strict=True))["\ud83d"] == 2
    assert codes.dtype == np.uint32

"""A chunk with what is known of the whole corpus: parts, repeated ids, limits, and what training reads otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from chunk_builders import chunk, encoding, labels, rows
from msmarco_builders import query

from ham_mrc.data_prep.encode import Encoded, Portion, checksum, encode_chunk
from ham_mrc.data_prep.split import Assignment, group_rank
from ham_mrc.errors import HamError

MIDDLE = b"\x80" + bytes(15)
HALVES = Assignment((bytes(16), MIDDLE), ("train", "dev"))
"""The lower half of all ranks is train."""


def ids(encoded: Encoded) -> dict[str, str]:
    """The ids of each part, which are one character long here, in their order."""
    return {part: piece.columns["ids"].tobytes().decode() for part, piece in encoded.pieces.items()}


def queries(names: str, **changes: Any) -> list[dict[str, Any]]:
    return [query(**{"query_id": name, **changes}) for name in names]


def test_ranks_decide_on_the_part() -> None:
    names = "abcdefghijklmnop"
    for seed in (13, 14):
        encoded = encode_chunk(encoding(assignment=HALVES, seed=seed), Portion(chunk(queries(names))))
        train = "".join(name for name in names if group_rank(seed, name) < MIDDLE)
        assert ids(encoded) == {"train": train, "dev": "".join(name for name in names if name not in train)}
        assert 0 < len(train) < 16
        # Each part numbers its rows by itself, and stores the passages that all of them share.
        assert [len(rows((encoded.words, piece))) for piece in encoded.pieces.values()] == [3, 3]


def test_a_file_that_is_a_part() -> None:
    encoded = encode_chunk(encoding(), Portion(chunk(queries("ab")), "test"))
    assert ids(encoded) == {"test": "ab"}


def test_repeated_ids_by_their_numbers() -> None:
    portion = Portion(chunk(queries("aabca")), "dev", duplicates=frozenset({1, 4}))
    encoded = encode_chunk(encoding(), portion)
    assert ids(encoded) == {"dev": "abc"}
    tally = encoded.pieces["dev"].tally
    assert (tally.read, tally.kept, dict(tally.dropped)) == (5, 3, {"duplicate_id": 2})


@pytest.mark.parametrize(("limit", "kept"), [(0, {}), (2, {"dev": "ab"}), (3, {"dev": "abc"}), (9, {"dev": "abc"})])
def test_limit(limit: int, kept: dict[str, str]) -> None:
    """Questions beyond it are not counted at all; the checksum is still of all ids."""
    own = checksum("abc")
    assert ids(encode_chunk(encoding(), Portion(chunk(queries("abc")), "dev", limit, checksum=own))) == kept


def test_ids_that_are_not_those_of_the_survey() -> None:
    for names in ("abd", "ab", "abcd", "acb"):
        with pytest.raises(HamError) as caught:
            encode_chunk(encoding(), Portion(chunk(queries(names), "x.json"), "dev", checksum=checksum("abc")))
        assert str(caught.value) == "x.json: changed while it was read; prepare again"
    assert checksum(["ab", "c"]) != checksum(["a", "bc"])


@pytest.mark.parametrize(("part", "texts"), [("train", 1), ("dev", 3), ("choice", 3)])
def test_training_alone_knows_which_passages_were_selected(part: str, texts: int) -> None:
    encoded = encode_chunk(encoding(selected_only=True), Portion(chunk(queries("a")), part))
    piece = encoded.pieces[part]
    assert len(rows((encoded.words, piece))) == texts
    # "6,650 km" is three tokens and "km", from the second token of the passage that was selected.
    assert labels(piece) == [(0 if part == "train" else 1, 2, 5)]


def test_split_of_a_record_that_training_reads_otherwise() -> None:
    """The part hangs on the passages as evaluation reads them, the same for the survey and for all parts."""
    encoded = encode_chunk(
        encoding(selected_only=True, assignment=HALVES, split_by="passage"), Portion(chunk(queries("abc")))
    )
    assert list(ids(encoded).values()) == ["abc"]


def test_strict_names_file_and_question() -> None:
    portion = Portion(chunk([*queries("a"), *queries("b", answers=["  "])], "x.json"), "dev")
    assert dict(encode_chunk(encoding(), portion).pieces["dev"].tally.unlabelled) == {"no_answer": 1}
    with pytest.raises(HamError) as caught:
        encode_chunk(encoding(strict=True), portion)
    assert str(caught.value) == (
        "x.json, question b: it has no answer, or an empty one; "
        "mend it, or leave out --strict, to have it repaired or dropped from training, and counted"
    )


def test_limits_of_training_and_of_evaluation() -> None:
    for part, length in (("train", 2), ("dev", 4), ("choice", 4), ("test", 4)):
        portion = Portion(chunk(queries("a", answers=["the nile"])), part)
        encoded = encode_chunk(encoding(training=(2, 1), evaluation=(4, 3), layout="separate"), portion)
        assert [len(words) for _, words in rows((encoded.words, encoded.pieces[part]))] == [
            length,
            length,
            min(length, 3),
        ]
        assert len(rows((encoded.words, encoded.pieces[part]), "question")[0][1]) == (1 if part == "train" else 3)


def test_nothing_in_a_chunk() -> None:
    assert encode_chunk(encoding("squad"), Portion(chunk([{"paragraphs": []}]), "dev")) == ([], {})

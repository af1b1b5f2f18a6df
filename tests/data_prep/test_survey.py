"""The first look at a corpus: repeated ids, sizes, versions and groups, against a loop over everything at once."""

from __future__ import annotations

import tempfile
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from chunk_builders import chunk, encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.chunks import Chunk
from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.encode import encode_chunk
from ham_mrc.data_prep.ledger import first_of_each
from ham_mrc.data_prep.split import group_rank, text_digest
from ham_mrc.data_prep.survey import Question, Survey, survey, survey_chunk
from ham_mrc.errors import HamError

Named = tuple[str, str]
"""(id, title) of a question."""


def article(questions: Sequence[Named], version: str = "1.1") -> list[dict[str, Any]]:
    """An article for each question."""
    flag = {"is_impossible": False} if version == "2.0" else {}
    return [
        {
            "title": title,
            "paragraphs": [{"context": "Nile", "qas": [{"id": name, "question": "q", "answers": [], **flag}]}],
        }
        for name, title in questions
    ]


def look(chunks: Sequence[Chunk], folder: Path, *, limit: int | None = None, split_by: str = "question") -> Any:
    """The survey of `chunks`, and how many questions each group has, by its rank."""
    question = Question(dataset="squad", reading=Reading(), split_by=split_by, seed=13)
    found, ledger = survey((survey_chunk(question, (part, True)) for part in chunks), folder, limit=limit)
    groups: Counter[bytes] = Counter()
    for bucket in ledger.buckets():
        groups.update(row[0].to_bytes(8, "big") + row[1].to_bytes(8, "big") for row in bucket.tolist())
        assert first_of_each(bucket).sum() == len({row[:2] for row in bucket.tolist()})
    return found, groups


QUESTIONS = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["Nile", "Oder", "尼罗河"]))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(QUESTIONS, max_size=6), max_size=6), st.one_of(st.none(), st.integers(1, 20)))
@example([[("a", "Nile")], [("a", "Oder")], [("a", "Nile"), ("b", "Nile")]], None)
@example([[("a", "Nile"), ("b", "Oder")], [], [("b", "Nile")]], 2)
@example([[("a", "Nile"), ("b", "Oder")], [("b", "Nile")]], 3)
def test_against_a_loop_over_everything(chunks: list[list[Named]], limit: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, groups = look([chunk(article(part)) for part in chunks], Path(folder), limit=limit, split_by="article")
    everything = [named for part in chunks for named in part][:limit]
    first = {name: number for number, (name, _) in reversed(list(enumerate(everything)))}
    repeated = [number for number, (name, _) in enumerate(everything) if first[name] != number]
    assert found.total == len(everything)
    assert found.duplicates.tolist() == repeated
    titles = Counter(title for number, (_, title) in enumerate(everything) if number not in repeated)
    assert groups == {group_rank(13, title): count for title, count in titles.items()}
    sizes, left = [], len(everything) if limit is None else limit
    for part in chunks:
        sizes.append(min(len(part), left))
        left -= sizes[-1]
        if limit is not None and not left:
            break
    assert list(found.sizes) == sizes

    portions = list(found.portions([chunk(article(part)) for part in chunks], "dev"))
    assert [portion.limit for portion in portions] == sizes
    assert [portion.part for portion in portions] == ["dev"] * len(sizes)
    begins = [sum(sizes[:number]) for number in range(len(sizes))]
    again = [begin + own for begin, portion in zip(begins, portions, strict=True) for own in sorted(portion.duplicates)]
    assert again == repeated


@pytest.mark.parametrize(
    ("split_by", "keys"), [("question", ["a", "b", "c"]), ("article", ["Nile", "Oder"]), ("passage", None)]
)
def test_groups(tmp_path: Path, split_by: str, keys: list[str] | None) -> None:
    questions = [("a", "Nile"), ("b", "Oder"), ("c", "Oder")]
    _, groups = look([chunk(article(questions))], tmp_path, split_by=split_by)
    if keys is None:
        assert list(groups.values()) == [3]
    else:
        assert set(groups) == {group_rank(13, key) for key in keys}


def test_article_without_a_title() -> None:
    question = Question(dataset="squad", reading=Reading(), split_by="article", seed=13)
    part = chunk(article([("a", "Nile"), ("b", "")]))
    with pytest.raises(HamError) as caught:
        survey_chunk(question, (part, True))
    assert str(caught.value) == 'input.json, question b: its article has no "title"; use --split-by passage'
    # Of an official file no group is asked for.
    assert len(survey_chunk(question, (part, False)).ranks) == 0


def test_versions_and_files(tmp_path: Path) -> None:
    chunks = [
        chunk(article([("a", "Nile"), ("b", "Oder")]), "one.json"),
        chunk(article([("c", "Nile")]), "two.json"),
        chunk(article([("d", "Nile")], "2.0"), "two.json"),
        chunk(article([]), "three.json"),
    ]
    found, _ = look(chunks, tmp_path)
    assert found.versions == {"1.1", "2.0"}
    assert found.files == {"one.json": 2, "two.json": 2, "three.json": 0}
    assert found.checksums == [text_digest(ids) for ids in ("a\0b", "c", "d", "")]


def test_nothing_to_look_at(tmp_path: Path) -> None:
    found, groups = look([], tmp_path)
    assert (found.total, found.duplicates.tolist(), groups) == (0, [], {})
    assert list(found.portions([], None)) == []


def surveyed(tmp_path: Path, *chunks: Chunk) -> Survey:
    survey: Survey = look(chunks, tmp_path)[0]
    return survey


CHANGED = "input.json: changed while it was read; prepare again"


@pytest.mark.parametrize("now", [[("a", "Nile"), ("x", "Oder")], [("b", "Oder"), ("a", "Nile")], [("a", "Nile")], []])
def test_ids_that_change_between_the_two_looks(tmp_path: Path, now: list[Named]) -> None:
    found = surveyed(tmp_path, chunk(article([("a", "Nile"), ("b", "Oder")])))
    (portion,) = found.portions([chunk(article(now))], "dev")
    with pytest.raises(HamError) as caught:
        encode_chunk(encoding("squad"), portion)
    assert str(caught.value) == CHANGED


def test_file_that_grew_shorter_between_the_two_looks(tmp_path: Path) -> None:
    """Cut off between two chunks, where each chunk that is left is as it was."""
    chunks = [chunk(article([(name, "Nile")])) for name in "abc"]
    portions = surveyed(tmp_path, *chunks).portions(chunks[:2], None)
    assert next(portions).chunk == chunks[0]
    assert next(portions).chunk == chunks[1]
    with pytest.raises(HamError) as caught:
        next(portions)
    assert str(caught.value) == CHANGED


def test_nothing_is_read_beyond_a_limit(tmp_path: Path) -> None:
    """A fault that stands behind the last question wanted is none of this preparation's business."""

    def chunks() -> Any:
        yield chunk(article([("a", "Nile"), ("b", "Nile")]))
        raise HamError("is not JSON")

    question = Question(dataset="squad", reading=Reading(), split_by="question", seed=13)
    found, _ = survey((survey_chunk(question, (part, True)) for part in chunks()), tmp_path, limit=2)
    assert [portion.limit for portion in found.portions(chunks(), None)] == [2]


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (["a", "b", "b"], "a"),  # a has lost a chunk
        (["a", "a", "a", "b", "b"], "a"),  # a has grown by one
        (["a", "a", "b"], "b"),
        (["a", "a", "b", "b", "b"], "b"),
    ],
)
def test_of_several_files_the_one_that_changed_is_named(files: list[str], named: str) -> None:
    found = Survey(array("q", [1] * 4), [b""] * 4, ["a", "a", "b", "b"], {"a": 2, "b": 2})
    with pytest.raises(HamError) as caught:
        list(found.portions([Chunk(file, ()) for file in files], None))
    assert str(caught.value) == f"{named}: changed while it was read; prepare again"

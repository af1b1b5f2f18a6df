"""Splits: complete, disjoint, whole groups, the size that was asked for, and blind to the order of the file."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_split import slow_split
from slow_split import split as ledger_split

from ham_mrc.data_prep.split import group_key, parse_shares, passages_digest
from ham_mrc.errors import HamError
from ham_mrc.records import Example


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("90/10", {"train": 0.9, "dev": 0.1}),
        ("80/10/10", {"train": 0.8, "dev": 0.1, "test": 0.1}),
        ("1/99", {"train": 0.01, "dev": 0.99}),
    ],
)
def test_shares(text: str, shares: dict[str, float]) -> None:
    assert parse_shares(text) == shares


@pytest.mark.parametrize(
    "text", ["", "90", "100", "90/20", "100/0", "90/-10/20", "0.9/0.1", "90/10/", "a/b", "25/25/25/25", "９０/10"]
)
def test_no_split(text: str) -> None:
    with pytest.raises(HamError) as caught:
        parse_shares(text)
    assert str(caught.value) == (
        f'--split "{text}" is not a split; two or three whole numbers that add up to 100 are due, '
        "as in 90/10 or 80/10/10"
    )


def split(keys: dict[str, str], shares: dict[str, float], **settings: Any) -> dict[str, str]:
    """The parts as `prepare` finds them, which must be those of the slow way, or the same complaint."""
    expected = outcome(slow_split, keys, shares, **settings)
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(partial(ledger_split, Path(folder)), keys, shares, **settings)
    assert str(found) == str(expected)
    if isinstance(found, HamError):
        raise found
    return found


def outcome(function: Callable[..., dict[str, str]], *values: Any, **settings: Any) -> dict[str, str] | HamError:
    try:
        return function(*values, **settings)
    except HamError as fault:
        return fault


def ids(count: int, groups: int | None = None) -> dict[str, str]:
    """id -> group key; every id its own group, or `groups` of them."""
    return {f"q{n}": f"q{n}" if groups is None else f"g{n % groups}" for n in range(count)}


def sizes(parts: dict[str, str]) -> dict[str, int]:
    return dict(Counter(parts.values()))


@pytest.mark.parametrize(
    ("shares", "choice", "expected"),
    [
        ("90/10", True, {"train": 81, "dev": 10, "choice": 9}),
        ("80/10/10", False, {"train": 80, "dev": 10, "test": 10}),
        ("50/50", True, {"train": 45, "dev": 50, "choice": 5}),
    ],
)
def test_sizes_by_question(shares: str, choice: bool, expected: dict[str, int]) -> None:
    assert sizes(split(ids(100), parse_shares(shares), seed=13, choice=choice, unit="question")) == expected


def test_official_parts_leave_only_the_choice_to_split() -> None:
    assert sizes(split(ids(100), {"train": 1.0}, seed=13, choice=True, unit="question")) == {"train": 90, "choice": 10}
    assert sizes(split(ids(100), {"train": 1.0}, seed=13, choice=False, unit="question")) == {"train": 100}


KEYS = st.dictionaries(st.text(max_size=4), st.sampled_from("abcdefghijkl"), min_size=12, max_size=60)


@given(KEYS, st.sampled_from(["90/10", "80/10/10", "60/40"]), st.integers(0, 5), st.booleans(), st.randoms())
def test_laws_of_a_split(keys: dict[str, str], shares: str, seed: int, choice: bool, random) -> None:  # type: ignore[no-untyped-def]
    try:
        parts = split(keys, parse_shares(shares), seed=seed, choice=choice, unit="passage")
    except HamError:
        # Only where there are hardly more groups than parts may one stay empty.
        assert len(set(keys.values())) < 8
        return
    assert parts.keys() == keys.keys()
    assert set(parts.values()) == set(parse_shares(shares)) | ({"choice"} if choice else set())
    for group in set(keys.values()):
        assert len({parts[name] for name, key in keys.items() if key == group}) == 1
    for part, share in parse_shares(shares).items():
        groups = {key for name, key in keys.items() if parts[name] == part}
        # Never more than was asked for, unless no group was small enough.
        assert part == "train" or sizes(parts)[part] <= max(1, round(share * len(keys))) or len(groups) == 1
    names = list(keys)
    random.shuffle(names)
    shuffled = split({name: keys[name] for name in names}, parse_shares(shares), seed=seed, choice=choice, unit="x")
    assert shuffled == parts


def test_large_groups_are_passed_over_until_the_part_is_full() -> None:
    keys = {f"big{n}": "big" for n in range(60)} | {f"s{n}": f"g{n % 20}" for n in range(40)}
    for seed in range(20):
        assert sizes(split(keys, parse_shares("90/10"), seed=seed, choice=False, unit="article"))["dev"] == 10


def test_seed_decides() -> None:
    splits = [split(ids(50), parse_shares("90/10"), seed=seed, choice=False, unit="question") for seed in range(8)]
    assert len({tuple(sorted(name for name in s if s[name] == "dev")) for s in splits}) == 8


def test_every_question_is_tested_under_some_seed() -> None:
    """A split that always spares the first or the last ids would be no random one."""
    tested: Counter[str] = Counter()
    for seed in range(400):
        parts = split(ids(20), parse_shares("90/10"), seed=seed, choice=False, unit="question")
        tested.update(name for name, part in parts.items() if part == "dev")
    # 400 draws of 2 out of 20: 40 expected for each, standard deviation 6.
    assert min(tested.values()) > 40 - 5 * 6
    assert max(tested.values()) < 40 + 5 * 6


def test_split_of_today_is_the_split_of_tomorrow() -> None:
    """A published split must be had again from seed and ids alone, on any machine and Python.

    Expected, from outside: for n in $(seq 0 29); do printf '13\\0q%s' $n | b2sum -l 128 | sed "s/$/ q$n/"; done | sort
    """
    parts = split(ids(30), parse_shares("80/10/10"), seed=13, choice=False, unit="question")
    assert {name for name, part in parts.items() if part == "dev"} == {"q3", "q18", "q7"}
    assert {name for name, part in parts.items() if part == "test"} == {"q0", "q6", "q29"}


def test_questions_added_later_stay_in_order_with_the_others() -> None:
    before = split(ids(100), parse_shares("90/10"), seed=13, choice=False, unit="question")
    after = split(ids(110), parse_shares("90/10"), seed=13, choice=False, unit="question")
    moved_in = [name for name in before if before[name] == "train" and after[name] == "dev"]
    assert len(moved_in) <= 1


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 article cannot fill 3 parts: nothing is left for choice"),
        (2, "2 articles cannot fill 3 parts: nothing is left for train"),
    ],
)
def test_too_few_groups(count: int, text: str) -> None:
    with pytest.raises(HamError) as caught:
        split(ids(30, groups=count), parse_shares("90/10"), seed=13, choice=True, unit="article")
    assert str(caught.value) == f"{text}; give more input, or another --split or --split-by"


def test_keys_of_groups() -> None:
    example = Example("id1", "q", ("text one",), (), "Title")
    assert group_key(example, "question") == "id1"
    assert group_key(example, "article") == "Title"
    twin = Example("id2", "other", ("text one",), (), "Another title")
    assert group_key(example, "passage") == group_key(twin, "passage")
    assert group_key(example, "passage") != group_key(Example("id3", "q", ("text one ",), ()), "passage")


def test_digest_knows_where_one_passage_ends() -> None:
    assert passages_digest(("ab", "c")) != passages_digest(("a", "bc"))
    assert passages_digest(("\ud83d",)) != passages_digest(("?",))

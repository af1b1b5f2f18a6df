"""The split of poems: no line in two parts, variants together, blind to the order, of the size that was asked for."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.quatrain_split import Split, split_poems
from ham_mrc.errors import HamError
from ham_mrc.records import Quatrain

STOCK = ["".join(pair) * 2 + "月" for pair in combinations("春夏秋冬风花雪山水云", 2)]  # 45 lines of five


def poem(number: int, lines: tuple[str, ...]) -> Quatrain:
    return Quatrain(str(number), "", "", "", lines)


def own_line(number: int) -> str:
    """A line that no other number has."""
    return "".join(chr(0x5000 + int(digit)) for digit in f"{number:05d}")


def distinct(count: int) -> list[Quatrain]:
    return [poem(n, tuple(own_line(4 * n + place) for place in range(4))) for n in range(count)]


@st.composite
def collections(draw: st.DrawFn) -> list[Quatrain]:
    """40 poems of their own lines, some of which are replaced by lines of a small stock that others have as well."""
    poems = distinct(40)
    for number in draw(st.lists(st.integers(0, 39), max_size=20, unique=True)):
        shared = draw(st.lists(st.sampled_from(STOCK), min_size=1, max_size=3, unique=True))
        poems[number] = poem(number, (*shared, *poems[number].lines[len(shared) :]))
    return poems


def together(poems: list[Quatrain]) -> list[set[str]]:
    """Slowly: ids of poems that share two lines or more, directly or through others."""
    groups = [{one.id} for one in poems]
    by_id = {one.id: set(one.lines) for one in poems}
    merged = True
    while merged:
        merged = False
        for one, other in combinations(groups, 2):
            if any(len(by_id[a] & by_id[b]) >= 2 for a in one for b in other):
                groups.remove(other)
                one |= other
                merged = True
                break
    return groups


def ids(split: Split) -> dict[str, set[str]]:
    return {part: {one.id for one in own} for part, own in split.parts.items()}


@settings(max_examples=60, deadline=None)
@given(collections(), st.integers(0, 5))
def test_no_line_is_in_two_parts_and_variants_stay_together(poems: list[Quatrain], seed: int) -> None:
    split = split_poems(poems, seed=seed)
    lines = [{line for one in own for line in one.lines} for own in split.parts.values()]
    assert all(one.isdisjoint(other) for one, other in combinations(lines, 2))
    assert sum(map(len, split.parts.values())) + split.shared == len(poems)
    for group in together(poems):
        assert sum(not group.isdisjoint(own) for own in ids(split).values()) <= 1


@settings(max_examples=20, deadline=None)
@given(collections(), st.randoms(use_true_random=False))
def test_the_order_of_the_file_decides_nothing_but_the_order(poems: list[Quatrain], random: object) -> None:
    shuffled = list(poems)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ids(split_poems(shuffled, seed=3)) == ids(split_poems(poems, seed=3))


def test_only_what_shares_a_line_is_left_out() -> None:
    poems = distinct(100)
    poems += [poem(100 + n, (poems[n].lines[0], *(own_line(9000 + 4 * n + k) for k in range(3)))) for n in range(100)]
    split = split_poems(poems, seed=1)
    evaluated = {line for part in ("valid", "test") for one in split.parts[part] for line in one.lines}
    left_out = {one.id for one in poems} - set.union(*ids(split).values())
    assert (len(split.parts["valid"]), len(split.parts["test"])) == (20, 20)
    assert len(left_out) == split.shared > 0
    assert all(not evaluated.isdisjoint(one.lines) for one in poems if one.id in left_out)


def test_seeds_differ_and_repeat() -> None:
    poems = distinct(200)
    assert ids(split_poems(poems, seed=1)) == ids(split_poems(poems, seed=1))
    assert ids(split_poems(poems, seed=1))["test"] != ids(split_poems(poems, seed=2))["test"]


@pytest.mark.parametrize(("count", "size"), [(20, 2), (4999, 499), (5000, 2000), (6000, 2000)])
def test_sizes(count: int, size: int) -> None:
    split = split_poems(distinct(count), seed=0)
    assert [len(split.parts[part]) for part in ("train", "valid", "test")] == [count - 2 * size, size, size]


def sevens(count: int) -> list[Quatrain]:
    return [poem(50000 + n, tuple(own_line(50000 + 4 * n + k) + "月下" for k in range(4))) for n in range(count)]


def test_balanced_halves() -> None:
    split = split_poems(distinct(60) + sevens(140), seed=0, balanced=True)
    for part in ("valid", "test"):
        assert [sum(one.length == length for one in split.parts[part]) for length in (5, 7)] == [10, 10]
    assert [one.length for one in split.parts["train"]].count(5) == 40


def test_too_few_of_one_length_for_balanced() -> None:
    with pytest.raises(HamError) as raised:
        split_poems(distinct(29) + sevens(171), seed=0, balanced=True)
    said = "29 poems of 5 characters a line are too few for --balanced, which takes 20; leave it out"
    assert str(raised.value) == said
    assert split_poems(distinct(30) + sevens(170), seed=0, balanced=True)


def test_too_few_poems() -> None:
    with pytest.raises(HamError, match=r"^19 poems cannot be split in three parts; give 20 or more$"):
        split_poems(distinct(19), seed=0)


def test_poems_that_are_all_variants() -> None:
    same = [poem(n, (STOCK[0], STOCK[1], own_line(n), own_line(100 + n))) for n in range(20)]
    with pytest.raises(HamError, match=r"^nothing is left for valid, because the 20 poems share so many lines"):
        split_poems(same, seed=0)

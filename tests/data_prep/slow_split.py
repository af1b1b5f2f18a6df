"""The split as one reads it: all keys in memory, one part after the other. What data_prep/split.py must agree with."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ham_mrc.data_prep.ledger import Ledger, keys_of
from ham_mrc.data_prep.split import CHOICE_SHARE, group_rank
from ham_mrc.data_prep.survey import assign_groups
from ham_mrc.errors import HamError


def split(
    folder: Path, keys: Mapping[str, str], shares: Mapping[str, float], *, seed: int, choice: bool, unit: str
) -> dict[str, str]:
    """id -> part, for `keys` (id -> group key), the way that `prepare` takes: by a ledger in `folder` and ranks."""
    groups = Ledger(folder, "groups")
    groups.add(keys_of([group_rank(seed, key) for key in keys.values()]))
    assignment = assign_groups(groups, len(keys), shares, choice=choice, unit=unit)
    return {name: assignment.part(group_rank(seed, key)) for name, key in keys.items()}


def slow_split(
    keys: Mapping[str, str], shares: Mapping[str, float], *, seed: int, choice: bool, unit: str
) -> dict[str, str]:
    """id -> part, for `keys` (id -> group key) and `shares` (part -> fraction of all questions; "train" is the rest).

    Groups are put in an order that depends on seed and key alone, and taken while they fit: a part is never
    larger than its share unless its smallest group is. With `choice`, a tenth of the training part becomes one
    more part of that name. Raises HamError, naming the `unit` of a group, where there are too few to fill every part.
    """
    sizes = Counter(keys.values())
    left = sorted(sizes, key=lambda key: (_rank(seed, key), key))
    part_of: dict[str, str] = {}
    wanted = {part: share * len(keys) for part, share in shares.items() if part != "train"}
    if choice:
        wanted["choice"] = CHOICE_SHARE * (len(keys) - sum(round(size) for size in wanted.values()))
    for part, size in wanted.items():
        taken = set(_take(left, sizes, max(1, round(size))))
        part_of |= dict.fromkeys(taken, part)
        left = [key for key in left if key not in taken]
    part_of |= dict.fromkeys(left, "train")
    if missing := {"train", *wanted} - set(part_of.values()):
        raise HamError(
            f"{len(sizes)} {unit}{'s' if len(sizes) > 1 else ''} cannot fill {1 + len(wanted)} parts: "
            f"nothing is left for {sorted(missing)[0]}",
            remedy="give more input, or another --split or --split-by",
        )
    return {name: part_of[key] for name, key in keys.items()}


def _rank(seed: int, key: str) -> bytes:
    # A hash instead of a shuffle: no generator's history decides, so questions added later leave the others'
    # order as it was.
    return hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _take(order: Sequence[str], sizes: Mapping[str, int], wanted: int) -> list[str]:
    """Groups of `order`, each taken where it still fits into `wanted`; the smallest one where none fits."""
    taken = []
    for key in order:
        if sizes[key] <= wanted:
            taken.append(key)
            wanted -= sizes[key]
    return taken or sorted(order, key=lambda key: sizes[key])[:1]

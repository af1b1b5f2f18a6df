"""Which question goes to which part: seeded, whole groups, and the same whatever the order of the file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from ham_mrc.errors import HamError
from ham_mrc.records import Example

SPLIT_BY = ("question", "passage", "article")
"""What is kept whole. `question` is the paper's: its test passages are also training passages."""

CHOICE_SHARE = 0.1
"""What of the training part serves to choose the epoch where no other part does (the paper names none)."""


def parse_shares(split: str) -> dict[str, float]:
    """`"90/10"` as {"train": 0.9, "dev": 0.1}; `"80/10/10"` adds "test". Raises HamError for anything else."""
    pieces = split.split("/")
    sizes = [int(piece) for piece in pieces if piece.isascii() and piece.isdigit()]
    if len(sizes) != len(pieces) or len(sizes) not in (2, 3) or sum(sizes) != 100 or not all(sizes):
        raise HamError(
            f'--split "{split}" is not a split',
            remedy="two or three whole numbers that add up to 100 are due, as in 90/10 or 80/10/10",
        )
    return {part: size / 100 for part, size in zip(("train", "dev", "test"), sizes, strict=False)}


def group_key(example: Example, split_by: str) -> str:
    """What the example shares with those that must stay in its part: its id, its passages' digest, or its title."""
    if split_by == "question":
        return example.id
    if split_by == "article":
        return example.title
    return passages_digest(example).hex()


def passages_digest(example: Example) -> bytes:
    """16 bytes that stand for the example's passages: equal where the texts are, character by character."""
    digest = hashlib.blake2b(digest_size=16)
    for passage in example.passages:
        data = passage.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def split(
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

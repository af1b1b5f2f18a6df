"""What a prepared folder of poems holds, in numbers: the part of the manifest that `poem prepare` shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ham_mrc.data_prep.poem_folder import PreparedPoem
from ham_mrc.data_prep.poem_references import FOLLOWED, PoemReferences, is_tang, load_references
from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.data_prep.quatrains import LENGTHS
from ham_mrc.data_prep.taxonomy import RawTaxonomy
from ham_mrc.data_prep.textrank import Ranks
from ham_mrc.records import Quatrain

COMMONEST = 6000
"""Of so many keywords `keywords` says what share of all they are: those that a planner learns to choose among."""

Prepared = Mapping[str, Sequence[PreparedPoem]]


def figures(
    folder: Path, prepared: Prepared, characters: Characters, ranks: Ranks, raw: RawTaxonomy | None
) -> dict[str, Any]:
    """The counts of a folder whose references, where there is a taxonomy, are written already.

    parts       poems in all, of each length, and of the Tang dynasty; triples; characters and how many are unknown
    vocabulary  symbols, what share of the training characters they are, checksum
    segments    different ones in training lines, function words left out; edges and rounds of TextRank
    keywords    different ones in training; shares of single characters, of the taxonomy's, and of the commonest 6,000
    taxonomy    themes, phrases, and phrases dropped (torn) or repeated; null without
    references  by part, length and line: the median number of references, null without a poem; null without a taxonomy
    """
    train = [word for one in prepared["train"] for word in one.keywords]
    parts = {part: _part([one.poem for one in poems], characters) for part, poems in prepared.items()}
    known = 1 - parts["train"]["unknown"] / parts["train"]["characters"]
    return {
        "parts": parts,
        "vocabulary": {"symbols": len(characters), "covers": known, "sha256": characters.sha256},
        "segments": {"different": len(ranks.scores), "edges": ranks.edges, "rounds": ranks.rounds},
        "keywords": _keywords(train, raw),
        "taxonomy": None if raw is None else _taxonomy(raw),
        "references": None if raw is None else _references(folder, prepared),
    }


def _part(poems: Sequence[Quatrain], characters: Characters) -> dict[str, int]:
    counts = Counter(character for poem in poems for line in poem.lines for character in line)
    unknown = sum(count for character, count in counts.items() if not characters.knows(character))
    return {
        "poems": len(poems),
        **{f"poems_{length}": sum(poem.length == length for poem in poems) for length in LENGTHS},
        "tang": sum(map(is_tang, poems)),
        "triples": 4 * len(poems),
        "characters": counts.total(),
        "unknown": unknown,
    }


def _keywords(words: Sequence[str], raw: RawTaxonomy | None) -> dict[str, Any]:
    counts = Counter(words)
    single = sum(count for word, count in counts.items() if len(word) == 1)
    listed = sum(count for word, count in counts.items() if raw is not None and word in raw.taxonomy)
    commonest = sum(count for _, count in counts.most_common(COMMONEST))
    shares = {"single": single, "in_taxonomy": listed, "commonest_6000": commonest}
    return {"different": len(counts), **{name: count / len(words) for name, count in shares.items()}}


def _taxonomy(raw: RawTaxonomy) -> dict[str, int]:
    return {
        "themes": len(raw.taxonomy.themes),
        "phrases": sum(map(len, raw.taxonomy.themes.values())),
        "dropped": raw.dropped,
        "repeated": raw.repeated,
    }


def _references(folder: Path, prepared: Prepared) -> dict[str, dict[str, dict[str, float | None]]]:
    poems = {part: [one.poem for one in own] for part, own in prepared.items()}
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for part in ("valid", "test"):
        own = load_references(folder / "references", part, poems[part], poems["train"])
        found[part] = {str(length): _medians(poems[part], own, length) for length in LENGTHS}
    return found


def _medians(poems: Sequence[Quatrain], references: Sequence[PoemReferences], length: int) -> dict[str, float | None]:
    own = [one for poem, one in zip(poems, references, strict=True) if poem.length == length]
    return {str(line): median(len(one.lines[line]) for one in own) if own else None for line in FOLLOWED}

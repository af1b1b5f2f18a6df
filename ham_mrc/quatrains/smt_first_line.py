"""A poem's first line, which nothing stands above: phrases of the keyword's themes, put where a line's segments go.

A line of five is 2+2+1 or 2+1+2 characters, one of seven 2+2+2+1 or 2+2+1+2, as in data_prep. He, Zhou and Jiang
(2012) let the poet choose phrases from the taxonomy and rank what a template makes of them by a language model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import UNK
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.errors import HamError
from ham_mrc.quatrains.phrase_table import LONGEST, can_be_written
from ham_mrc.quatrains.smt_decoder import Options
from ham_mrc.quatrains.smt_model import FEATURES, TRIGRAM, Model

Array = npt.NDArray[Any]

WHERE: Mapping[int, Mapping[int, tuple[int, ...]]] = {
    5: {1: (2, 4), 2: (0, 2, 3), 3: (2,)},
    7: {1: (4, 6), 2: (0, 2, 4, 5), 3: (4,)},
}
"""By length of a line and of a phrase, the places where one may begin; with these every line is of one of the shapes.
Phrases of three stand in the place of a two and a one."""

COMMON = 300
"""The commonest characters may stand alone between phrases."""
NEAREST = 100
"""Pairs of characters nearest to the keyword that are taken in where its themes have too few."""
ENOUGH = 10
"""Phrases of two characters that a theme should have: a line takes up to three, none with a character of another."""
COMMON_PAIR = -6.0
"""log P(b | a) from which on a and b count as a pair that people write."""

BONUS = 0
"""The column of the keyword's own bonus, that of a feature which first lines have not."""
WEIGHTS = np.zeros(len(FEATURES))
WEIGHTS[[TRIGRAM, BONUS]] = 1.0
KEYWORD_BONUS = 5.0
"""Nats in favour of the keyword itself: about what a rare pair of characters costs more than a common one."""
THEME_BONUS = 2.0
"""Nats in favour of a phrase of the keyword's themes before what was taken in beside them."""


def first_line_options(
    model: Model, taxonomy: Taxonomy | None, keyword: str, length: int, *, more: Array | None = None
) -> Options:
    """What may be written in a first line about `keyword`; the characters `more` may stand anywhere.

    Raises HamError without a keyword that can be written.
    """
    symbols = [number for number in model.characters.encode(keyword) if number != UNK]
    if not symbols:
        what = f"no known character in the keyword {keyword!r}" if keyword else "no keyword for the first line"
        raise HamError(what, remedy="give another theme, or a first line")
    phrases = _of_themes(model, taxonomy, keyword)
    if sum(len(phrase) == 2 for phrase in phrases) < ENOUGH:
        phrases = _nearest(model, symbols) | phrases
    if len(keyword) == len(symbols) <= LONGEST:
        phrases[tuple(symbols)] = KEYWORD_BONUS
    for number in np.argsort(-model.trigram.unigrams)[:COMMON].tolist():
        phrases.setdefault((number,), 0.0)
    for phrase in list(phrases):
        for number in phrase:
            phrases.setdefault((number,), 0.0)
    return _options({one: bonus for one, bonus in phrases.items() if _can_be_written(one)}, length, more)


def _of_themes(model: Model, taxonomy: Taxonomy | None, keyword: str) -> dict[tuple[int, ...], float]:
    """The phrases of every theme that holds the keyword, or a part of it, those of known characters alone."""
    if taxonomy is None:
        return {}
    themes = taxonomy.theme_of(keyword) or taxonomy.themes_in(keyword)
    phrases = dict.fromkeys(phrase for theme in themes for phrase in (theme, *taxonomy.themes[theme]))
    encoded = [tuple(model.characters.encode(one)) for one in phrases if len(one) <= LONGEST]
    return dict.fromkeys([one for one in encoded if UNK not in one], THEME_BONUS)


def _nearest(model: Model, symbols: Sequence[int]) -> dict[tuple[int, ...], float]:
    """The pairs of characters, of those that people write, that belong most in one poem with the keyword's."""
    pairs = model.trigram.pairs[model.trigram.pair_logs > COMMON_PAIR]
    first, second = pairs // model.trigram.size, pairs % model.trigram.size
    near = model.coherence.with_lines(np.array(symbols))
    fine = can_be_written(np.stack([first, second], axis=1))
    # The lesser of the two counts: one apt character makes any other's pair seem apt.
    closeness = np.where(fine, np.minimum(near[first], near[second]), -np.inf)
    best = np.argsort(-closeness, kind="stable")[:NEAREST]
    return dict.fromkeys(zip(first[best].tolist(), second[best].tolist(), strict=True), 0.0)


def _can_be_written(phrase: tuple[int, ...]) -> bool:
    return bool(can_be_written(np.array([phrase]))[0])


def _options(phrases: Mapping[tuple[int, ...], float], length: int, more: Array | None) -> Options:
    rows = [(place, phrase, bonus) for phrase, bonus in phrases.items() for place in WHERE[length].get(len(phrase), ())]
    if more is not None:
        rows += [(place, (number,), 0.0) for place in range(length) for number in more.tolist()]
    rows.sort(key=lambda row: row[0])
    lengths = np.array([len(phrase) for _, phrase, _ in rows])
    written = np.array([phrase + (0,) * (LONGEST - len(phrase)) for _, phrase, _ in rows])
    gains = np.zeros((len(rows), LONGEST, len(FEATURES)))
    gains[:, 0, BONUS] = [bonus for _, _, bonus in rows]
    begins = np.searchsorted([place for place, _, _ in rows], np.arange(length + 1))
    return Options(begins, written, lengths, gains)

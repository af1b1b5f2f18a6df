"""A rhyme book of a few characters that needs no extra, and symbols that a line can be written with."""

from __future__ import annotations

from ham_mrc.data_prep.poem_vocab import SPECIALS, Characters
from ham_mrc.quatrains.form import RhymeBook

EAST, MOUNTAIN, SEND, HOUSE = "上平一东", "上平十五删", "去一送", "入一屋"

READINGS = {
    "东": {EAST},
    "同": {EAST},
    "风": {EAST, SEND},
    "中": {EAST, SEND},
    "山": {MOUNTAIN},
    "关": {MOUNTAIN},
    "间": {MOUNTAIN, SEND},
    "送": {SEND},
    "梦": {SEND},
    "木": {HOUSE},
    "竹": {HOUSE},
    "目": {HOUSE},
}
BOOK = RhymeBook({character: frozenset(groups) for character, groups in READINGS.items()})
UNKNOWN = "卜丫"
CHARACTERS = Characters((*SPECIALS, *READINGS, *UNKNOWN))

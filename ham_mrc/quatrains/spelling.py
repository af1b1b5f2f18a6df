"""A user's text in the characters that a system knows: Simplified, and what lies near one that it does not know."""

from __future__ import annotations

from collections.abc import Iterable

from ham_mrc.data_prep.poem_vocab import SPECIALS, Characters
from ham_mrc.errors import HamError
from ham_mrc.quatrains.form import converter, has_converter

NEAR = 3


def simplified(text: str) -> str:
    """`text` in Simplified characters where OpenCC is installed, else as it is; its length stays.

    What is Simplified already stays as it is, too, and so do characters that poets still tell apart (乾坤).
    """
    if not has_converter():
        return text
    found = str(converter("t2s").convert(text))
    return found if len(found) == len(text) else text


def unknown(text: str, characters: Characters) -> str:
    """The characters of `text` that are not in the table, each once."""
    return "".join(dict.fromkeys(one for one in text if not characters.knows(one)))


def near(character: str, characters: Characters) -> tuple[str, ...]:
    """The known characters next to it in Unicode's order, which goes by radical and strokes: they look alike."""
    own = (one for one in characters.symbols[len(SPECIALS) :])
    return tuple(sorted(own, key=lambda one: (abs(ord(one) - ord(character)), one))[:NEAR])


def near_ones(text: Iterable[str], characters: Characters) -> str:
    """Near characters for each of `text`, in words: "龘: 龙, 龛, 龟"."""
    return "; ".join(f"{one}: {', '.join(near(one, characters))}" for one in text)


def refuse_unknown(text: str, place: str, characters: Characters) -> None:
    """Raise HamError where `text`, given at `place`, has characters that are not in the table; names near ones."""
    if strange := unknown(text, characters):
        raise HamError(
            f"{' '.join(strange)} {'is' if len(strange) == 1 else 'are'} not among the run's characters",
            place=place,
            remedy=f"near ones are {near_ones(strange, characters)}",
        )


def read_as_unknown(text: str, characters: Characters) -> list[str]:
    """What to tell of a user's own lines, which may hold any character: a line, or none."""
    strange = unknown(text, characters)
    return [f"read as an unknown character in your lines: {' '.join(strange)}"] if strange else []

"""What a user types of poems, read: themes, lines, keywords, acrostics. Each fault is one line naming the option."""

from __future__ import annotations

from ham_mrc.errors import HamError
from ham_mrc.quatrains.examine import read_lines
from ham_mrc.quatrains.patterns import LENGTHS


def four_characters(text: str, option: str) -> str:
    """The four characters of an acrostic. Raises HamError for any other number, or Latin letters."""
    characters = "".join(read_lines(text, option))
    if len(characters) != 4:
        raise HamError(
            f"has {len(characters)} {'character' if len(characters) == 1 else 'characters'}; a quatrain has four lines",
            place=option,
            remedy="give four",
        )
    return characters


def theme_text(text: str) -> str:
    """A theme without the marks in it. Raises HamError where it is empty, or in letters."""
    if not text.strip():
        raise HamError("the theme is empty", remedy="give the theme in Chinese characters, as in 春夜听雨")
    try:
        return "".join(read_lines(text, "the theme"))
    except HamError as error:
        raise HamError(error.what, place="the theme", remedy="give the theme in Chinese characters") from error


def one_line(text: str, option: str) -> str:
    """One line of 5 or 7 characters without its marks. Raises HamError for another length, or letters."""
    line = "".join(read_lines(text, option))
    if len(line) not in LENGTHS:
        number = f"{len(line)} {'character' if len(line) == 1 else 'characters'}"
        raise HamError(f"has {number}; a line has 5 or 7", place=option)
    return line


def four_keywords(text: str, option: str = "--keywords") -> tuple[str, ...]:
    """The four keywords between commas or other marks. Raises HamError for another number, or letters."""
    keywords = read_lines(text, option)
    if len(keywords) != 4:
        raise HamError(
            f"has {len(keywords)} {'keyword' if len(keywords) == 1 else 'keywords'}; each of the four lines has one",
            place=option,
            remedy="give four with commas between them, or none",
        )
    return keywords


def common_length(length: int | None, lines: dict[str, str]) -> int:
    """5 or 7: what `--length` says and all given `lines`, by option, agree on; 7 where nothing says.

    Raises HamError where two of them disagree.
    """
    for option, line in lines.items():
        if length is not None and len(line) != length:
            raise HamError(
                f"has {len(line)} characters, where --length is {length}", place=option, remedy="leave --length out"
            )
    sizes = {len(line) for line in lines.values()}
    return sizes.pop() if sizes else length or 7

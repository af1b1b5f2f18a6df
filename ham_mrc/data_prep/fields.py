"""Looking into parsed JSON: the value that a raw format must have in a place, or one line that says what is there."""

from __future__ import annotations

from typing import Any, TypeVar

from ham_mrc.data_prep.dataset import Source
from ham_mrc.errors import HamError

_T = TypeVar("_T")
_DUE = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "true or false"}
_SHOWN_ID = 60


def field(owner: dict[str, Any], key: str, kind: type[_T], source: Source) -> _T:
    """The value at `key`, which must be there and of that kind (dict, list, str, int or bool); else HamError."""
    if key not in owner:
        raise HamError(f'has no "{key}"', file=source.file, place=source.place, remedy=f"{_DUE[kind]} is due there")
    value = owner[key]
    # `type is` and not isinstance: True is an int to Python, and not an offset. JSON makes no subclasses.
    if type(value) is not kind:
        raise HamError(f'"{key}" is {described(value)} where {_DUE[kind]} is due', file=source.file, place=source.place)
    return value


def of_kind(value: Any, kind: type[_T], source: Source) -> _T:
    """`value` itself, if it is of that kind (dict, list, str, int or bool); else HamError."""
    if type(value) is not kind:
        raise HamError(f"is {described(value)} where {_DUE[kind]} is due", file=source.file, place=source.place or None)
    return value


def all_of(values: list[Any], kind: type[_T], source: Source, unit: str) -> list[_T]:
    """`values` itself, if each is of that kind; else HamError names the first that is not, as `unit` 1, 2, ..."""
    if set(map(type, values)) - {kind}:
        for number, value in enumerate(values, 1):
            of_kind(value, kind, within(source, f"{unit} {number}"))
    return values


def items(owner: dict[str, Any], key: str, kind: type[_T], source: Source) -> list[_T]:
    """The list at `key`, which must be there and hold nothing but values of that kind; else HamError."""
    return all_of(field(owner, key, list, source), kind, source, f'"{key}" item')


def within(source: Source, place: str) -> Source:
    """A place inside `source`, for messages: "article 3" becomes "article 3, paragraph 1"."""
    return Source(source.file, f"{source.place}, {place}" if source.place else place)


def question(source: Source, name: str) -> Source:
    """The question of that id in the file of `source`: users find it by its id sooner than by its number."""
    return Source(source.file, f"question {shown(name)}")


def described(value: Any) -> str:
    """A JSON value as messages name it: "null", "a list", "the number 2.5"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"the number {value}"
    return _DUE[type(value)]


def shown(name: str) -> str:
    """A question's id as messages show it: as it is, or its beginning where it is absurdly long."""
    return name if len(name) <= _SHOWN_ID else f"{name[:_SHOWN_ID]}..."

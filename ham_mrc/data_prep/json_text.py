"""Walking through a JSON text of any size without building it: values are passed over, or cut out as bytes.

The text is read in blocks and never decoded; where a value ends is a look-up in the block's outline. The usual
streaming parser, ijson (3.4), builds values itself, but turns halves of surrogate pairs written as escapes into "?"
in silence, and refuses NaN, both of which the official programs of the datasets accept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ham_mrc.data_prep import json_record
from ham_mrc.data_prep.dataset import Record
from ham_mrc.data_prep.json_record import empty, not_json, not_utf8, parse_record, too_long
from ham_mrc.data_prep.raw_input import Readable
from ham_mrc.errors import HamError
from ham_mrc.opening import BYTE_ORDER_MARK

BLOCK = 1 << 20
"""Bytes held at a time. Numpy's arrays for a block that size still fit a processor's cache."""

DEPTH = 500
"""Brackets that may be open at once. Parsers built on recursion give up at a thousand."""

_SPACE = re.compile(rb"[ \t\n\r]*")
_SCALAR_END = re.compile(rb'[ \t\n\r,:"\[\]{}]')
# The usual key, which needs no parser: of plain ASCII, without escapes, and all of it in the block.
_KEY = re.compile(rb'"([ !#-\[\]-~]*)"[ \t\n\r]*:[ \t\n\r]*(?=[^ \t\n\r])')
_GOING_ON = bytes(range(0x80, 0xC0))  # bytes that go on with a character
_KINDS = {b"{": "an object", b"[": "a list", b'"': "a text"}


class Start(NamedTuple):
    """A place in a text: bytes before it, its line from 1, characters before it on that line, brackets open there."""

    offset: int = 0
    line: int = 1
    column: int = 0
    depth: int = 0


class Text:
    """A cursor in the JSON text of `stream`, which stands at `start`. `file` is for messages.

    Every method raises HamError where the text is not JSON, with the line and column of the fault.
    """

    def __init__(self, stream: Readable, file: str | Path, start: Start | None = None) -> None:
        # Here and not above: `prepare --help` looks at the datasets, and need not wait for numpy.
        from ham_mrc.data_prep.json_outline import Outline

        start = start or Start()
        self._stream, self._file = stream, file
        self._outline, self._depth = Outline(start.depth), start.depth
        self._block, self._at, self._counted = b"", 0, 0
        self._offset, self._line, self._column = start.offset, start.line, start.column
        self._ascii = True

    def peek(self) -> bytes:
        """The next byte that is not white space; empty at the end of the file. The cursor stands before it."""
        if self._block[self._at : self._at + 1] > b" ":  # most often; white space is no greater
            return self._block[self._at : self._at + 1]
        while True:
            match = _SPACE.match(self._block, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._block):
                return self._block[self._at : self._at + 1]
            if not self._load():
                return b""

    def kind(self) -> str:
        """What the next value is, in the words of messages."""
        first = self.peek()
        if not first:
            raise empty(self._file) if self._depth == 0 else self.fault("the file ends too early")
        if first in _KINDS:
            return _KINDS[first]
        start = self.start()
        value = parse_record(Record("", start.line, start.column, self.value()), self._file)
        if value is None or isinstance(value, bool):
            return "null" if value is None else str(value).lower()
        return "a whole number" if isinstance(value, int) else f"the number {value}"

    def value(self, name: str = "") -> bytes:
        """The bytes of the next value, passed over. `name` is what to call it if it is too long."""
        first = self.peek()
        if first == b'"':
            return self._take(self._outline.text_end, name=name)
        if first in (b"{", b"["):
            return self._take(self._bracket_end, name=name)
        taken = self._take(self._scalar_end, name=name, ends_with_file=True)
        if not taken:
            raise self.fault("a value is due here" if first else "the file ends too early")
        return taken

    def skip(self) -> None:
        """Pass over the next value, of whatever length. Within its brackets, only brackets and quotes are looked at."""
        if self.peek() in (b"{", b"["):
            self._take(self._bracket_end, keep=False)
        else:
            self.value()

    def elements(self) -> Iterator[None]:
        """Once for each element of the list that begins here, which the caller passes over; then behind it."""
        if self._enter(b"]"):
            return
        while True:
            self.peek()
            yield
            if self._leave(b"]"):
                return

    def members(self) -> Iterator[str]:
        """The key of each member of the object that begins here, whose value the caller passes over likewise."""
        if self._enter(b"}"):
            return
        while True:
            yield self._key()
            if self._leave(b"}"):
                return

    def end(self) -> None:
        """Make sure that nothing but white space follows."""
        if self.peek():
            raise self.fault("something follows the document")

    def start(self) -> Start:
        """Where the cursor stands."""
        self._count(self._at)
        return Start(self._offset + self._at, self._line, self._column, self._depth)

    def fault(self, what: str) -> HamError:
        """The error for what stands at the cursor."""
        _, line, column, _ = self.start()
        try:
            self._block[self._at : self._at + 4].decode()
        except UnicodeDecodeError as fault:
            if fault.start == 0 and "end of data" not in fault.reason:
                return not_utf8(self._file, line, column)
        return not_json(what, self._file, line, column)

    def _enter(self, closer: bytes) -> bool:
        """Step over the opening bracket here, and over the closing one and True if it follows at once."""
        self._at += 1
        self._depth += 1
        if self.peek() != closer:
            return False
        return self._leave(closer)

    def _leave(self, closer: bytes) -> bool:
        """Step over the comma here, or over the closing bracket and True."""
        found = self.peek()
        if found not in (b",", closer):
            raise self.fault(f'"," or "{closer.decode()}" is due here' if found else "the file ends too early")
        self._at += 1
        self._depth -= found == closer
        return found == closer

    def _key(self) -> str:
        """The key that is due here, passed over up to its value."""
        first = self.peek()
        plain = _KEY.match(self._block, self._at)
        if plain:
            self._at = plain.end()
            return plain[1].decode()
        if first != b'"':
            raise self.fault("a key in quotes is due here" if first else "the file ends too early")
        _, line, column, _ = self.start()
        key = parse_record(Record("", line, column, self.value()), self._file)
        colon = self.peek()
        if colon != b":":
            raise self.fault('":" is due here' if colon else "the file ends too early")
        self._at += 1
        self.peek()
        assert isinstance(key, str)
        return key

    def _take(
        self, end: Callable[[int], int], *, keep: bool = True, name: str = "", ends_with_file: bool = False
    ) -> bytes:
        """What stands between the cursor and the place that `end` finds, passed over; nothing unless `keep`.

        `end` takes the position to search from, and gives the position behind the value, or -1 if that is in a
        later block.
        """
        found = end(self._at if ends_with_file else self._at + 1)
        if found >= 0:
            data, self._at = self._block[self._at : found], found
            return data
        begin, pieces, size = self.start(), [self._block[self._at :]], len(self._block) - self._at
        while found < 0 and self._load():
            found = end(0)
            self._at = found if found >= 0 else len(self._block)
            size += self._at
            if keep:
                if size > json_record.LIMIT:
                    raise too_long(self._file, name or f"line {begin.line}")
                pieces.append(self._block[: self._at])
        if found < 0 and not ends_with_file:
            if keep:  # a parser knows better where the fault is: seldom at the end of the file
                parse_record(Record(name, begin.line, begin.column, b"".join(pieces)), self._file)
            raise self.fault("the file ends too early")
        return b"".join(pieces) if keep else b""

    def _bracket_end(self, begin: int) -> int:
        return self._outline.bracket_end(begin, self._depth)

    def _scalar_end(self, begin: int) -> int:
        match = _SCALAR_END.search(self._block, begin)
        return match.start() if match else -1

    def _load(self) -> bool:
        """Put the next block in the place of this one; False at the end of the file."""
        self._count(len(self._block))
        self._offset += len(self._block)
        block = self._stream.read(BLOCK if self._offset else max(BLOCK, len(BYTE_ORDER_MARK)))
        if not self._offset and block.startswith(BYTE_ORDER_MARK):
            self._offset = len(BYTE_ORDER_MARK)
            block = block[self._offset :] or self._stream.read(BLOCK)
        self._block, self._at, self._counted, self._ascii = block, 0, 0, block.isascii()
        if block:
            self._outline.draw(block)
            too_deep = self._outline.deeper_than(DEPTH)
            if too_deep is not None:
                self._count(too_deep)
                raise HamError(f"is nested deeper than {DEPTH} levels", file=self._file, place=f"line {self._line}")
        return bool(block)

    def _count(self, end: int) -> None:
        """Bring line and column up to position `end` of the block."""
        last = self._block.rfind(b"\n", self._counted, end)
        if last >= 0:
            self._line += self._block.count(b"\n", self._counted, end)
            self._column, self._counted = 0, last + 1
        self._column += end - self._counted
        if not self._ascii:
            part = self._block[self._counted : end]
            self._column -= len(part) - len(part.translate(None, _GOING_ON))
        self._counted = end

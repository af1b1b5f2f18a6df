"""Made-up poems, a folder of them without a disk, and systems that write by a rule: what evaluation is tested on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ham_mrc.data_prep.poem_folder import PreparedPoem
from ham_mrc.data_prep.poem_references import PoemReferences
from ham_mrc.eval.poem_result import HumanRow, PoemColumn, PoemResult
from ham_mrc.eval.quatrains import PROTOCOLS, LineCounts, Protocol
from ham_mrc.quatrains.request import LineRequest, Written
from ham_mrc.records import Quatrain

CHARACTERS = "天地日月山水风云春夏秋冬东南西北花鸟鱼虫松竹梅兰江河湖海"


def made_line(number: int, length: int) -> str:
    """A line that says nothing, another one for each number; neighbours share characters."""
    turn, rest = divmod(number, len(CHARACTERS))
    return "".join(CHARACTERS[(rest + (3 + turn) * place) % len(CHARACTERS)] for place in range(length))


def made_poem(number: int, length: int) -> PreparedPoem:
    """Poem pN of four lines from number 4N on; a line's keyword is its first two characters."""
    lines = tuple(made_line(4 * number + place, length) for place in range(4))
    poem = Quatrain(f"p{number}", "无名", f"第{number}首", "tang", lines)
    return PreparedPoem(poem, tuple((line[:2], line[2:]) for line in lines), tuple(line[:2] for line in lines))


@dataclass
class MadeFolder:
    """What evaluation asks of a prepared folder: as many poems of 5 as of 7 characters, alternating."""

    poems_of: Mapping[str, Sequence[PreparedPoem]]
    taxonomy: Any = "there is one"
    manifest: Mapping[str, Any] = field(default_factory=lambda: {"split": "random"})

    def poems(self, part: str) -> Sequence[PreparedPoem]:
        return self.poems_of[part]

    def references(self, part: str) -> list[PoemReferences]:
        """A line's own and one more: the same line of the next poem of its length, where there is one."""
        found = []
        for one in self.poems(part):
            same = [other for other in self.poems("train") if other.poem.length == one.poem.length]
            lines = {i: (one.poem.lines[i], *(other.poem.lines[i] for other in same[:1])) for i in (1, 2, 3)}
            found.append(PoemReferences(lines))
        return found

    @property
    def known_lines(self) -> dict[str, list[tuple[str, str]]]:
        poems = (one.poem for one in self.poems("train"))
        return {line: [(poem.author, poem.title)] for poem in poems for line in poem.lines}


def made_folder(test: int = 6, train: int = 10, **changes: Any) -> Any:
    """Training poems are numbered from 100 on."""
    poems = {
        "test": [made_poem(n, (5, 7)[n % 2]) for n in range(test)],
        "train": [made_poem(100 + n, (5, 7)[n % 2]) for n in range(train)],
    }
    return MadeFolder(poems, **changes)


@dataclass
class MadeSystem:
    """Writes what `rule` says of a request, None for nothing; remembers what it was asked, and perplexity of what."""

    rule: Callable[[LineRequest], str | None]
    name: str = "made"
    uses_keywords: bool = True
    calls: list[list[LineRequest]] = field(default_factory=list)
    measured: list[list[str]] = field(default_factory=list)

    def write(self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1) -> list[list[Written]]:
        self.calls.append(list(requests))
        lines = [self.rule(request) for request in requests]
        return [[] if line is None else [Written(line, -1.0)] for line in lines]

    def perplexity(self, poems: Sequence[Any], *, keywords: str) -> float | None:
        self.measured.append([one.poem.id for one in poems])
        return 50.0 if keywords == "oracle" else 75.0


def made_poem_result(
    name: str = "made",
    found: Sequence[int] = (3, 3, 3, 3),
    *,
    protocols: Sequence[Protocol] = PROTOCOLS[:2],
    run: Mapping[str, Any] | None = None,
    sha256: str = "ab" * 32,
    **changes: Any,
) -> PoemResult:
    """Poems p0, p1, ... of 5 and 7 characters by turns; of every line of poem n `found[n]` characters were found.

    So that p1 = found / L and p2 = (found - 1) / (L - 1).
    """
    lengths = {f"p{n}": (5, 7)[n % 2] for n in range(len(found))}
    counts = {}
    for (key, length), hits in zip(lengths.items(), found, strict=True):
        one = LineCounts(hits, max(0, hits - 1), length, length - 1, length)
        counts[key] = (one, one, one)
    column = PoemColumn(counts, dict.fromkeys(lengths, (4, 4, 4)), sha256)
    human = HumanRow("random human line", PROTOCOLS[0], {"b1_5": 2}, {"bleu_7": 4.5}, {"bleu_7": (4.0, 5.0)})
    facts: dict[str, Any] = {
        "name": name,
        "system": "ppg",
        "part": "test",
        "split": "random",
        "uses_keywords": True,
        "lengths": lengths,
        "poems_of_part": len(lengths),
        "columns": dict.fromkeys(protocols, column),
        "human": (human,),
        "run": run,
        "file": f"{name}/poems.json",
    }
    return PoemResult(**{**facts, **changes})

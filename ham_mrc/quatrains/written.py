"""The lines of a part as a system writes them: asked for in groups of one shape, told with what they were asked by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from ham_mrc.data_prep.poem_folder import PreparedPoem
from ham_mrc.eval.quatrains import STEPS
from ham_mrc.progress import Progress
from ham_mrc.quatrains.request import LineRequest, Written

AT_ONCE = 128
"""Lines asked for in one call, all of one length and place; so often does the progress move."""

NextKeyword = Callable[[Sequence[str]], str]
"""From the keywords of the lines there are, the keyword of the next line."""


class System(Protocol):
    """What is evaluated; see quatrains/__init__.py."""

    @property
    def name(self) -> str:
        """Which kind of system it is."""

    @property
    def uses_keywords(self) -> bool:
        """Whether a request's keyword makes any difference to it."""

    def write(self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1) -> list[list[Written]]:
        """The best lines of each request, best first; none where nothing could be written."""

    def perplexity(self, poems: Sequence[PreparedPoem], *, keywords: str) -> float | None:
        """Of the poets' own lines; None for a system that gives no probabilities."""


def ask(poems: Sequence[PreparedPoem], keywords: str, next_keyword: NextKeyword) -> list[LineRequest]:
    """Lines 2, 3 and 4 of each poem, asked for by the poet's own lines before them: three requests a poem, in order.

    `keywords` "planned": the next keyword follows from those of the lines before; "oracle": it is the one that was
    taken from the very line to be written, which leaks the answer; "none": no keyword.
    """
    planned = cache(next_keyword)

    def keyword(poem: PreparedPoem, step: int) -> str:
        if keywords == "none":
            return ""
        return poem.keywords[step] if keywords == "oracle" else planned(poem.keywords[:step])

    return [LineRequest(one.poem.length, one.poem.lines[:step], keyword(one, step)) for one in poems for step in STEPS]


def write(
    system: System, requests: Sequence[LineRequest], *, beam: int, progress: Progress, title: str
) -> list[Written | None]:
    """The best line of each request, None where there is none.

    Requests of one length and place are asked for together, those with keywords of one length beside each other, so
    that whatever a system batches needs no padding.
    """
    found: list[Written | None] = [None] * len(requests)
    with progress(title, total=len(requests), unit="lines") as bar:
        for places in _groups(requests):
            answers = system.write([requests[place] for place in places], beam=beam, n=1)
            for place, candidates in zip(places, answers, strict=True):
                found[place] = _checked(candidates[0], requests[place], system) if candidates else None
            bar.advance(len(places))
    return found


def _groups(requests: Sequence[LineRequest]) -> Iterator[list[int]]:
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, request in enumerate(requests):
        groups[request.length, request.position].append(place)
    for _, places in sorted(groups.items()):
        places.sort(key=lambda place: len(requests[place].keyword))
        for start in range(0, len(places), AT_ONCE):
            yield places[start : start + AT_ONCE]


def _checked(written: Written, request: LineRequest, system: System) -> Written:
    assert len(written.line) == request.length, f"{system.name} wrote {written.line!r} for {request}"
    return written


def told(
    poems: Sequence[PreparedPoem],
    requests: Sequence[LineRequest],
    written: Sequence[Written | None],
    known: Mapping[str, Sequence[tuple[str, str]]],
) -> Iterator[dict[str, Any]]:
    """One object a request, for people to read: what was given, what was written, what the poet wrote.

    "known" are (author, title) of training poems that have the written line word for word.
    """
    for place, (request, found) in enumerate(zip(requests, written, strict=True)):
        poem = poems[place // len(STEPS)].poem
        yield {
            "poem": poem.id,
            "position": request.position,
            "before": list(request.before),
            "keyword": request.keyword,
            "written": "" if found is None else found.line,
            "score": None if found is None else found.score,
            "gold": poem.lines[request.position - 1],
            "known": [list(where) for where in known.get(found.line, ())] if found is not None else [],
        }


def by_poem(poems: Sequence[PreparedPoem], written: Sequence[Written | None]) -> dict[str, tuple[str, str, str]]:
    """By poem lines 2, 3 and 4 as written; "" for one that was not."""
    texts = iter(["" if one is None else one.line for one in written])
    return {one.poem.id: (next(texts), next(texts), next(texts)) for one in poems}

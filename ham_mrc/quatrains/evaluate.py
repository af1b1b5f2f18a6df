"""What a system's lines are worth: from the poet's lines 1 to i it writes line i + 1, for i = 1, 2, 3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ham_mrc.data_prep.poem_folder import PoemFolder, PreparedPoem
from ham_mrc.errors import HamError
from ham_mrc.eval.poem_diagnostics import Rules, WrittenLine, diagnose
from ham_mrc.eval.poem_result import HumanRow, PoemColumn, PoemCounts, PoemResult, column_table, intervals_of
from ham_mrc.eval.quatrains import PROTOCOLS, STEPS, Protocol, References, metrics_of_protocol
from ham_mrc.progress import Progress, silent
from ham_mrc.quatrains.human import GOLD, ONE, RANDOM, human_row, lines_by_place, one_line, random_lines
from ham_mrc.quatrains.written import NextKeyword, System, ask, by_poem, told, write

BEAM = 10
"""Candidates kept while a line is written. A choice: the paper does not say."""

Lines = Mapping[str, tuple[str, str, str]]
"""By poem lines 2, 3 and 4, "" for one that was not written."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted, the options of `ham-mrc poem eval`; `resamples` 0 leaves the intervals out."""

    part: str = "test"
    references: str = "both"
    keywords: str = "planned"
    limit: int | None = None
    resamples: int = 1000
    seed: int = 13
    beam: int = BEAM


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`lines` has by kind of keywords what `written.told` says of each line."""

    result: PoemResult
    lines: Mapping[str, list[dict[str, Any]]]


def protocols_of(system: System, folder: PoemFolder, asked: Asked) -> tuple[Protocol, ...]:
    """What can be measured of what is asked for, the headline first.

    "both" is what there is: a system that takes no keywords has none to leak, and a folder without a taxonomy has no
    multiple references. Raises HamError where nothing is left of what was asked for by name.
    """
    if asked.keywords == "oracle" and not system.uses_keywords:
        raise HamError(
            f"{system.name} takes no keywords, so that none can be leaked to it", remedy="ask for --keywords planned"
        )
    keywords = {"planned", "oracle"} if asked.keywords == "both" else {asked.keywords}
    references = {"multi", "single"} if asked.references == "both" else {asked.references}
    if not system.uses_keywords:
        keywords.discard("oracle")
    if asked.references == "both" and folder.taxonomy is None:
        references.discard("multi")
    return tuple(one for one in PROTOCOLS if one.keywords in keywords and one.references in references)


def evaluate(
    system: System,
    folder: PoemFolder,
    asked: Asked,
    *,
    next_keyword: NextKeyword,
    rules: Rules,
    name: str,
    run: Mapping[str, Any] | None = None,
    trained: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Evaluated:
    """Let `system` write, and score it by every protocol that is asked for. Raises HamError for wrong input."""
    protocols = protocols_of(system, folder, asked)
    sheet = _Sheet.of(folder, asked, protocols)
    texts, lines = {}, {}
    for kind in dict.fromkeys(protocol.keywords for protocol in protocols):
        requests = ask(sheet.poems, kind if system.uses_keywords else "none", next_keyword)
        title = f"writing ({kind} keywords)" if system.uses_keywords else "writing"
        written = write(system, requests, beam=asked.beam, progress=progress, title=title)
        texts[kind] = by_poem(sheet.poems, written)
        lines[kind] = list(told(sheet.poems, requests, written, folder.known_lines))
    result = PoemResult(
        name=name,
        system=system.name,
        part=asked.part,
        split=str(folder.manifest["split"]),
        uses_keywords=system.uses_keywords,
        lengths=sheet.lengths,
        poems_of_part=len(folder.poems(asked.part)),
        columns={protocol: sheet.column(protocol, texts[protocol.keywords]) for protocol in protocols},
        diagnostics=_diagnostics(system, folder, sheet, texts, rules),
        human=_human_rows(folder, sheet, protocols, asked),
        run=run,
        trained=trained or {},
    )
    return Evaluated(_with_intervals(result, asked) if asked.resamples else result, lines)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The poems to be scored and, one item a poem and line, all references there are of it."""

    poems: Sequence[PreparedPoem]
    multi: Sequence[tuple[References, ...]] | None

    @classmethod
    def of(cls, folder: PoemFolder, asked: Asked, protocols: Sequence[Protocol]) -> _Sheet:
        poems = folder.poems(asked.part)
        rows = chosen(len(poems), asked.limit)
        multi = None
        if any(protocol.references == "multi" for protocol in protocols):
            found = folder.references(asked.part)
            multi = [tuple(References(found[row].lines[step]) for step in STEPS) for row in rows]
        return cls([poems[row] for row in rows], multi)

    @property
    def lengths(self) -> dict[str, int]:
        return {one.poem.id: one.poem.length for one in self.poems}

    @property
    def gold(self) -> dict[str, tuple[str, str, str]]:
        """Lines 2, 3 and 4 as the poets wrote them."""
        return {one.poem.id: (one.poem.lines[1], one.poem.lines[2], one.poem.lines[3]) for one in self.poems}

    def references(self, kind: str) -> Iterable[tuple[str, tuple[References, ...]]]:
        """By poem those of its lines 2, 3 and 4. "others" are the multiple ones without the poet's own line."""
        for row, one in enumerate(self.poems):
            if kind == "single":
                yield one.poem.id, tuple(References([one.poem.lines[step]]) for step in STEPS)
            elif self.multi is not None:
                own = self.multi[row]
                yield one.poem.id, own if kind == "multi" else tuple(_without_first(each) for each in own)

    def counts(self, kind: str, lines: Lines) -> dict[str, PoemCounts]:
        """What each poem's three lines add."""
        found: dict[str, PoemCounts] = {}
        for key, references in self.references(kind):
            one, two, three = (held.count(line) for held, line in zip(references, lines[key], strict=True))
            found[key] = (one, two, three)
        return found

    def column(self, protocol: Protocol, lines: Lines) -> PoemColumn:
        sizes, digest = {}, hashlib.sha256()
        for key, held in self.references(protocol.references):
            one, two, three = held
            sizes[key] = (len(one.lines), len(two.lines), len(three.lines))
            digest.update("\n".join([key, *(line for each in held for line in (*each.lines, ""))]).encode())
        return PoemColumn(self.counts(protocol.references, lines), sizes, digest.hexdigest())


def _without_first(references: References) -> References:
    return References(references.lines[1:])


def chosen(count: int, limit: int | None) -> list[int]:
    """The rows of `limit` of `count` poems, evenly spaced, so that the mix of lengths stays; all without a limit."""
    if limit is None or limit >= count:
        return list(range(count))
    return [row * count // limit for row in range(limit)]


def _with_intervals(result: PoemResult, asked: Asked) -> PoemResult:
    table = {
        name: values
        for protocol, judged in result.columns.items()
        for name, values in column_table(protocol, judged.counts, result.lengths).items()
    }
    figures = result.figures
    metrics = {
        name: metric
        for protocol in result.columns
        for name, metric in metrics_of_protocol(protocol).items()
        if name in figures
    }
    intervals = intervals_of(metrics, table, resamples=asked.resamples, seed=asked.seed)
    return replace(result, intervals=intervals, draws={"resamples": asked.resamples, "seed": asked.seed})


def _human_rows(folder: PoemFolder, sheet: _Sheet, protocols: Sequence[Protocol], asked: Asked) -> tuple[HumanRow, ...]:
    """By every kind of references, gold lines by the others alone; as no keywords are given, "planned"."""
    poems, known = [one.poem for one in sheet.poems], lines_by_place(one.poem for one in folder.poems("train"))
    drawn, same = random_lines(poems, known, asked.seed), one_line(poems, known)
    rows = []
    for kind in dict.fromkeys(protocol.references for protocol in protocols):
        asks = [(RANDOM, kind, drawn), (ONE, kind, same), *([(GOLD, "others", sheet.gold)] if kind == "multi" else [])]
        for name, held, lines in asks:
            counts = sheet.counts(held, lines)
            protocol = Protocol(kind, "planned")
            rows.append(human_row(name, protocol, counts, sheet.lengths, resamples=asked.resamples, seed=asked.seed))
    return tuple(rows)


def _diagnostics(
    system: System, folder: PoemFolder, sheet: _Sheet, texts: Mapping[str, Lines], rules: Rules
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for kind, lines in {**texts, "gold": sheet.gold}.items():
        written = [
            WrittenLine(one.poem.lines[:step], lines[one.poem.id][step - 1]) for one in sheet.poems for step in STEPS
        ]
        found[kind] = dict(diagnose(written, known=folder.known_lines, rules=rules))
        if kind != "gold":
            found[kind]["perplexity"] = system.perplexity(sheet.poems, keywords=kind)
    return found

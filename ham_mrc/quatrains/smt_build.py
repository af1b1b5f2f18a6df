"""Counting and tuning the translation baseline on a prepared folder."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.eval.quatrains import References
from ham_mrc.progress import Bar, Progress, silent
from ham_mrc.quatrains.coherence import count_coherence, count_places
from ham_mrc.quatrains.ibm1 import Pairs, train_ibm1
from ham_mrc.quatrains.mert import Candidate, Tuned, tune
from ham_mrc.quatrains.phrase_table import PhraseTable, aligned_spans, build_table, placed_spans
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.quatrains.smt import SMT, SMTSettings
from ham_mrc.quatrains.smt_decoder import Scorer
from ham_mrc.quatrains.smt_model import FEATURES, LENGTHS, STEPS, Model
from ham_mrc.quatrains.smt_run import save_smt
from ham_mrc.quatrains.trigram import count_trigrams

Array = npt.NDArray[Any]

BEST = 100
"""Candidates of a line that each round of tuning adds."""

SETS = {
    "all": ("phrase", "inverse_phrase", "lexical", "inverse_lexical", "trigram", "spans", "coherence", "place"),
    "table": ("inverse_phrase", "inverse_lexical", "trigram"),
}
"""The features that each choice of `features` has; "table" is Zhang & Lapata's. A network adds one more."""

START = {
    "phrase": 0.2,
    "inverse_phrase": 0.2,
    "lexical": 0.05,
    "inverse_lexical": 0.05,
    "trigram": 0.3,
    "spans": 0.0,
    "coherence": 0.1,
    "place": 0.1,
    "network": 0.3,
}
"""Weights before tuning, of which each set takes its own: even shares, the two tables' of one kind together."""


def build_smt(
    folder: PoemFolder,
    out: Path,
    settings: SMTSettings | None = None,
    progress: Progress = silent,
    *,
    seed: int = 13,
    network: Callable[[LineRequest], Scorer] | None = None,
) -> SMT:
    """Count on the training poems, tune on valid, write smt.json and smt.safetensors to `out`, and return the system.

    `seed` draws the lines to tune on and the directions of the search; `network` gives the scorers of one more feature.
    """
    settings = settings or SMTSettings()
    with progress("counting", total=2 + len(STEPS) * len(LENGTHS), unit="tables") as bar:
        model = count_model(folder, settings, bar)
    chosen = SETS[settings.features] + (() if network is None else ("network",))
    start = np.array([START[name] if name in chosen else 0.0 for name in FEATURES])
    weights = dict.fromkeys(model.lengths, start / start.sum())
    smt = SMT(model, weights, settings, folder.taxonomy, {}, network)
    if settings.tuning_rounds:
        smt = tune_smt(smt, folder, [FEATURES.index(name) for name in chosen], seed, progress)
    save_smt(smt, out)
    return smt


def count_model(folder: PoemFolder, settings: SMTSettings, bar: Bar) -> Model:
    """Everything that is counted on the training poems."""
    characters = folder.characters
    size = len(characters)
    poems = {length: some for length in LENGTHS if len(some := poem_array(folder, length))}
    trigram = count_trigrams({characters.start(n): some.reshape(-1, n) for n, some in poems.items()}, size)
    bar.advance(note="trigram")
    coherence = count_coherence(list(poems.values()), size)
    bar.advance(note="coherence")
    places, tables = {}, {}
    for step in STEPS:
        for length, some in poems.items():
            places[step, length] = count_places(some[:, step], size)
            table = tables[step, length] = _table([(some[:, step - 1], some[:, step])], settings.align, size)
            bar.advance(note=f"line {step} to {step + 1}, {length} characters: {len(table):,} entries")
    return Model(characters, trigram, coherence, places, tables)


def poem_array(folder: PoemFolder, length: int) -> Array:
    """(N, 4, L) int32: the training poems of one length."""
    lines = [
        folder.characters.encode("".join(one.poem.lines)) for one in folder.poems("train") if one.poem.length == length
    ]
    return np.array(lines, dtype=np.int32).reshape(-1, 4, length)


def _table(pairs: Pairs, align: str, size: int) -> PhraseTable:
    lexicons = train_ibm1(pairs, size), train_ibm1([(below, above) for above, below in pairs], size)
    if align == "ibm":
        return build_table(lambda k: aligned_spans(pairs, lexicons, k), lexicons, size)
    return build_table(lambda k: placed_spans(pairs, k), lexicons, size)


class _Task(NamedTuple):
    """One line to tune on: what is asked, what it is held against, and its cell."""

    request: LineRequest
    references: References
    cell: int


def tune_smt(smt: SMT, folder: PoemFolder, free: Sequence[int], seed: int, progress: Progress = silent) -> SMT:
    """The same system with weights that score best on lines of valid, by length, and how that went.

    Without a taxonomy there are no multiple references, and tuning says that it takes single ones. A length that
    valid has no poem of keeps its weights.
    """
    settings = smt.settings
    if settings.references == "multi" and folder.taxonomy is None:
        settings = replace(settings, references="single")
    weights, told = dict(smt.weights), {}
    for length in smt.model.lengths:
        tasks = _tasks(folder, length, settings, seed)
        if not tasks:
            continue
        with progress(f"tuning, {length} characters", total=settings.tuning_rounds, unit="rounds") as bar:
            if settings is not smt.settings:
                bar.say("no taxonomy, so no multiple references: tuning on single ones")
            tuned = tune(
                lambda tried, tasks=tasks: [_candidates(smt, task, tried) for task in tasks],  # type: ignore[misc]
                [task.cell for task in tasks],
                weights[length],
                free=free,
                seed=seed,
                rounds=settings.tuning_rounds,
                told=lambda figure, bar=bar: bar.advance(note=f"BLEU-2 {figure:.2f}"),  # type: ignore[misc]
            )
        weights[length] = tuned.weights
        told[str(length)] = _told(tuned, len(tasks), settings)
    return replace(smt, weights=weights, settings=settings, tuning=told)


def _told(tuned: Tuned, lines: int, settings: SMTSettings) -> dict[str, Any]:
    before = tuned.history[0]
    told = {"lines": lines, "references": settings.references, "before": before, "after": tuned.figure}
    return {**told, "rounds": list(tuned.history)}


def _tasks(folder: PoemFolder, length: int, settings: SMTSettings, seed: int) -> list[_Task]:
    """`tuning_lines` lines of poems drawn from valid, as many of each step."""
    poems = folder.poems("valid")
    rows = [row for row, one in enumerate(poems) if one.poem.length == length]
    random.Random(seed).shuffle(rows)
    rows = sorted(rows[: settings.tuning_lines // len(STEPS)])
    known = folder.references("valid") if settings.references == "multi" else None
    tasks = []
    for cell, step in enumerate(STEPS):
        for row in rows:
            lines = poems[row].poem.lines
            references = References([lines[step]] if known is None else known[row].lines[step])
            tasks.append(_Task(LineRequest(length, lines[:step]), references, cell))
    return tasks


def _candidates(smt: SMT, task: _Task, weights: Array) -> list[Candidate]:
    found = smt.lines(task.request, weights, width=smt.settings.width, n=BEST)
    texts = [smt.model.characters.decode(one.characters) for one in found]
    return [Candidate(text, one.features, task.references.count(text)) for text, one in zip(texts, found, strict=True)]

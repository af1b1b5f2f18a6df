"""A poem system's figures held against least values and a stored result, by the code that serves every other result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from ham_mrc.errors import HamError
from ham_mrc.eval.limits import LeastCheck, check_minima
from ham_mrc.eval.poem_file import load_poem_result
from ham_mrc.eval.poem_result import PoemResult, as_result, same_poems
from ham_mrc.eval.quatrains import MEANS, METRICS, PROTOCOLS, Protocol, metrics_of_protocol
from ham_mrc.eval.regression import DropCheck, check_baseline
from ham_mrc.eval.resampling import RESAMPLES, SEED
from ham_mrc.eval.results import Result


def check_poems(
    result: PoemResult,
    minima: Mapping[str, float],
    baseline: PoemResult | None,
    max_drop: Mapping[str, float],
    *,
    significant: bool = False,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[LeastCheck | DropCheck]:
    """One check for each least value, and one for each mean of a length that both results have.

    A single cell is held against the baseline only where `max_drop` names it: alone it moves too much. Raises HamError
    where a limit is for no figure, or where poems or signatures differ.
    """
    ours = as_result(result)
    checks: list[LeastCheck | DropCheck] = [*check_minima(ours.scores, minima)]
    if baseline is None:
        return checks
    same_poems(baseline, result)
    refuse_other_protocols(baseline, result.columns, result.split)
    found = check_baseline(
        _gated(ours, max_drop).scores,
        _gated(as_result(baseline), max_drop),
        max_drop,
        significant=significant,
        resamples=resamples,
        seed=seed,
    )
    return [*checks, *found]


def refuse_unknown_figures(named: Mapping[str, float], option: str) -> None:
    """Raise HamError where a limit is for a figure that no evaluation has."""
    for name, number in named.items():
        if name not in METRICS:
            known = ", ".join([*metrics_of_protocol(PROTOCOLS[0]), "and these after single_, oracle_, single_oracle_"])
            raise HamError(f"{option} {name}={number:g}: no figure {name!r}", remedy=f"there are: {known}")


def refuse_unmeasured(
    named: Mapping[str, float], option: str, protocols: Collection[Protocol], *, keywords: bool, multi: bool
) -> None:
    """Raise HamError where a limit is for a figure that `protocols` do not give, saying what would.

    `keywords`: whether the system takes any; `multi`: whether the prepared poems have multiple references.
    """
    for name, number in named.items():
        wanted = next(one for one in PROTOCOLS if name in metrics_of_protocol(one))
        if wanted in protocols:
            continue
        said = f"{option} {name}={number:g}: {name} is not measured"
        if wanted.keywords == "oracle" and not keywords:
            raise HamError(f"{said}, for the system takes no keywords", remedy=f"leave {option} {name} out")
        if wanted.references == "multi" and not multi:
            remedy = f"name single_{name}, or prepare again with --taxonomy"
            raise HamError(f"{said}, for the poems were prepared without a taxonomy", remedy=remedy)
        lacking = {"--references both": wanted.references not in {one.references for one in protocols}}
        lacking["--keywords both"] = wanted.keywords not in {one.keywords for one in protocols}
        remedy = " ".join(option for option, lacks in lacking.items() if lacks)
        raise HamError(f"{said} with these --references and --keywords", remedy=f"add {remedy}")


def refuse_other_protocols(baseline: PoemResult, protocols: Collection[Protocol], split: str) -> None:
    """Raise HamError where the baseline has a signature that the `protocols` lack, or the other way round."""
    theirs = {baseline.signature(protocol) for protocol in baseline.columns}
    ours = {protocol.signature(split) for protocol in protocols}
    if theirs != ours:
        same = "the same --references and --keywords" if baseline.split == split else "poems that are split as those"
        raise HamError(
            f"was scored by {', '.join(sorted(theirs))}, this result by {', '.join(sorted(ours))}",
            file=baseline.where,
            remedy=f"evaluate with {same}, or write it anew with --update-baseline",
        )


def load_poem_baseline(path: Path) -> PoemResult:
    """A stored result to check against; where there is none yet, the error says how to write it."""
    if not path.exists():
        raise HamError(
            "there is no baseline yet", file=path, remedy="add --update-baseline to write it, review and commit it"
        )
    return load_poem_result(path)


def _gated(result: Result, named: Mapping[str, float]) -> Result:
    kept = {name: value for name, value in result.scores.metrics.items() if name in MEANS or name in named}
    return replace(result, scores=replace(result.scores, metrics=kept))

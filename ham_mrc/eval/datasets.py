"""The datasets whose official figures are known, and the page that holds each one's definition."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ham_mrc.eval.metric import Metric

if TYPE_CHECKING:
    from ham_mrc.eval.references import References

TITLES = {"squad": "SQuAD 1.1 or 2.0", "cmrc": "CMRC 2018", "msmarco": "MS MARCO", "dureader": "DuReader 2.0"}
"""What `--dataset` takes, and what each is called."""

MAIN = {
    "squad": ("exact_match", "f1"),
    "cmrc": ("exact_match", "f1"),
    "msmarco": ("bleu_1", "rouge_l"),
    "dureader": ("bleu_4", "rouge_l"),
}
"""The two figures that each dataset's results are usually given by; the second, which is steadier, chooses epochs."""

_PAGES = {("squad", "1"): "squad", ("squad", "2"): "squad2"}
"""By dataset and first number of its version, where a dataset has several definitions."""


def page(dataset: str, version: str) -> Any:
    """The module that judges predictions for a dataset: `judge_all`, `METRICS`. KeyError for an unknown one.

    Imported when first asked for, for each leans on other packages.
    """
    name = _PAGES.get((dataset, version[:1])) or {name: name for name in TITLES}[dataset]
    return import_module(f"ham_mrc.eval.{name}")


def title(dataset: str, version: str) -> str:
    """What a dataset is called, with the version where several have a definition of their own."""
    return f"SQuAD {version}" if dataset == "squad" else TITLES[dataset]


def page_of(references: References) -> Any:
    """The module that judges predictions for these references."""
    return page(references.dataset, references.version)


def metrics_of(dataset: str, version: str, scored: Iterable[str] = ()) -> dict[str, Metric]:
    """Every metric of a dataset by name, in the order of display; variants only if they are among `scored`.

    Empty for an unknown dataset.
    """
    if dataset == "poems":
        from ham_mrc.eval.quatrains import METRICS as OF_POEMS

        return dict(OF_POEMS)
    if dataset not in TITLES:
        return {}
    found = {metric.name: metric for metric in page(dataset, version).METRICS}
    others = [name for name in scored if name not in found]
    if others:
        from ham_mrc.eval.variants import METRICS

        found |= {name: METRICS[name] for name in others if name in METRICS}
    return found

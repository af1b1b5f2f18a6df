"""The statistical translation baseline: a poem's next line as the "translation" of the line above (He et al. 2012).

    run/smt.json            settings, weights by length, how they were tuned, the taxonomy's themes
    run/smt.safetensors     everything that was counted

With a network's log P as one more feature it is the decoder of RNNPG's row in the paper's table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_folder import PreparedPoem
from ham_mrc.data_prep.poem_vocab import SPECIALS
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.errors import HamError
from ham_mrc.quatrains.judge import Judge
from ham_mrc.quatrains.request import LineRequest, Sampling, Written
from ham_mrc.quatrains.smt_decoder import Costs, Line, Scorer, decode
from ham_mrc.quatrains.smt_first_line import WEIGHTS, first_line_options
from ham_mrc.quatrains.smt_model import STEPS, TRIGRAM, Model, TrigramScorer

Array = npt.NDArray[Any]

DRAWN_FROM = 100
"""Best lines that a sample is drawn from."""
ANYWHERE = 1000
"""The commonest characters are tried in every place where nothing in the tables fits what is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SMTSettings:
    """What [system] may say of it.

    align           "place": spans stand under one another; "ibm": spans that IBM model 1 links, wherever they stand.
                    Lexical scores hold character n against character n in both
    features        "all", or "table": inverse phrase, inverse lexical and trigram, which RNNPG's decoder has beside it
    width           half-written lines kept, more where more are asked for
    references      what tuning holds lines against; "multi" needs a folder with a taxonomy
    tuning_lines    for each length, a third of them a step
    tuning_rounds   times at most that they are decoded; 0 leaves the weights as they start
    """

    align: Literal["place", "ibm"] = "place"
    features: Literal["all", "table"] = "all"
    width: int = 100
    references: Literal["multi", "single"] = "multi"
    tuning_lines: int = 300
    tuning_rounds: int = 8

    def __post_init__(self) -> None:
        least = {"width": 1, "tuning_lines": len(STEPS), "tuning_rounds": 0}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise HamError(f"{name} = {getattr(self, name)}: must be {number} or more")


@dataclass(frozen=True)
class SMT:
    """The system. `weights` (F,) by length; `tuning` says by length how they were found; `network` reads as well.

    `network` gives a new scorer for each request: what reads the line to be written, see `smt_network.py`.
    """

    model: Model
    weights: Mapping[int, Array]
    settings: SMTSettings = field(default_factory=SMTSettings)
    taxonomy: Taxonomy | None = None
    tuning: Mapping[str, Any] = field(default_factory=dict)
    network: Callable[[LineRequest], Scorer] | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return "smt"

    @property
    def uses_keywords(self) -> bool:
        """Only a first line has a use for its keyword."""
        return False

    def write(
        self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1, sample: Sampling | None = None
    ) -> list[list[Written]]:
        """The `n` best lines of each request, best first, or drawn from the best; [] where none fits.

        `score` is the weighted sum of the features less the costs of what constraints only prefer. Never fewer than
        `settings.width` half-written lines are kept, the width that the weights were tuned with.
        """
        width = max(beam, self.settings.width)
        return [self._written(request, width, n, sample) for request in requests]

    def perplexity(self, poems: Sequence[PreparedPoem], *, keywords: str) -> float | None:
        """None: features with weights give no probabilities."""
        return None

    def lines(self, request: LineRequest, weights: Array, *, width: int, n: int) -> list[Line]:
        """The `n` best lines under some `weights` (F,), with their features; a first line has weights of its own."""
        found = self._lines(request, weights, None, width, n)
        return found or self._lines(request, weights, self._anywhere(request.constraints.first), width, n)

    def _lines(self, request: LineRequest, weights: Array, more: Array | None, width: int, n: int) -> list[Line]:
        scorers: list[Scorer] = [TrigramScorer(self.model.trigram, self.model.characters.start(request.length))]
        if request.before:
            options = self.model.options(request.before, more=more, weights=weights)
            scorers += [] if self.network is None else [self.network(request)]
        else:
            options = first_line_options(self.model, self.taxonomy, request.keyword, request.length, more=more)
            weights = WEIGHTS
        costs = None if request.constraints.free else self._costs(request, weights)
        return decode(options, scorers, weights, width=width, n=n, costs=costs)

    def _written(self, request: LineRequest, width: int, n: int, sample: Sampling | None) -> list[Written]:
        weights = self._weights(request.length)
        found = self.lines(request, weights, width=width, n=n if sample is None else max(n, DRAWN_FROM))
        if sample is not None:
            found = _drawn(found, n, sample, _nat(weights if request.before else WEIGHTS))
        return [Written(self.model.characters.decode(one.characters), one.score) for one in found]

    def _weights(self, length: int) -> Array:
        if length not in self.weights:
            what = f"the training poems had no line of {length} characters"
            raise HamError(what, remedy=f"ask for {' or '.join(map(str, self.weights))}")
        return self.weights[length]

    def _anywhere(self, first: str) -> Array:
        common = np.argsort(-self.model.trigram.unigrams, kind="stable")
        common = common[common >= len(SPECIALS)][:ANYWHERE]
        return np.union1d(common, [n for n in self.model.characters.encode(first) if n >= len(SPECIALS)]).astype(int)

    def _costs(self, request: LineRequest, weights: Array) -> Costs:
        judge, decoded, nat = Judge(request, self.model.characters.symbols), self.model.characters.decode, _nat(weights)
        return lambda lines: nat * np.stack([judge.costs(decoded(line)) for line in lines])


def _nat(weights: Array) -> float:
    """What one nat of the trigram weighs, for costs and temperatures, which are in nats."""
    return max(abs(float(weights[TRIGRAM])), 0.01)


def _drawn(found: Sequence[Line], n: int, sample: Sampling, nat: float) -> list[Line]:
    """`n` different lines, each drawn by e to the power of its score over nat and temperature (Gumbel's trick)."""
    noise = np.random.default_rng(sample.seed).gumbel(size=len(found))
    keys = np.array([one.score for one in found]) / (nat * sample.temperature) + noise
    return [found[row] for row in np.argsort(-keys, kind="stable")[:n]]

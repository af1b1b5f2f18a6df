"""RNNPG as a system: its network inside the translation decoder, as in the paper's table, or writing alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ham_mrc.data_prep.poem_folder import PoemFolder, PreparedPoem
from ham_mrc.progress import Progress, silent
from ham_mrc.quatrains.batch import PoemLines
from ham_mrc.quatrains.beam import search
from ham_mrc.quatrains.patterns import LENGTHS
from ham_mrc.quatrains.request import LineRequest, Sampling, Written
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.smt import SMT, SMTSettings
from ham_mrc.quatrains.smt_build import build_smt
from ham_mrc.quatrains.smt_network import NetworkScorer
from ham_mrc.quatrains.smt_run import WORDS, open_smt

DECODER_WIDTH = 30
"""Half-written lines that the decoder keeps beside a network: each is one more row at every step of it."""

AT_ONCE = 256
"""Poems in a batch of which perplexity is measured."""


@dataclass(frozen=True)
class RNNPGSystem:
    """`network` with the decoder that was tuned around it. The decoder alone writes first lines, from a taxonomy."""

    network: RNNPG
    decoder: SMT

    @property
    def name(self) -> str:
        """What tables call it."""
        return "rnnpg"

    @property
    def uses_keywords(self) -> bool:
        """Only a first line has a use for its keyword."""
        return False

    def write(
        self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1, sample: Sampling | None = None
    ) -> list[list[Written]]:
        """The `n` best lines of each request, all of one length and place; best first, or drawn; [] where none fits.

        `score` is log P where the network writes alone, else the decoder's weighted sum.
        """
        if requests and requests[0].before and self.network.features == "rnn":
            return search(self.network, requests, width=beam, n=n, sample=sample)
        return self.decoder.write(requests, beam=beam, n=n, sample=sample)

    @torch.inference_mode()
    def perplexity(self, poems: Sequence[PreparedPoem], *, keywords: str) -> float | None:
        """Of lines 2 to 4 of `poems` by the network, ends included; it takes no keywords."""
        loss, symbols = 0.0, 0
        for length in LENGTHS:
            quatrains = [one.poem.lines for one in poems if one.poem.length == length]
            rows = [[self.network.characters.encode(line) for line in lines] for lines in quatrains]
            for start in range(0, len(rows), AT_ONCE):
                lines = torch.tensor(rows[start : start + AT_ONCE], device=self.network.output.weight.device)
                found, count = self.network.loss(PoemLines(lines, length))
                loss, symbols = loss + float(found), symbols + count
        return math.exp(loss / symbols) if symbols else None


def add_decoder(network: RNNPG, folder: PoemFolder, run: Path, *, seed: int, progress: Progress = silent) -> None:
    """Build the decoder around the trained network and keep it in its run folder, unless it is there.

    Where the network writes alone, the decoder is for first lines and needs no tuning.
    """
    if (run / WORDS).exists():
        return
    network.eval()
    settings = SMTSettings(features="table", width=DECODER_WIDTH)
    if network.features == "rnn":
        settings = replace(settings, tuning_rounds=0)
    build_smt(folder, run, settings, progress, seed=seed, network=lambda request: NetworkScorer(network, request))


def open_rnnpg(network: RNNPG, run: Path) -> RNNPGSystem:
    """The system of a run whose weights `network` has. Raises HamError where its decoder is missing or damaged."""
    network.eval()
    decoder = open_smt(run, network.characters, network=lambda request: NetworkScorer(network, request))
    return RNNPGSystem(network, decoder)

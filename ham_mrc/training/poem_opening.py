"""Finished runs of poem systems, opened to write: what quatrains/__init__.py names for each system."""

from __future__ import annotations

from functools import cache
from typing import Any

from ham_mrc.quatrains.planner import Planner
from ham_mrc.quatrains.ppg_system import PPGSystem
from ham_mrc.quatrains.rnnpg_system import RNNPGSystem
from ham_mrc.quatrains.rnnpg_system import open_rnnpg as open_with_decoder
from ham_mrc.quatrains.smt import SMT
from ham_mrc.quatrains.smt_run import open_smt as open_tables
from ham_mrc.training.checkpoint import load_weights
from ham_mrc.training.device import choose_device
from ham_mrc.training.poem_networks import build_network
from ham_mrc.training.poem_run import PoemRun
from ham_mrc.training.run_folder import WEIGHTS


def open_ppg(run: PoemRun) -> PPGSystem:
    """PPG with the weights of its best epoch, and the run's planner, which remembers what it has planned."""
    return PPGSystem(open_network(run), cache(Planner.load(run.path).next_keyword))


def open_rnnpg(run: PoemRun) -> RNNPGSystem:
    """RNNPG with the weights of its best epoch, and the decoder that was tuned around it."""
    return open_with_decoder(open_network(run), run.path)


def open_smt(run: PoemRun) -> SMT:
    """The tables and weights of the translation baseline."""
    return open_tables(run.path, run.characters())


def open_network(run: PoemRun) -> Any:
    """The run's network with its best weights, in evaluation mode, on an accelerator where there is one."""
    network = build_network(run.config, run.characters())
    load_weights(run.path / WEIGHTS, network)
    return network.to(choose_device("auto", "float32").torch).eval()

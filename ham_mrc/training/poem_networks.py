"""The networks that write poems: what each learns from, how it starts, and how it comes back from its run folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.progress import Progress, silent
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.rnnpg_system import add_decoder
from ham_mrc.training.poem_batches import LineRows, PoemRows, WholePoems
from ham_mrc.training.poem_config import PoemConfig


class Kind(NamedTuple):
    """A network's class, whose keyword arguments are its settings, and how a part's triples become its rows.

    `finish` is called with the trained network, the prepared poems and the run folder, `seed=` and `progress=`.
    """

    network: Callable[..., nn.Module]
    rows: Callable[..., PoemRows]
    unit: str
    finish: Callable[..., None] | None = None


NETWORKS: dict[str, Kind] = {
    "ppg": Kind(PPG, LineRows, "lines"),
    "rnnpg": Kind(RNNPG, WholePoems, "poems", add_decoder),
}
"""Every network by the name of its system."""


def build_network(config: PoemConfig, characters: Characters) -> nn.Module:
    """The network of `config` with weights drawn from the run's seed, or of the right shape to load others into."""
    torch.manual_seed(config.training.seed)
    return NETWORKS[config.system].network(characters, **config.settings)


def start_vectors(network: nn.Module, folder: PoemFolder, seed: int, progress: Progress = silent) -> None:
    """Give a new network the skip-gram vectors of the training lines, where its settings ask for them."""
    if getattr(network, "vectors", "random") != "skipgram":
        return
    from ham_mrc.quatrains.skipgram import train_skipgram

    table: Any = network.get_submodule("embedding").weight
    network.set_vectors(train_skipgram(folder, width=table.shape[1], seed=seed, progress=progress))  # type: ignore[operator]

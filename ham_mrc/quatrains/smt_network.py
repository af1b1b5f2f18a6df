"""A network as one more feature of the translation decoder: RNNPG's row of the paper's table (Zhang & Lapata 2014)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ham_mrc.quatrains.beam import Network
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.quatrains.smt_model import NETWORK

Array = npt.NDArray[Any]


class NetworkScorer:
    """`network` reading the line of `request` as the decoder writes it."""

    column = NETWORK

    def __init__(self, network: Network[Any], request: LineRequest) -> None:
        self.network = network
        self.start = network.characters.start(request.length)
        self.device = next(iter(network.parameters())).device
        self.state = network.begin([request])

    @torch.no_grad()
    def begin(self) -> Array:
        """(1, V), see `smt_decoder.Scorer`."""
        return self._advance(torch.tensor([self.start]))

    @torch.no_grad()
    def follow(self, parents: Array, symbols: Array) -> Array:
        """(N, V), see `smt_decoder.Scorer`."""
        self.state = self.state.pick(torch.from_numpy(parents).to(self.device))
        return self._advance(torch.from_numpy(np.ascontiguousarray(symbols)))

    def _advance(self, symbols: Tensor) -> Array:
        log_probs, self.state = self.network.advance(self.state, symbols.to(self.device))
        return np.asarray(log_probs.float().cpu().numpy())

"""Recurrent encoders over padded sequences whose padding never reaches a real token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Encoder(nn.Module):
    """An LSTM over each sequence within its own length: (B, T, input_size) -> (B, T, output_size), zeros on padding.

    One direction of width `hidden`, or two whose states are joined to `2 * hidden`.
    """

    def __init__(self, input_size: int, hidden: int, *, bidirectional: bool = False, layers: int = 1) -> None:
        super().__init__()
        self.output_size = hidden * (2 if bidirectional else 1)
        self.lstm = nn.LSTM(input_size, hidden, layers, batch_first=True, bidirectional=bidirectional)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """`lengths` (B,) counts real tokens. A sequence of length 0 is read as one padding token and zeroed."""
        packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=inputs.shape[1])
        return outputs * (lengths > 0)[:, None, None]


class SequenceDropout(nn.Module):
    """Variational dropout (Gal & Ghahramani 2016), (B, T, D) -> (B, T, D): one mask a sequence, the same at every step.

    The masks depend on neither T nor the padding. `rate` is the share set to 0, below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        """Untouched in evaluation and at rate 0, where no random number is drawn."""
        if not self.training or self.rate == 0:
            return inputs
        mask = torch.empty_like(inputs[:, :1]).bernoulli_(1 - self.rate) / (1 - self.rate)
        return inputs * mask

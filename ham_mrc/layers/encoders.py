"""Recurrent encoders over padded sequences whose padding never reaches a real token.

Letters for shapes: `B` sequences, `T` tokens, `E` width of an input, `H` hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ham_mrc.errors import ShapeError
from ham_mrc.layers import native_gru, native_lstm
from ham_mrc.layers.masks import lengths_to_mask, reverse_within_length
from ham_mrc.layers.parts import Parts

Cell = Literal["lstm", "gru"]


class Encoder(nn.Module):
    """An LSTM or GRU over each sequence within its own length: (B, T, E) -> (B, T, output_size), zeros on padding.

    A layer is one direction of width `hidden`, or two whose states are joined to `2 * hidden`. With `concat_layers`
    the outputs of all layers are joined, else the last one's are returned. `dropout` is variational and falls on the
    input of every layer, the first one's included: a fresh mask for each layer and, as in HKUST-KnowComp/R-Net, for
    each direction.
    """

    def __init__(
        self,
        input_size: int,
        hidden: int,
        *,
        cell: Cell = "lstm",
        bidirectional: bool = False,
        layers: int = 1,
        dropout: float = 0.0,
        concat_layers: bool = False,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ShapeError(f"an encoder has 1 layer or more, not {layers}")
        self.cell, self.concat_layers = cell, concat_layers
        self.fast = True  # False: packed sequences on every device
        self.dropout = SequenceDropout(dropout)
        width = hidden * (2 if bidirectional else 1)
        self.output_size = width * (layers if concat_layers else 1)
        first, *upper = (
            recurrent(cell, size, hidden, bidirectional=bidirectional) for size in [input_size] + [width] * (layers - 1)
        )
        self.add_module(cell, first)
        self.upper = nn.ModuleList(upper)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """`lengths` (B,) counts real tokens. A sequence of length 0 gives zeros."""
        real = lengths_to_mask(lengths, inputs.shape[1])[..., None]  # (B, T, 1)
        filled = inputs.masked_fill(~real, 0)  # a padding of nan times 0 would stay nan
        return self._layers([], filled, lengths)

    def of_parts(self, inputs: Parts, lengths: Tensor) -> Tensor:
        """`forward` of an input in parts, of which padding may hold anything finite; with the same random numbers."""
        layer = self.get_submodule(self.cell)
        if not (self.fast and isinstance(layer, nn.LSTM) and native_lstm.usable(inputs.first)):
            return self.forward(inputs.whole(), lengths)
        weights, biases = native_lstm.of_inputs(layer, 1 + layer.bidirectional)
        masks = [self.dropout.mask(inputs.first, weight.shape[1]) for weight in weights]
        read = native_lstm.scan(layer, [inputs.product(weights, biases, masks)], lengths)
        return self._layers([read], read, lengths)

    def _layers(self, outputs: list[Tensor], last: Tensor, lengths: Tensor) -> Tensor:
        """All layers after the first `len(outputs)`, beginning with what the `last` one says."""
        read = self._form(last)
        for layer in [self.get_submodule(self.cell), *self.upper][len(outputs) :]:
            ways = [self.dropout(last) for _ in range(1 + layer.bidirectional)]
            last = read(layer, ways, lengths)
            outputs.append(last)
        return torch.cat(outputs, -1) if self.concat_layers else last

    def _form(self, inputs: Tensor) -> Callable[[Any, list[Tensor], Tensor], Tensor]:
        """How a layer is read on the device of `inputs`.

        (B, T, E) for each direction -> (B, T, output), zeros on padding.
        """
        if not self.fast or inputs.device.type != "cpu":
            return _read_packed
        native = native_gru if self.cell == "gru" else native_lstm
        if not native.usable(inputs):
            return _read_apart
        return native_gru.native_gru if self.cell == "gru" else native_lstm.native_lstm


def recurrent(cell: Cell, input_size: int, hidden: int, *, bidirectional: bool) -> nn.RNNBase:
    """One layer of torch's own cell, batch first. Raises ShapeError for another name than "lstm" and "gru"."""
    cells: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
    if cell not in cells:
        raise ShapeError(f'no recurrent cell "{cell}"', remedy=f"cells: {', '.join(cells)}")
    return cells[cell](input_size, hidden, batch_first=True, bidirectional=bidirectional)


def _read_packed(layer: nn.RNNBase, ways: list[Tensor], lengths: Tensor) -> Tensor:
    """By torch's packed sequences. An accelerator waits for its T steps, whatever the rows in each of them:

    two inputs that differ are read as one batch of twice the rows, of which each direction keeps its half.
    """
    apart = len(ways) == 2 and ways[0] is not ways[1]
    inputs = torch.cat(ways) if apart else ways[0]
    counts = (lengths.repeat(2) if apart else lengths).clamp(min=1).cpu()
    packed = pack_padded_sequence(inputs, counts, batch_first=True, enforce_sorted=False)
    outputs = pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=inputs.shape[1])[0]
    if apart:
        forward, backward = outputs.chunk(2)
        outputs = torch.cat([forward[..., : layer.hidden_size], backward[..., layer.hidden_size :]], -1)
    return outputs * lengths_to_mask(lengths, outputs.shape[1])[..., None]  # an empty sequence was read as one of 1


def _read_apart(layer: nn.RNNBase, ways: list[Tensor], lengths: Tensor) -> Tensor:
    """The same, each direction by itself over the whole width, the second with every sequence reversed in its length.

    Padding then comes after all that is real and needs no packing. On a CPU, forward and backward, this takes a third
    of the packed LSTM's time and two thirds of the packed GRU's.
    """
    outputs = [_one_way(layer, ways[0], "")]
    if len(ways) == 2:
        backward = _one_way(layer, reverse_within_length(ways[1], lengths), "_reverse")
        outputs.append(reverse_within_length(backward, lengths))
    return torch.cat(outputs, -1) * lengths_to_mask(lengths, ways[0].shape[1])[..., None]


def _one_way(layer: nn.RNNBase, inputs: Tensor, suffix: str) -> Tensor:
    """(B, T, E) -> (B, T, H), from the first token to the last, by the weights of one direction."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights: list[Tensor] = [layer.get_parameter(name + suffix) for name in names]
    zero = inputs.new_zeros(1, len(inputs), layer.hidden_size)
    if isinstance(layer, nn.LSTM):
        return torch.lstm(inputs, (zero, zero), weights, True, 1, 0.0, layer.training, False, True)[0]
    return torch.gru(inputs, zero, weights, True, 1, 0.0, layer.training, False, True)[0]


class SequenceDropout(nn.Module):
    """Variational dropout (Gal & Ghahramani 2016), (B, T, D) -> (B, T, D): one mask a sequence, the same at every step.

    The masks depend on neither T nor the padding. `rate` is the share set to 0, below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        """Untouched in evaluation and at rate 0, where no random number is drawn."""
        mask = self.mask(inputs, inputs.shape[-1])
        return inputs if mask is None else inputs * mask

    def mask(self, like: Tensor, width: int) -> Tensor | None:
        """(B, 1, width): what multiplies every step of sequences `like` (B, T, ..); None where nothing does."""
        if not self.training or self.rate == 0:
            return None
        return like.new_empty(len(like), 1, width).bernoulli_(1 - self.rate) / (1 - self.rate)

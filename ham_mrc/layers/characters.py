"""A vector for each token from its characters: what is known of a word that no list of word vectors holds.

Letters for shapes: `W` characters a token, `N` distinct tokens, `F` filters, `H` hidden. Character ids are 0 for
padding, which stands after a token's last character alone, 1 for a character outside of the alphabet, and so on. A
token without a character gives zeros. Every token that comes twice is read once: of a batch of 32 SQuAD passages, 1,800
of 4,700 tokens are left.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ham_mrc.errors import ShapeError
from ham_mrc.layers import native_gru, native_lstm
from ham_mrc.layers.encoders import Cell, recurrent
from ham_mrc.layers.product import Linear, linear


class CharCNN(nn.Module):
    """Kim 2014, as Seo et al. 2017 have it: (..., W) character ids -> (..., filters).

    relu(max over places of filter . [c_i ; ... ; c_{i + kernel - 1}] + b), at the places where the whole kernel lies
    within the token; a token shorter than the kernel has one place, with zeros after its last character. So no width of
    padding changes a result. Only real places are computed (a kernel of 5 has two in an English word, of 12 in 16
    characters), and the bias and relu, which keep order, wait for the largest.
    """

    def __init__(self, alphabet: int, width: int = 8, filters: int = 100, kernel: int = 5) -> None:
        super().__init__()
        _check_alphabet(alphabet)
        self.output_size, self.kernel = filters, kernel
        self.vectors = nn.Embedding(alphabet, width, padding_idx=0)
        self.filters = Linear(kernel * width, filters)

    def forward(self, ids: Tensor) -> Tensor:
        """(..., W) -> (..., F)."""
        return read_once(self._read, ids, self.vectors.weight.new_zeros(1, self.output_size))

    def _read(self, tokens: Tensor) -> Tensor:
        """(N, W) -> (N, F)."""
        lengths = (tokens > 0).sum(1)
        places = (lengths - self.kernel + 1).clamp(min=1)  # (N,)
        windows = nn.functional.pad(tokens, (0, self.kernel - 1)).unfold(1, self.kernel, 1)  # (N, W, kernel)
        token = torch.repeat_interleave(places)  # the token of each real place
        place = torch.arange(len(token), device=token.device) - (places.cumsum(0) - places)[token]
        values = linear(self.vectors(windows[token, place]).flatten(1), self.filters.weight)  # (places, F)
        best = torch.segment_reduce(values, "max", lengths=places, axis=0, unsafe=True)  # unsafe: lengths are right
        return (best + self.filters.bias).relu()


class CharRNN(nn.Module):
    """R-NET's character vectors (Wang et al. 2017, section 3.1): (..., W) character ids -> (..., 2 * hidden).

    The last state of a recurrent cell that reads the token, and that of another which reads it backwards.
    """

    def __init__(self, alphabet: int, width: int = 8, hidden: int = 75, cell: Cell = "gru") -> None:
        super().__init__()
        _check_alphabet(alphabet)
        self.output_size = 2 * hidden
        self.fast = True  # False: packed sequences on every device
        self.vectors = nn.Embedding(alphabet, width, padding_idx=0)
        self.rnn = recurrent(cell, width, hidden, bidirectional=True)

    def forward(self, ids: Tensor) -> Tensor:
        """(..., W) -> (..., 2H)."""
        fast = self.fast and ids.device.type == "cpu"
        return read_once(
            self._by_length if fast else self._packed, ids, self.vectors.weight.new_zeros(1, self.output_size)
        )

    def _packed(self, tokens: Tensor) -> Tensor:
        """(N, W) -> (N, 2H)."""
        lengths = (tokens > 0).sum(1).cpu()
        packed = pack_padded_sequence(self.vectors(tokens), lengths, batch_first=True, enforce_sorted=False)
        return self._last(self.rnn(packed)[1])

    def _by_length(self, tokens: Tensor) -> Tensor:
        """The same, all tokens of one length together and unpacked: a third of the time for an LSTM on a CPU."""
        lengths = (tokens > 0).sum(1)
        order = lengths.argsort()
        groups = torch.split(order, torch.bincount(lengths).tolist())  # the tokens of length 0, of length 1, ...
        states = [self._read(self.vectors(tokens[rows, :length])) for length, rows in enumerate(groups) if len(rows)]
        return torch.cat(states)[order.argsort()]

    def _read(self, characters: Tensor) -> Tensor:
        """(n, T, width), no padding in it -> (n, 2H)."""
        if not (native_gru.usable(characters) and native_lstm.usable(characters)):
            return self._last(self.rnn(characters)[1])
        lengths = torch.full((len(characters),), characters.shape[1])
        both = [characters, characters]
        if isinstance(self.rnn, nn.LSTM):
            states = native_lstm.native_lstm(self.rnn, both, lengths)
        else:
            assert isinstance(self.rnn, nn.GRU)
            states = native_gru.native_gru(self.rnn, both, lengths)
        forward, backward = states.chunk(2, -1)  # (n, T, H)
        return torch.cat([forward[:, -1], backward[:, 0]], -1)

    @staticmethod
    def _last(state: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """What a bidirectional RNN ends with, (2, N, H) with or without an LSTM's cells -> (N, 2H)."""
        hidden = state if isinstance(state, Tensor) else state[0]
        return hidden.transpose(0, 1).flatten(1)


def read_once(read: Callable[[Tensor], Tensor], ids: Tensor, zero: Tensor) -> Tensor:
    """(..., W) -> (..., F): what `read`, (N, W) -> (N, F), makes of the distinct tokens, at every place of each.

    `zero` (1, F) stands for tokens without a character, which `read` is not given; nor is it called for none.
    """
    flat = ids.flatten(0, -2)  # (n, W)
    filled = (flat[:, :1] > 0).any(1)
    tokens, inverse = distinct_rows(flat[filled])
    row = filled.long()
    row[filled] += inverse
    table = torch.cat([zero, read(tokens)]) if len(tokens) else zero
    return nn.functional.embedding(row, table, padding_idx=0).reshape(*ids.shape[:-1], zero.shape[1])


def distinct_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct rows of (n, W) ids, (N, W) in no order that means anything, and which of them each row is, (n,).

    By a number made of each row, 15 times quicker than torch.unique over rows; where two rows share theirs, by that.
    """
    sums = (rows * _multipliers(rows.shape[1]).to(rows.device)).sum(1)
    numbers, inverse = torch.unique(sums, return_inverse=True)
    first = inverse.new_zeros(len(numbers)).scatter_(0, inverse, torch.arange(len(rows), device=rows.device))
    distinct = rows[first]
    if torch.equal(distinct[inverse], rows):
        return distinct, inverse
    distinct, inverse = torch.unique(rows, dim=0, return_inverse=True)
    return distinct, inverse


def _multipliers(count: int) -> Tensor:
    """(count,) powers of 2**64 / golden ratio, modulo 2**64: sums of small multiples of them hardly ever meet."""
    powers = [pow(0x9E3779B97F4A7C15, i + 1, 1 << 64) for i in range(count)]
    return torch.tensor([power - (1 << 64) if power >> 63 else power for power in powers], dtype=torch.int64)


def _check_alphabet(alphabet: int) -> None:
    if alphabet < 2:
        raise ShapeError(
            f"characters of tokens are read by 2 ids or more, not {alphabet}", remedy='set characters = "none"'
        )

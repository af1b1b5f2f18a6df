"""PPG, planning-based poetry generation, with hierarchical attention (Ham) in its decoder: one line after the other.

Wang et al., "Chinese Poetry Generation with Planning based Neural Network" (COLING 2016), section 3; Dou & Zhang for
Ham. Letters for shapes: `B` lines, `K` characters of the keyword, `T` of the lines before with <sep> between them, `L`
of the line, `E` width of a character, `H` hidden, `D` width of the memory, `S` = 1 + T slots, `V` symbols.

    r = BiGRU(keyword),  r_c = [r>_K ; r<_1]       h = BiGRU(lines before)      two encoders, one table of characters
    memory: [r_c, h_1 .. h_T]                                                   (B, S, D); slot 0 is the keyword
    s_0 = tanh(W_0 r_c + b_0)
    c_t = Ham(query = W_q s_{t-1}, keys = values = memory)                      W_q has no bias; levels share w
    s_t = GRU([E y_{t-1} ; c_t], s_{t-1})                                       y_0 = <s5> or <s7>
    P(y_t) = softmax(W_v tanh(W_r [E y_{t-1} ; s_t ; c_t]))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from ham_mrc.data_prep.poem_vocab import END, Characters
from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers.affine import ScaledDot
from ham_mrc.layers.encoders import Encoder
from ham_mrc.layers.gated_match import gru_cell
from ham_mrc.layers.gram import GramWeights, gram_scan
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.masks import at_least_float32, lengths_to_mask
from ham_mrc.layers.product import Linear, linear
from ham_mrc.layers.softmax_loss import softmax_loss
from ham_mrc.quatrains.ppg_state import Source, State, join_lines

if TYPE_CHECKING:
    from ham_mrc.quatrains.batch import PoemBatch
    from ham_mrc.quatrains.request import LineRequest

MemoryKind = Literal["project", "sum", "halves"]


class PPG(nn.Module):
    """PoemBatch -> log-probabilities of each line and its end, (B, L + 1, V). Keyword arguments are settings.

    - `embedding` is E and `hidden` H.
    - `attention`: "additive" v . tanh(W s + U k), PPG as published; "dot", scaled dot products, what Ham is at depth
      1; "ham", the mixture of `depth` levels; "multilevel", the last level alone. `depth` is 1 for the first two.
    - `memory`: from level 2 on a query is a mixture of slots, so all queries must live in the slots' space. "project":
      W_q maps the decoder's state to D = 2H; "sum": D = H, both directions added; "halves": D = H, each direction H/2.
      The last two have no W_q, and neither has additive attention, which compares in a space of its own.
    - `tie_output`: W_v is the table of characters.
    - `vectors`: the table starts at random, or from skip-gram vectors of the training lines (quatrains/skipgram.py).
    - `init`: all other weights start from U(-init, init); 0: as torch starts each of them.
    - `dropout` on characters' vectors and on what is read out.
    """

    def __init__(
        self,
        characters: Characters,
        *,
        embedding: int = 128,
        hidden: int = 128,
        attention: Literal["additive", "dot", "multilevel", "ham"] = "ham",
        depth: int = 5,
        memory: MemoryKind = "project",
        tie_output: bool = True,
        vectors: Literal["random", "skipgram"] = "random",
        init: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(attention, depth, memory, hidden)
        self.characters, self.vectors, self.hidden, self.memory = characters, vectors, hidden, memory
        self.size = size = 2 * hidden if memory == "project" else hidden  # D
        self.embedding = nn.Embedding(len(characters), embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        each_way = hidden // 2 if memory == "halves" else hidden
        self.keyword_encoder = Encoder(embedding, each_way, cell="gru", bidirectional=True)
        self.text_encoder = Encoder(embedding, each_way, cell="gru", bidirectional=True)
        self.start = Linear(size, hidden)  # W_0, b_0
        additive = attention == "additive"
        self.query_map = Linear(hidden, size, bias=False) if memory == "project" and not additive else None  # W_q
        if additive:
            self.ham = Ham(hidden, size, score="additive", hidden=hidden)
        else:
            self.ham = Ham(size, depth=depth, attention="multilevel" if attention == "multilevel" else "ham")
        self.given_gates = Linear(embedding, 3 * hidden)  # the GRU, by what is read: E y_{t-1}, c_t, s_{t-1}
        self.context_gates = Linear(size, 3 * hidden, bias=False)
        self.state_gates = Linear(hidden, 3 * hidden)
        self.readout = Linear(embedding + hidden + size, embedding, bias=False)  # W_r
        self.output = None if tie_output else Linear(embedding, len(characters), bias=False)  # W_v
        self.dropout = nn.Dropout(dropout)
        self.fast = True  # False: the reference recurrence on every device
        if init:
            _start_uniform(self, init)

    def ham_sites(self) -> dict[str, Ham]:
        """The one place where attention is replaced, by the name that logs use."""
        return {"line": self.ham}

    def set_vectors(self, vectors: Tensor) -> None:
        """Let the table of characters start from `vectors` (V, E)."""
        if vectors.shape != self.embedding.weight.shape:
            wanted = tuple(self.embedding.weight.shape)
            raise ShapeError(f"vectors of shape {tuple(vectors.shape)} for a table of {wanted}")
        with torch.no_grad():
            self.embedding.weight.copy_(vectors)

    def forward(self, batch: PoemBatch) -> Tensor:
        """(B, L + 1, V) log-probabilities, by the line itself up to each character."""
        read, _ = self._read(batch)
        return self.log_p(read).transpose(0, 1)

    def log_p(self, read: Tensor) -> Tensor:
        """(.., V) log-probabilities, float32 at least, from what the output layer reads (.., E)."""
        return at_least_float32(linear(read, self._output_weight())).log_softmax(-1)

    def loss(self, batch: PoemBatch) -> tuple[Tensor, int]:
        """The summed cross-entropy of all characters and ends of lines, natural logarithm; and how many they are."""
        read, targets = self._read(batch)
        return softmax_loss(read.flatten(0, 1), self._output_weight(), targets.flatten()), targets.numel()

    def _read(self, batch: PoemBatch) -> tuple[Tensor, Tensor]:
        """What the output layer reads (M, B, E), and the symbols it should give (M, B), for all M = L + 1 steps."""
        line = batch.line.long().t()  # (L, B)
        start, end = (line.new_full((1, line.shape[1]), one) for one in (self.characters.start(batch.length), END))
        source, state = self.encode(batch.keyword, batch.keyword_lengths, batch.text, batch.text_lengths)
        return self.decode(source, state, torch.cat([start, line])), torch.cat([line, end])

    def encode(
        self, keyword: Tensor, keyword_lengths: Tensor, text: Tensor, text_lengths: Tensor
    ) -> tuple[Source, Tensor]:
        """The memory of `keyword` (B, K) and `text` (B, T), and s_0 (B, H). `text_lengths` (B,) may be 0."""
        said = self.keyword_encoder(self._embed(keyword), keyword_lengths)  # (B, K, 2 directions)
        forward, backward = said.chunk(2, -1)
        last = (keyword_lengths.long() - 1)[:, None, None].expand(-1, 1, forward.shape[2])
        memory = torch.cat([forward.gather(1, last), backward[:, :1]], -1)  # r_c (B, 1, 2 directions)
        if text.shape[1]:
            memory = torch.cat([memory, self.text_encoder(self._embed(text), text_lengths)], 1)
        if self.memory == "sum":
            memory = torch.stack(memory.chunk(2, -1)).sum(0)  # (B, S, D)
        first = torch.tanh(self.start(memory[:, 0].contiguous()))  # a product that reads rows by strides can be slow
        full = bool((text_lengths == text.shape[1]).all())
        mask = None if full else lengths_to_mask(text_lengths + 1, memory.shape[1])
        return Source(self.ham.prepare(memory), mask), first

    def decode(self, source: Source, state: Tensor, given: Tensor) -> Tensor:
        """What the output layer reads at each step (M, B, E), from s_0 (B, H) and the symbols `given` (M, B).

        By the recurrence of layers/gram.py where it has all that is asked for; the loop here is the reference.
        """
        embedded = self._embed(given)  # (M, B, E)
        gates = self.given_gates(embedded)  # (M, B, 3H)
        if self._scans(source):
            states, contexts = gram_scan(gates, state, source.prepared.keys, source.prepared.again, self._maps())
            return self._read_out(embedded, states, contexts)
        found, s = [], state[:, None]
        for x in gates:
            s, context = self._step(source, s, x[:, None])
            found.append((s[:, 0], context[:, 0]))
        return self._read_out(embedded, *map(torch.stack, zip(*found, strict=True)))

    def _scans(self, source: Source) -> bool:
        """Whether layers/gram.py can: scaled dot products with their Gram matrix, no padding, nobody who watches."""
        gram = self.ham.depth == 1 or source.prepared.again is not None
        plain = isinstance(self.ham.score, ScaledDot) and source.mask is None and not self.ham.tracing
        return self.fast and gram and plain

    def _maps(self) -> GramWeights:
        """The weights of the recurrence as layers/gram.py has them."""
        asked = torch.eye(self.size) if self.query_map is None else self.query_map.weight  # (D, H)
        own = self.state_gates.weight
        state = torch.cat([own, asked.to(own) / math.sqrt(self.size)])  # (3H + D, H)
        bias = nn.functional.pad(self.state_gates.bias, (0, self.size))
        return GramWeights(state, bias, self.context_gates.weight, self.ham.level_weights().to(own))

    def _step(self, source: Source, state: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        """s_t (B, M, H) and c_t (B, M, D) from s_{t-1} (B, M, H) and E y_{t-1}'s part of the gates (B, M, 3H).

        Here `M` are lines that are written from one source, side by side.
        """
        query = state if self.query_map is None else self.query_map(state)
        context, _ = self.ham.attend(self.ham.project(query), source.prepared, source.mask)
        return gru_cell(gates + self.context_gates(context), self.state_gates(state), state), context

    def _read_out(self, embedded: Tensor, states: Tensor, contexts: Tensor) -> Tensor:
        read: Tensor = self.dropout(torch.tanh(self.readout(torch.cat([embedded, states, contexts], -1))))
        return read

    def _embed(self, symbols: Tensor) -> Tensor:
        vectors: Tensor = self.dropout(self.embedding(symbols.long()))
        return vectors

    def _output_weight(self) -> Tensor:
        return self.embedding.weight if self.output is None else self.output.weight

    @torch.no_grad()
    def begin(self, requests: Sequence[LineRequest]) -> State:
        """The state before the first symbol of each request: all of one length, and with as many lines before.

        Raises HamError for a request without a keyword.
        """
        device = self.embedding.weight.device
        keywords = [self.characters.encode(request.keyword) for request in requests]
        if not all(keywords):
            raise HamError("a line is written by PPG to a keyword, and one has none", remedy="plan the keywords first")
        lengths = torch.tensor([len(keyword) for keyword in keywords], device=device)
        keyword = nn.utils.rnn.pad_sequence([torch.tensor(one) for one in keywords], batch_first=True).to(device)
        text = torch.tensor([join_lines(self.characters, request.before) for request in requests], device=device)
        text = text.long().view(len(requests), -1)
        source, state = self.encode(keyword, lengths, text, torch.full_like(lengths, text.shape[1]))
        return State(source, torch.arange(len(requests), device=device), state)

    @torch.no_grad()
    def advance(self, state: State, symbols: Tensor) -> tuple[Tensor, State]:
        """Log-probabilities (N, V) of what follows `symbols` (N,), of which <s5> or <s7> come first; and the state."""
        source, each = state.sources()
        embedded = self._embed(symbols).view(-1, each, self.embedding.embedding_dim)
        s, context = self._step(source, state.s.view(-1, each, self.hidden), self.given_gates(embedded))
        read = self._read_out(embedded, s, context).flatten(0, 1)
        return self.log_p(read), replace(state, s=s.flatten(0, 1))


def _check(attention: str, depth: int, memory: str, hidden: int) -> None:
    """Raise ShapeError for settings that do not fit together."""
    if attention in ("additive", "dot") and depth != 1:
        raise ShapeError(
            f'attention = "{attention}" has one level, not depth = {depth}',
            remedy='set depth = 1, or attention = "ham"',
        )
    if memory == "halves" and hidden % 2:
        raise ShapeError(f'memory = "halves" needs an even hidden, not {hidden}')


def _start_uniform(network: PPG, bound: float) -> None:
    """All weights but the levels' from U(-bound, bound): the published systems' way."""
    for name, parameter in network.named_parameters():
        if name != "ham.c":
            nn.init.uniform_(parameter, -bound, bound)

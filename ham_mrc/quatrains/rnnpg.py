"""RNNPG: every line from a convolution over each line before it, a recurrence over those, and one over characters.

Zhang & Lapata, "Chinese Poetry Generation with Recurrent Neural Networks" (EMNLP 2014), section 3. Letters for shapes:
`B` poems, `L` characters of a line, `W` width (200), `V` symbols. sigma is the logistic function, o the elementwise
product; nothing has a bias.

    lines      T_{l+1}[j] = sigma(sum_n T_l[j + n - 1] o C_l[n])         until one column is left: v_i         (B, W)
    context    h_i = sigma(M [h_{i-1} ; v_i]),  h_0 = 0.01                                                    (B, W)
               u_i^j = sigma(U_j h_i)                                    j = 1 .. L + 1, a U for each length  (B, W)
    characters r_j = sigma(R r_{j-1} + X[w_{j-1}] + H u_i^j),  P(w_j) = softmax(Y r_j)                        (B, W)

Line i + 1 is written to u_i; r starts at 0.1 and runs on from the second line to the fourth. The first is only read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from ham_mrc.data_prep.poem_vocab import END, SPECIALS, Characters
from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers.class_softmax import ClassSoftmax, at_least_single
from ham_mrc.layers.product import Linear
from ham_mrc.layers.softmax_loss import softmax_loss
from ham_mrc.quatrains.batch import PoemLines

if TYPE_CHECKING:
    from ham_mrc.layers.ham import Ham
    from ham_mrc.quatrains.request import LineRequest

KERNELS = {5: (2, 2, 3), 7: (2, 2, 3, 3)}
"""By the length of a line the widths of its convolutions; the first three kernels are one for both lengths."""

FIRST_CONTEXT, FIRST_STATE = 0.01, 0.1


class RNNPG(nn.Module):
    """PoemLines -> log-probabilities of lines 2 to 4 and their ends, (B, 3, L + 1, V). Keyword arguments are settings.

    - `width` is W.
    - `vectors`: the table of what is read starts at random, or from skip-gram vectors of the training lines
      (quatrains/skipgram.py). What the generator reads, X, is a table of its own and always starts at random.
    - `kernel`: C starts from U(-kernel, kernel). Small kernels give every line the same v, all entries close to 1/2,
      and learn nothing: the published system takes 10.
    - `context_gradient`: whether the error of a line goes back through h and r to the lines before; in the published
      program both end at the beginning of a line.
    - `features`: what writes lines 2 to 4. "table": the translation decoder with log P as one of its four features, as
      in the published tables (rnnpg_system.py); "rnn": the network alone, by the beam.
    - `classes`: 0 for a softmax over all symbols; else P is that of a class times that within it, 82 of them in the
      published system (layers/class_softmax.py).
    """

    def __init__(
        self,
        characters: Characters,
        *,
        width: int = 200,
        vectors: Literal["random", "skipgram"] = "random",
        kernel: float = 10.0,
        context_gradient: bool = True,
        classes: int = 0,
        features: Literal["table", "rnn"] = "table",
    ) -> None:
        super().__init__()
        if classes and not 1 < classes < len(characters):
            raise ShapeError(f"classes = {classes} for {len(characters)} symbols; set 0 for none, or 2 and more")
        self.characters, self.vectors, self.width = characters, vectors, width
        self.context_gradient, self.features = context_gradient, features
        self.embedding = nn.Embedding(len(characters), width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.kernels = nn.ParameterList(
            [nn.Parameter(torch.empty(size, width).uniform_(-kernel, kernel)) for size in KERNELS[7]]  # C
        )
        self.context = Linear(2 * width, width, bias=False)  # M
        self.places = nn.ModuleDict({str(n): Linear(width, (n + 1) * width, bias=False) for n in KERNELS})  # U
        self.given = nn.Embedding(len(characters), width)  # X
        nn.init.normal_(self.given.weight, std=0.1)
        self.recurrent = Linear(width, width, bias=False)  # R
        self.constrained = Linear(width, width, bias=False)  # H
        self.output = Linear(width, len(characters), bias=False)  # Y
        self.classes = ClassSoftmax(_commonest_first(len(characters)), width, classes) if classes else None

    def ham_sites(self) -> dict[str, Ham]:
        """None: there is no attention in it."""
        return {}

    def set_vectors(self, vectors: Tensor) -> None:
        """Let the table of what is read start from `vectors` (V, W)."""
        if vectors.shape != self.embedding.weight.shape:
            wanted = tuple(self.embedding.weight.shape)
            raise ShapeError(f"vectors of shape {tuple(vectors.shape)} for a table of {wanted}")
        with torch.no_grad():
            self.embedding.weight.copy_(vectors)

    def forward(self, batch: PoemLines) -> Tensor:
        """(B, 3, L + 1, V) log-probabilities, by the lines themselves up to each character."""
        return self._log_p(self._states(batch))

    def loss(self, batch: PoemLines) -> tuple[Tensor, int]:
        """The summed cross-entropy of lines 2 to 4 and their ends, natural logarithm; and how many symbols they are."""
        states = self._states(batch).flatten(0, 2)  # (B 3 (L + 1), W)
        written = batch.lines[:, 1:].long()
        targets = torch.cat([written, torch.full_like(written[..., :1], END)], -1).flatten()
        loss = (
            softmax_loss(states, self.output.weight, targets)
            if self.classes is None
            else self._class_loss(states, targets)
        )
        return loss, targets.numel()

    def _class_loss(self, states: Tensor, targets: Tensor) -> Tensor:
        return -self._log_p(states).gather(-1, targets[:, None]).sum()

    def _log_p(self, states: Tensor) -> Tensor:
        """(.., W) -> (.., V)."""
        scores = at_least_single(self.output(states))
        log_p: Tensor = scores.log_softmax(-1) if self.classes is None else self.classes(states, scores)
        return log_p

    def _states(self, batch: PoemLines) -> Tensor:
        """Every r_j of lines 2 to 4 (B, 3, L + 1, W)."""
        lines = batch.lines.long()
        place = self.read(lines[:, :3])  # (B, 3, L + 1, W)
        start = torch.full_like(lines[:, 1:, :1], self.characters.start(batch.length))
        added = place + self.given(torch.cat([start, lines[:, 1:]], -1))
        state, states = self._first_state(len(lines)), []
        for line in added.unbind(1):
            state = state if self.context_gradient else state.detach()
            for step in line.unbind(1):
                state = torch.sigmoid(step + self.recurrent(state))
                states.append(state)
        return torch.stack(states, 1).view(added.shape)

    def read(self, lines: Tensor) -> Tensor:
        """(B, N, L) lines -> what each adds to the states of the line that follows it, H u_i^j: (B, N, L + 1, W)."""
        length = lines.shape[-1]
        vectors = self.line_vectors(self.embedding(lines))  # (B, N, W)
        context, contexts = torch.full_like(vectors[:, 0], FIRST_CONTEXT), []
        for vector in vectors.unbind(1):
            before = context if self.context_gradient else context.detach()
            context = torch.sigmoid(self.context(torch.cat([before, vector], -1)))
            contexts.append(context)
        places = torch.sigmoid(self.places[str(length)](torch.stack(contexts, 1)))
        added: Tensor = self.constrained(places.view(*lines.shape[:2], length + 1, self.width))
        return added

    def line_vectors(self, columns: Tensor) -> Tensor:
        """(.., L, W) vectors of characters -> v (.., W): 7-6-5-3-1 columns, or 5-4-3-1."""
        for kernel, size in zip(self.kernels, KERNELS[columns.shape[-2]], strict=False):
            windows = columns.unfold(-2, size, 1)  # (.., columns left, W, size)
            columns = torch.sigmoid((windows * kernel.t()).sum(-1))
        return columns.squeeze(-2)

    def _first_state(self, rows: int) -> Tensor:
        return self.given.weight.new_full((rows, self.width), FIRST_STATE)

    @torch.no_grad()
    def begin(self, requests: Sequence[LineRequest]) -> State:
        """The state before the first symbol of each request: all of one length, and with as many lines before.

        Raises HamError for a first line: the network only reads those.
        """
        if not requests[0].before:
            raise HamError("RNNPG writes no first line, it goes on from one", remedy="give one with --first-line")
        device = self.given.weight.device
        lines = torch.tensor(
            [[self.characters.encode(line) for line in request.before] for request in requests], device=device
        )  # (B, N, L)
        place = self.read(lines)
        owner = torch.arange(len(requests), device=device)
        state = State(place[:, 0], owner, self._first_state(len(requests)), 0)
        for i, (_, line) in enumerate(pairwise(lines.unbind(1))):
            state = replace(state, place=place[:, i], step=0)
            start = torch.full_like(line[:, :1], self.characters.start(requests[0].length))
            for symbols in torch.cat([start, line], 1).unbind(1):
                state = self._step(state, symbols)
        return replace(state, place=place[:, -1], step=0)

    @torch.no_grad()
    def advance(self, state: State, symbols: Tensor) -> tuple[Tensor, State]:
        """Log P (N, V) of what follows `symbols` (N,), the first of which are <s5> or <s7>; and the state then."""
        state = self._step(state, symbols)
        return self._log_p(state.r), state

    def _step(self, state: State, symbols: Tensor) -> State:
        added = state.place[:, state.step][state.owner] + self.given(symbols)
        return replace(state, r=torch.sigmoid(added + self.recurrent(state.r)), step=state.step + 1)


def _commonest_first(symbols: int) -> list[int]:
    """All symbols by how often a line has them: its end, the characters as the table ranks them, what no line has."""
    special = range(len(SPECIALS))
    return [END, *range(len(SPECIALS), symbols), *(one for one in special if one != END)]


@dataclass(frozen=True)
class State:
    """`N` lines half written: what their sources add at each place (B, L + 1, W), whose is whose, and r (N, W)."""

    place: Tensor
    owner: Tensor  # (N,)
    r: Tensor
    step: int

    def pick(self, rows: Tensor) -> State:
        """The items `rows` (M,), one of which may be taken often."""
        return replace(self, owner=self.owner[rows], r=self.r[rows])

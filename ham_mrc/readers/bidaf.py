"""BiDAF: Seo et al., "Bidirectional Attention Flow for Machine Comprehension", 2017 (arXiv 1611.01603).

One class reads as the paper has it, or in the shorter form that baidu/DuReader (DuReader-2.0/tensorflow) runs over
several passages a question; settings tell them apart. Both directions of the attention can be hierarchical (Ham).
Letters for shapes: `B` questions, `R` rows of passages, `P` passage tokens, `Q` question tokens, `E` width of an input,
`H` hidden, `D` = 2H width of an encoding. Layers and equations are those of the paper's section 2.

    H = BiLSTM(passage)   U = BiLSTM(question)                    layers 1 to 3
    S_tj = f(H_t, U_j)                                            layer 4, equation 1
    C_t  = softmax_j(S_tj) U                 c2q: levels of Ham   context to query
    h    = softmax_t(max_j S_tj) H           q2c: levels of Ham   query to context
    G    = [H ; C ; H*C ; H*h]               (R, P, 4D)           equation 2
    M    = BiLSTM(G)                         (R, P, D)            layer 5; Baidu's fusion
    start and end logits from G and M                             layer 6, equations 3 and 4; or Baidu's pointer over M
"""

from __future__ import annotations

from typing import Any, Literal, Unpack, get_args

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.attention_flow import AttentionFlow, Sites
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.encoders import Encoder, SequenceDropout
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.ham_options import HamOptions
from ham_mrc.layers.parts import Part, Parts
from ham_mrc.layers.probability_pointer import ProbabilityPointer
from ham_mrc.layers.union import per_question, per_row, union_softmax
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.inputs import TokenInputs
from ham_mrc.readers.settings import check_encoders

Pointer = Literal["linear", "baidu"]
DropoutOn = Literal["words", "encodings"]


class BiDAF(nn.Module):
    """Batch -> start and end logits, (R, P) each; logits of padding mean nothing.

    Every keyword argument is a setting of the section [reader]:

    - `score`: f, one for both directions; `ham_sites`: which of them are hierarchical; `depth` and all of HamOptions
      are those of Ham.
    - `hidden`: width of every LSTM in each direction, and inside an additive or projected score.
    - `share_encoder`: one encoder for both sides (the paper), or one each (Baidu).
    - `characters`, `character_width`, `character_filters`, `character_kernel`, `characters_per_token`, `word_match`,
      `highway`: a token's input beside its word vector, see TokenInputs.
    - `modelling_layers`: LSTMs between attention and pointer.
    - `pointer`: "linear", the paper's two heads, where `condition_end` lets the end know of the start; or "baidu", see
      ProbabilityPointer.
    - `dropout`, one mask a sequence: on what the modelling layers and the pointer read, and, by `dropout_on`, on what
      the first encoder reads ("words", the paper) or what it says ("encodings", Baidu).

    Raises ShapeError for settings that do not go together.
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        alphabet: int = 0,
        *,
        score: str = "trilinear",
        ham_sites: Sites = "c2q,q2c",
        hidden: int = 100,
        share_encoder: bool = True,
        characters: Literal["none", "cnn"] = "none",
        character_width: int = 8,
        character_filters: int = 100,
        character_kernel: int = 5,
        characters_per_token: int = 16,
        word_match: bool = False,
        highway: int = 0,
        modelling_layers: int = 1,
        pointer: Pointer = "linear",
        condition_end: bool = False,
        dropout: float = 0.2,
        dropout_on: DropoutOn = "words",
        **ham: Unpack[HamOptions],
    ) -> None:
        super().__init__()
        _check_choices(ham_sites=(ham_sites, Sites), pointer=(pointer, Pointer), dropout_on=(dropout_on, DropoutOn))
        _check_pointer(pointer, condition_end)
        check_encoders(ham, score, share_encoder)
        self.embedding = embedding
        self.dropout = SequenceDropout(dropout)
        self.encoding_dropout = SequenceDropout(dropout if dropout_on == "encodings" else 0.0)
        self.inputs = TokenInputs(
            embedding,
            alphabet,
            characters=characters,
            character_width=character_width,
            character_filters=character_filters,
            character_kernel=character_kernel,
            characters_per_token=characters_per_token,
            word_match=word_match,
            highway=highway,
        )
        self.characters = self.inputs.characters

        def encoder() -> Encoder:
            read = dropout if dropout_on == "words" else 0.0
            return Encoder(self.inputs.output_size, hidden, bidirectional=True, dropout=read)

        self.passage_encoder = encoder()
        self.question_encoder = self.passage_encoder if share_encoder else encoder()
        size = self.passage_encoder.output_size
        self.flow = AttentionFlow(size, score=score, hidden=hidden, ham_sites=ham_sites, **ham)
        self.modelling = Encoder(4 * size, hidden, bidirectional=True, layers=modelling_layers, dropout=dropout)
        self.pointer: SpanHeads | ProbabilityPointer
        if pointer == "linear":
            self.pointer = SpanHeads(4 * size, hidden, condition_end=condition_end, dropout=dropout)
        else:
            self.pointer = ProbabilityPointer(size, hidden, question_size=size)

    def ham_sites(self) -> dict[str, Ham]:
        """Every direction of the attention that is hierarchical, by the name that logs and `--trace` use."""
        return self.flow.sites()

    def site_masks(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (R, queries), True on real queries: all passage tokens, or the one query of q2c."""
        masks = {"c2q": batch.passage_mask, "q2c": torch.ones_like(batch.passage_lengths, dtype=torch.bool)[:, None]}
        return {name: masks[name] for name in self.ham_sites()}

    def site_owners(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (R,): the question that each of its rows belongs to."""
        return dict.fromkeys(self.ham_sites(), batch.owner)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(R, P) start and end logits."""
        passage, question = self.inputs(batch)  # (R, P, E), (B, Q, E)
        encoded = self.encoding_dropout(self.passage_encoder(passage, batch.passage_lengths))  # (R, P, D)
        asked = self.encoding_dropout(self.question_encoder(question, batch.question_lengths))  # (B, Q, D)
        flow = self.flow.parts(
            encoded, per_row(asked, batch.owner), batch.passage_mask, per_row(batch.question_mask, batch.owner)
        )  # G (R, P, 4D)
        modelled = self.modelling.of_parts(flow, batch.passage_lengths)  # M (R, P, D)
        if isinstance(self.pointer, SpanHeads):
            start, end = self.pointer(flow, modelled, batch)
        else:
            start, end = self.pointer(self.dropout(modelled), batch, question=asked)
        return start, end


class SpanHeads(nn.Module):
    """The paper's output layer, equations 3 and 4: G (R, P, 4D) and M (R, P, D) to start and end logits.

        start = w_1 [G ; M]   M2 = BiLSTM(M)   end = w_2 [G ; M2]

    With `condition_end` the LSTM reads [G ; M ; m ; M*m] instead, as the released program has it: m is the mean of M
    over all rows of a question under the probabilities of the start.
    """

    def __init__(self, flow_size: int, hidden: int, *, condition_end: bool, dropout: float) -> None:
        super().__init__()
        self.condition_end, self.dropout = condition_end, SequenceDropout(dropout)
        self.fast = True  # False: [G ; M] is made, and multiplied by torch
        size = 2 * hidden
        read = flow_size + 3 * size if condition_end else size
        self.encoder = Encoder(read, hidden, bidirectional=True, dropout=dropout)
        self.start_head = nn.Linear(flow_size + size, 1, bias=False)
        self.end_head = nn.Linear(flow_size + size, 1, bias=False)

    def forward(self, flow: Parts, modelled: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """(R, P) start and end logits."""
        start = self._logits(self.start_head, flow.and_then(Part(modelled)))
        read = Parts([Part(modelled)])
        if self.condition_end:
            read = flow.and_then(*self._condition(modelled, start, batch))
        again = self.encoder.of_parts(read, batch.passage_lengths)  # M2 (R, P, D)
        return start, self._logits(self.end_head, flow.and_then(Part(again)))

    def _logits(self, head: nn.Linear, read: Parts) -> Tensor:
        """w [G ; M], (R, P)."""
        if not self.fast:
            return head(self.dropout(read.whole())).squeeze(-1)  # type: ignore[no-any-return]
        mask = self.dropout.mask(read.first, head.in_features)
        return read.product([head.weight], None, [mask]).squeeze(-1)

    def _condition(self, modelled: Tensor, start: Tensor, batch: Batch) -> list[Part]:
        """M ; m ; M*m, (R, P, 3D)"""
        p_start = union_softmax(start, batch.passage_mask, batch.owner, batch.questions)  # (R, P)
        by_row = (p_start.to(modelled.dtype)[:, None] @ modelled).squeeze(1)  # (R, D)
        mean = per_row(per_question(by_row, batch.owner, batch.questions), batch.owner)[:, None]  # (R, 1, D)
        return [Part(modelled), Part(None, scale=mean), Part(modelled, scale=mean)]


def _check_choices(**settings: tuple[str, Any]) -> None:
    """Raise ShapeError for a value that is none of its Literal's."""
    for name, (value, choices) in settings.items():
        if value not in get_args(choices):
            raise ShapeError(f"{name} is {value!r}; there are {', '.join(map(repr, get_args(choices)))}")


def _check_pointer(pointer: str, condition_end: bool) -> None:
    """Raise ShapeError for an option of another pointer."""
    if condition_end and pointer != "linear":
        raise ShapeError(f'condition_end is for pointer = "linear" alone, not "{pointer}"', remedy="leave it away")

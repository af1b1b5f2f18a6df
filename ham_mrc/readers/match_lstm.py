"""Match-LSTM with answer pointer: Wang & Jiang, "Machine Comprehension Using Match-LSTM and Answer Pointer", 2017.

Its attention, one query a step, is hierarchical attention (Ham). Letters for shapes: `B` questions, `R` rows of
passages, `P` passage tokens, `Q` question tokens, `E` width of a token's input, `D` width of an encoding, `H` hidden.

    H = LSTM(passage)   U = LSTM(question)                                      section 2.2.1
    a_t = softmax(v . tanh(W_k U + W_p H_t + W_r r_{t-1} + b))                  equation 2; levels of Ham
    r_t = LSTM([H_t ; a_t U], r_{t-1}), backward the same, R = [r> ; r<]        equations 3 to 5, layers/match_layer.py
    start and end logits from the answer pointer over R                         equations 7 to 9
"""

from __future__ import annotations

from typing import Literal, Unpack

from torch import Tensor, nn

from ham_mrc.layers.attention import inner_width
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.encoders import Encoder, SequenceDropout
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.ham_options import HamOptions
from ham_mrc.layers.match_layer import MatchLayer, StaticMatchLayer
from ham_mrc.layers.pointer import AnswerPointer
from ham_mrc.layers.site import build_ham
from ham_mrc.layers.union import per_row
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.inputs import TokenInputs
from ham_mrc.readers.settings import check_encoders, check_requery


class MatchLSTM(nn.Module):
    """Batch -> start and end logits, (R, P) each; logits of padding mean nothing.

    `alphabet` is the number of character ids of the batches, 0 where they have none. Every keyword argument is a
    setting of the section [reader]; those of HamOptions (`depth`, `init_levels` and the variants) are the attention's.

    - `match`: "recurrent" asks the question with each word and with what the LSTM has read so far, as the paper has
      it; "static" with the word alone, all words at once before the LSTM, which makes depth cheap.
    - `fusion`: what the LSTM reads of a word and its context: "plain" [H_t ; c], or baidu/DuReader's "extended"
      [H_t ; c ; H_t - c ; H_t * c].
    - `score`, `requery`: see SCORERS and Additive; `requery` is a matter of the additive score alone.
    - `hidden`: width of every LSTM in each direction, and inside the scorer.
    - `bidirectional`: whether passage and question are encoded in both directions.
    - `share_encoder`: one encoder for both sides, needed at depth > 1 wherever W_p must also read mixtures of
      question vectors, as with `requery = "word"`; the original programs keep two.
    - `characters`, `character_width`, `character_hidden`, `characters_per_token`, `word_match`: a token's input beside
      its word vector, see TokenInputs.
    - `two_way_pointer`: a second pointer from end to start.
    - `dropout`: on word vectors, encodings and match outputs, one mask a sequence.
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        alphabet: int = 0,
        *,
        match: Literal["recurrent", "static"] = "recurrent",
        fusion: Literal["plain", "extended"] = "plain",
        score: str = "additive",
        requery: str = "word",
        hidden: int = 150,
        bidirectional: bool = False,
        share_encoder: bool = True,
        characters: Literal["none", "cnn", "rnn"] = "none",
        character_width: int = 8,
        character_hidden: int = 75,
        characters_per_token: int = 16,
        word_match: bool = False,
        two_way_pointer: bool = False,
        dropout: float = 0.25,
        **ham: Unpack[HamOptions],
    ) -> None:
        super().__init__()
        check_requery(match, score, requery)
        check_encoders(ham, score, share_encoder, requery)
        self.embedding = embedding
        self.inputs = TokenInputs(
            embedding,
            alphabet,
            characters=characters,
            character_width=character_width,
            character_hidden=character_hidden,
            characters_per_token=characters_per_token,
            word_match=word_match,
            dropout=dropout,
        )
        self.characters = self.inputs.characters
        self.dropout = SequenceDropout(dropout)
        width = self.inputs.output_size
        self.passage_encoder = Encoder(width, hidden, bidirectional=bidirectional)
        self.question_encoder = (
            self.passage_encoder if share_encoder else Encoder(width, hidden, bidirectional=bidirectional)
        )
        size = self.passage_encoder.output_size
        inner = inner_width(score, hidden)
        attention = build_ham(size, score=score, hidden=inner, requery=requery, **ham)
        layer = MatchLayer if match == "recurrent" else StaticMatchLayer
        self.match = layer(attention, size, hidden, fusion=fusion)
        self.pointer = AnswerPointer(2 * hidden, hidden, two_way=two_way_pointer)

    def ham_sites(self) -> dict[str, Ham]:
        """Every place where attention is replaced, by the name that logs and `--trace` use."""
        return {"match": self.match.ham}

    def site_masks(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (rows, P), True on real queries: every row once, or once in each direction."""
        return {"match": self.match.site_rows(batch.passage_mask)}

    def site_owners(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (rows,), the question of each of its rows."""
        return {"match": self.match.site_rows(batch.owner)}

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(R, P) start and end logits."""
        passage, question = self.inputs(batch)  # (R, P, E), (B, Q, E)
        encoded = self.dropout(self.passage_encoder(passage, batch.passage_lengths))  # (R, P, D)
        asked = self.dropout(self.question_encoder(question, batch.question_lengths))  # (B, Q, D)
        asked, mask = per_row(asked, batch.owner), per_row(batch.question_mask, batch.owner)  # (R, Q, D), (R, Q)
        matched = self.match(encoded, asked, batch.passage_lengths, mask)  # (R, P, 2H)
        start, end = self.pointer(self.dropout(matched), batch)  # (R, P) each
        return start, end

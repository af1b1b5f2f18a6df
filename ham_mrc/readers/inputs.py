"""What a reader reads of each token: its word vector, and what was asked for beside it.

Letters for shapes: `B` questions, `R` rows of passages, `P` passage tokens, `Q` question tokens, `W` characters a
token, `E` width of a token's input.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.characters import CharCNN, CharRNN
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.encoders import Cell, SequenceDropout
from ham_mrc.layers.highway import Highway
from ham_mrc.readers.batch import Batch, word_match


class TokenInputs(nn.Module):
    """Batch -> passage (R, P, E) and question (B, Q, E): [word vector ; character vector ; match], one for both sides.

    - `characters`: "cnn" (CharCNN) or "rnn" (CharRNN) reads the first `characters_per_token` of each token; their other
      settings are `character_width`, and `character_filters` and `character_kernel` or `character_hidden` and
      `character_cell`. `alphabet` is the number of character ids, as a prepared folder has them.
    - `highway`: highway layers over [word ; character], as BiDAF has two.
    - `word_match`: adds whether the word also stands on the other side, 0 or 1, which nothing scales or drops.
    - `dropout`: on [word ; character] before the highway, one mask a sequence.

    `output_size` is E; `characters` is how many characters a token batches must hold, 0 for none. Padding has zeros
    for its word and characters, which a highway turns into something that means nothing.
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        alphabet: int = 0,
        *,
        characters: Literal["none", "cnn", "rnn"] = "none",
        characters_per_token: int = 16,
        character_width: int = 8,
        character_filters: int = 100,
        character_kernel: int = 5,
        character_hidden: int = 75,
        character_cell: Cell = "gru",
        word_match: bool = False,
        highway: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if characters not in ("none", "cnn", "rnn"):
            raise ShapeError(f'no character reader "{characters}"', remedy="there are none, cnn, rnn")
        self.embedding, self.word_match = embedding, word_match
        self.characters = 0 if characters == "none" else characters_per_token
        self.dropout = SequenceDropout(dropout)
        self.character_reader: CharCNN | CharRNN | None = None
        if characters == "cnn":
            self.character_reader = CharCNN(alphabet, character_width, character_filters, character_kernel)
        elif characters == "rnn":
            self.character_reader = CharRNN(alphabet, character_width, character_hidden, character_cell)
        size = embedding.width + (self.character_reader.output_size if self.character_reader else 0)
        self.highway = Highway(size, highway)
        self.output_size = size + word_match

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(R, P, E) and (B, Q, E)."""
        passage = self._tokens(batch.passage, batch.passage_chars)
        question = self._tokens(batch.question, batch.question_chars)
        if not self.word_match:
            return passage, question
        in_question, in_passage = word_match(batch)
        return torch.cat([passage, in_question.to(passage)], -1), torch.cat([question, in_passage.to(question)], -1)

    def _tokens(self, ids: Tensor, characters: Tensor | None) -> Tensor:
        """(rows, T) and (rows, T, W) -> (rows, T, E) without the match."""
        words = self.embedding(ids)
        if self.character_reader is not None:
            if characters is None:
                raise ShapeError("this reader reads characters, and its batch has none")
            spelt = self.character_reader(characters[..., : self.characters])
            words = torch.cat([words, spelt], -1)
        return self.highway(self.dropout(words))  # type: ignore[no-any-return]

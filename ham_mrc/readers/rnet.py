"""R-NET: Wang et al., "R-NET: Machine Reading Comprehension with Self-matching Networks" (Microsoft Research, 2017).

Both of its attentions, over the question and over the passage itself, are hierarchical attention (Ham). Letters for
shapes: `B` questions, `R` rows of passages, `P` passage tokens, `Q` question tokens, `E` width of a token's input, `D`
width of an encoding, `H` hidden in each direction.

    uP = BiGRU(passage)   uQ = BiGRU(question)                                          section 3.1
    v_t = GRU(g * [uP_t ; c_t]),  c_t = att(uQ, [uP_t ; v_{t-1}])                       section 3.2; levels of Ham-V
    h_t = BiGRU(g * [v_t ; c_t]), c_t = att(v, v_t)                                     section 3.3; levels of Ham-S
    start and end logits: a GRU pointer over h, started from the question att(uQ, V_r)  section 3.4
"""

from __future__ import annotations

from typing import Literal, Unpack, get_args

from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.attention import inner_width
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.encoders import Encoder, SequenceDropout
from ham_mrc.layers.gated_match import GatedMatch, RecurrentGatedMatch
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.ham_options import HamOptions
from ham_mrc.layers.pointer import AnswerPointer
from ham_mrc.layers.pooling import AttentivePooling
from ham_mrc.layers.site import build_ham
from ham_mrc.layers.union import per_row
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.inputs import TokenInputs
from ham_mrc.readers.settings import check_encoders, check_requery

Sites = Literal["match,self", "match", "self"]
MatchKind = Literal["recurrent", "static"]


class RNet(nn.Module):
    """Batch -> start and end logits, (R, P) each; logits of padding mean nothing.

    `alphabet` is the number of character ids of the batches, 0 where they have none. Keyword arguments are the
    settings of the section [reader]; those of HamOptions (`depth` and what else hierarchical attention can be) hold
    for the sites in `ham_sites`, and `refresh_keys` and a window for self attention alone, wherever it is among them.

    - `ham_sites`: which attention is hierarchical: over the question ("match"), over the passage ("self"), or both;
      the other one is ordinary.
    - `match`: "recurrent" asks the question with the word and the GRU's state, a step at a time, as the report does;
      "static" with the word alone, all words at once before a BiGRU, as HKUST-KnowComp/R-Net does.
    - `score`, `self_score`: the scores of match and of self attention, see SCORERS; `requery`: see Additive, and a
      matter of an additive `score` alone. Self attention reads a level's output as a passage word.
    - `gate`: whether a word and its context are weighed by a gate before the GRU reads them.
    - `read_out`: one BiGRU more before the pointer, as in the report's later version.
    - `hidden`: width of every GRU in each direction, and inside the scores.
    - `encoder_layers`, `concat_layers`: BiGRUs one on top of the other, and whether all of them or the last is read.
    - `share_encoder`: one encoder for both sides, needed at depth > 1 wherever passage words' maps must also read
      mixtures of question vectors, as with `requery = "word"`; the original programs keep two.
    - `characters`, `characters_per_token`, `character_width`, `character_hidden`, `word_match`: a token's input beside
      its word vector, see TokenInputs.
    - `dropout`: one mask a sequence on the input of every encoder layer and direction, and on what match, self match
      and pointer read.
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        alphabet: int = 0,
        *,
        ham_sites: Sites = "match,self",
        match: MatchKind = "recurrent",
        score: str = "additive",
        self_score: str = "additive",
        requery: str = "word",
        gate: bool = True,
        read_out: bool = True,
        hidden: int = 75,
        encoder_layers: int = 3,
        concat_layers: bool = False,
        share_encoder: bool = True,
        characters: Literal["none", "rnn"] = "rnn",
        characters_per_token: int = 16,
        character_width: int = 8,
        character_hidden: int = 75,
        word_match: bool = False,
        dropout: float = 0.2,
        **ham: Unpack[HamOptions],
    ) -> None:
        super().__init__()
        for name, given, known in (("ham_sites", ham_sites, Sites), ("match", match, MatchKind)):
            if given not in get_args(known):
                raise ShapeError(f'no {name} "{given}"; there are {", ".join(map(repr, get_args(known)))}')
        self.sites = ham_sites.split(",")
        at_match: HamOptions = {} if ham_sites == "self" else ham if ham_sites == "match" else _for_match(ham)
        at_self: HamOptions = {} if ham_sites == "match" else ham
        check_requery(match, score, requery)
        check_encoders(at_match, score, share_encoder, requery)
        self.embedding, self.hidden = embedding, hidden
        self.inputs = TokenInputs(
            embedding,
            alphabet,
            characters=characters,
            characters_per_token=characters_per_token,
            character_width=character_width,
            character_hidden=character_hidden,
            word_match=word_match,
        )
        self.characters = self.inputs.characters

        def encoder(size: int, layers: int = 1, concat: bool = False) -> Encoder:
            return Encoder(
                size, hidden, cell="gru", bidirectional=True, layers=layers, concat_layers=concat, dropout=dropout
            )

        self.passage_encoder = encoder(self.inputs.output_size, encoder_layers, concat_layers)
        self.question_encoder = (
            self.passage_encoder if share_encoder else encoder(self.inputs.output_size, encoder_layers, concat_layers)
        )
        size = self.passage_encoder.output_size
        layer = RecurrentGatedMatch if match == "recurrent" else GatedMatch
        asking = build_ham(size, score=score, hidden=inner_width(score, hidden), requery=requery, **at_match)
        self.match: RecurrentGatedMatch | GatedMatch = layer(size, hidden, asking, gate=gate)
        inner = inner_width(self_score, hidden)
        looking = build_ham(2 * hidden, score=self_score, hidden=inner, self_attention=True, **at_self)
        self.self_match = GatedMatch(2 * hidden, hidden, looking, gate=gate)
        self.read_out = encoder(2 * hidden) if read_out else None
        self.question_pool = AttentivePooling(2 * hidden, hidden)
        self.pointer = AnswerPointer(2 * hidden, 2 * hidden, cell="gru", score_size=hidden)
        self.dropout = SequenceDropout(dropout)

    def ham_sites(self) -> dict[str, Ham]:
        """Every place where attention is hierarchical, by the name that logs and `--trace` use."""
        return {name: layer.ham for name, layer in self._replaced().items()}

    def site_masks(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (rows, queries), True on real queries. A recurrent match has the rows of both directions."""
        return {name: layer.site_rows(batch.passage_mask) for name, layer in self._replaced().items()}

    def site_owners(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (rows,): the question of each row."""
        return {name: layer.site_rows(batch.owner) for name, layer in self._replaced().items()}

    def _replaced(self) -> dict[str, RecurrentGatedMatch | GatedMatch]:
        layers = {"match": self.match, "self": self.self_match}
        return {name: layers[name] for name in self.sites}

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(R, P) start and end logits."""
        passage, question = self.inputs(batch)  # (R, P, E), (B, Q, E)
        encoded = self.dropout(self.passage_encoder(passage, batch.passage_lengths))  # uP (R, P, D)
        asked = self.dropout(self.question_encoder(question, batch.question_lengths))  # uQ (B, Q, D)
        keys, key_mask = per_row(asked, batch.owner), per_row(batch.question_mask, batch.owner)  # (R, Q, D), (R, Q)
        matched = self.dropout(self.match(encoded, keys, batch.passage_lengths, key_mask))  # v (R, P, 2H)
        known = self.self_match(matched, matched, batch.passage_lengths, batch.passage_mask)  # h (R, P, 2H)
        if self.read_out is not None:
            known = self.read_out(known, batch.passage_lengths)
        # Where layers are concatenated, the last one alone: what HKUST-KnowComp/R-Net pools.
        start_state = self.question_pool(asked[..., -2 * self.hidden :], batch.question_mask)  # (B, 2H)
        start, end = self.pointer(self.dropout(known), batch, state=start_state)
        return start, end


def _for_match(ham: HamOptions) -> HamOptions:
    """The options for the match where self attention has them too: without those that only the latter can have."""
    kept = ham.copy()
    kept.pop("refresh_keys", None)
    if kept.get("local") == "window":
        kept.pop("local")
        kept.pop("radius", None)
    return kept

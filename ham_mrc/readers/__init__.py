"""One paper, one file: modules from a Batch to start and end logits. Keyword arguments are a reader's settings."""

from ham_mrc.readers.bidaf import BiDAF
from ham_mrc.readers.match_lstm import MatchLSTM
from ham_mrc.readers.rnet import RNet

READERS: dict[str, type[BiDAF] | type[MatchLSTM] | type[RNet]] = {
    "bidaf": BiDAF,
    "match-lstm": MatchLSTM,
    "r-net": RNet,
}
"""Every reader by its name on the command line."""

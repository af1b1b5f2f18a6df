"""One paper, one file: modules from a Batch to start and end logits. Keyword arguments are a reader's settings."""

from ham_mrc.readers.match_lstm import MatchLSTM

READERS: dict[str, type[MatchLSTM]] = {"match-lstm": MatchLSTM}
"""Every reader by its name on the command line."""

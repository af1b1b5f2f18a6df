"""ham-mrc: machine reading comprehension with hierarchical attention, measured honestly."""

__version__ = "0.1.0"

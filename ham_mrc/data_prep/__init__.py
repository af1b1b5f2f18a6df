"""Raw datasets to columns of integers on disk. No torch anywhere in here.

DATASETS names what can be read: dataset -> function from the path of a raw file to its Examples.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from ham_mrc.data_prep.squad import read_squad
from ham_mrc.records import Example

DATASETS: dict[str, Callable[[str | Path], Iterator[Example]]] = {
    "squad": read_squad,
}

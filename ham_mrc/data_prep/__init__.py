"""Raw datasets to columns of integers on disk. No torch anywhere in here.

DATASETS names what can be read; dataset.py says what each entry holds.
"""

from ham_mrc.data_prep.cmrc import CMRC
from ham_mrc.data_prep.dataset import Dataset
from ham_mrc.data_prep.dureader import DUREADER
from ham_mrc.data_prep.msmarco import MSMARCO
from ham_mrc.data_prep.squad import SQUAD

DATASETS: dict[str, Dataset] = {
    "squad": SQUAD,
    "dureader": DUREADER,
    "msmarco": MSMARCO,
    "cmrc": CMRC,
}

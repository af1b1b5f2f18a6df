"""NLTK's two tokenizers without the rest of NLTK, whose import takes longer than scoring CMRC 2018's dev set."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import NamedTuple

_PACKAGES = ("nltk", "nltk.tokenize")


class Parts(NamedTuple):
    """The modules `nltk.tokenize.destructive` (sentences to words) and `nltk.tokenize.punkt` (texts to sentences)."""

    destructive: ModuleType
    punkt: ModuleType


def tokenizers() -> Parts:
    """Both modules, from NLTK's own files. Raises ImportError where NLTK is not installed.

    NLTK's packages import all of NLTK, and SciPy with it where that is installed. So both are loaded under packages
    that import nothing, which are gone again afterwards: whoever imports NLTK later gets it whole.
    """
    if "nltk" not in sys.modules and threading.active_count() == 1:
        with contextlib.suppress(Exception), _empty_packages():  # of an NLTK laid out otherwise take the whole
            return _modules()
    return _modules()


def _modules() -> Parts:
    return Parts(import_module("nltk.tokenize.destructive"), import_module("nltk.tokenize.punkt"))


@contextlib.contextmanager
def _empty_packages() -> Iterator[None]:
    spec = find_spec("nltk")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("no package nltk")
    folders = list(spec.submodule_search_locations)
    for name in _PACKAGES:
        package = ModuleType(name)
        package.__path__ = folders if name == "nltk" else [f"{folder}/tokenize" for folder in folders]
        sys.modules[name] = package
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "nltk"]:
            del sys.modules[name]

"""NLTK's tokenizers without the rest of NLTK: the same words, and NLTK whole for whoever imports it later."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("nltk")

PROGRAM = """
import sys
from ham_mrc.eval.nltk_parts import tokenizers

parts = tokenizers()
assert not [name for name in sys.modules if name.partition(".")[0] in ("nltk", "scipy", "numpy")], "left behind"
words = parts.destructive.NLTKWordTokenizer().tokenize("It's $5.50, isn't it?")
assert words == ["It", "'s", "$", "5.50", ",", "is", "n't", "it", "?"], words

import nltk
from nltk.tokenize import NLTKWordTokenizer

assert nltk.FreqDist("aab")["a"] == 2
assert NLTKWordTokenizer().tokenize("cannot") == ["can", "not"]
assert tokenizers().destructive.NLTKWordTokenizer is NLTKWordTokenizer, "what is there already is taken"
"""


def test_the_parts_and_then_the_whole() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_beside_other_threads_nltk_is_imported_whole() -> None:
    """Another thread could import it at the same time, and would get empty packages."""
    program = (
        "import sys, threading; from ham_mrc.eval.nltk_parts import tokenizers; end = threading.Event();"
        "thread = threading.Thread(target=end.wait); thread.start(); tokenizers(); end.set();"
        "sys.exit('nltk' not in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

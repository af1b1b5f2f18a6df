"""Memory that is kept between steps, by what glibc's malloc tells of itself."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, json, sys
import torch
from ham_mrc.training.memory import keep_freed_memory

class Told(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    _fields_ = [(name, ctypes.c_size_t) for name in names]

tell = ctypes.CDLL(None).mallinfo2
tell.restype = Told
if sys.argv[1] == "keep":
    assert keep_freed_memory()
tensor = torch.ones(8 << 20)
mapped = tell().hblkhd
del tensor
print(json.dumps([mapped, tell().fordblks]))
"""
SIZE = 32 << 20
"""Bytes of the tensor."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone can be told")
def test_a_freed_tensor_stays_with_the_process() -> None:
    told = {}
    for way in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", PROGRAM, way], check=True, capture_output=True, text=True)
        told[way] = json.loads(done.stdout)
    mapped, free = told["keep"]
    assert mapped < SIZE  # not a mapping of its own
    assert free >= SIZE  # and still there for the next one
    mapped, free = told["leave"]
    assert mapped >= SIZE
    assert free < SIZE

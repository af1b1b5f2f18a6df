"""Large tensors of one step in the memory of the step before, instead of fresh pages from the system each time."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # the names of malloc.h, M_ left away
_MIB = 1 << 20


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep what is freed. Says whether there was a glibc to tell.

    By default it asks the system for every tensor above some hundred kilobytes and gives it back when the tensor goes.
    A training step makes the same tensors again and again, and the system must hand out zeroed pages for each: a
    quarter to a third of a step on a CPU. The process holds on to the memory of its largest step instead.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    malloc_options = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 64 * _MIB))
    libc = ctypes.CDLL(None)
    return all(bool(libc.mallopt(*option)) for option in malloc_options)

"""How a run worker's Python is set: looks for garbage, turns of threads, memory that is given back."""

import ctypes
import gc
import sys
from functools import cache

__all__ = ["collect_seldom", "give_back", "keep_memory", "switch_seldom"]

# New containers before a look, and looks at one generation before one at the next. Python has 700, 10 and 10.
_THRESHOLDS = (100_000, 20, 100)

# Of the C library's malloc (malloc.h): what is set, and to what.
_MALLOC = (
    (-8, 2),  # M_ARENA_MAX: so many pools; glibc has eight for each processor, one thread sees one
    (-3, 32 * 2**20),  # M_MMAP_THRESHOLD, bytes: what is smaller does not come from the system, and go back
    (-1, 256 * 2**20),  # M_TRIM_THRESHOLD, bytes: nor does what is free at the end of the heap
)

_TURN_S = 0.02  # of a thread that others wait for; Python has 0.005


@cache
def collect_seldom() -> None:
    """Once a process, when all of its code is loaded: that is not looked through any more.

    A push makes millions of small values, and none that refers to itself: they are gone with their batch.
    Looking for such took a quarter of the worker's time (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def switch_seldom() -> None:
    """Let a thread go on a little longer while others wait: each of dozens of accounts that wait for a turn
    wakes up at the end of each one. Beats and answers wait for a fraction of a second at worst.
    """
    sys.setswitchinterval(_TURN_S)


def keep_memory() -> None:
    """Have one batch use what the one before it left, whichever thread it is in: a quarter fewer pages have
    to be got from the system, and less memory lies about in parts (docs/performance.md).
    """
    if (library := _c_library()) is not None and hasattr(library, "mallopt"):
        for parameter, value in _MALLOC:
            library.mallopt(parameter, value)


def give_back() -> None:
    """Give memory that is free back to the system, after a large file was read.

    pyarrow and the C library keep it for a next time, which a process that reads one file never has: 400 MB
    of a workbook of a million rows stayed with the push that follows (docs/performance.md).
    """
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if (library := _c_library()) is not None and hasattr(library, "malloc_trim"):  # not in musl
        library.malloc_trim(0)


def _c_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None

"""How often a run worker looks for garbage that refers to itself."""

import gc
from functools import cache

__all__ = ["collect_seldom"]

# New containers before a look, and looks at one generation before one at the next. Python has 700, 10 and 10.
_THRESHOLDS = (100_000, 20, 100)


@cache
def collect_seldom() -> None:
    """Once a process, when all of its code is loaded: that is not looked through any more.

    A push makes millions of small values, and none that refers to itself: they are gone with their batch.
    Looking for such took a quarter of the worker's time (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)

"""How long to wait before the next try: one pure function."""

_JITTER = 0.2
_DOUBLINGS = 30  # beyond any cap, and still a float


def backoff_s(attempt: int, *, base: float = 5, cap: float = 300, jitter: float) -> float:
    """Seconds before the try that follows failed try number `attempt` (1 is the first): 5, 10, 20 ...

    `jitter` is drawn by the caller from [0, 1) and spreads the wait by +-20%, because workers that were
    refused together would come back together. Never more than `cap`, and spread there too.
    """
    doubled = base * 2.0 ** min(max(attempt - 1, 0), _DOUBLINGS)
    return min(doubled, cap / (1 + _JITTER)) * (1 - _JITTER + 2 * _JITTER * jitter)


def again_s(refusals: int, *, base: float, retry_after_s: float | None, jitter: float) -> float:
    """Seconds before an item is sent again that was refused for a while, `refusals` times so far: doubled
    each time, and never before Google's own time.

    >>> again_s(1, base=5, retry_after_s=None, jitter=0.5), again_s(1, base=5, retry_after_s=30, jitter=0.5)
    (5.0, 30)
    """
    return max(retry_after_s or 0, backoff_s(refusals, base=base, cap=3_600, jitter=jitter))


# In so many attempts an item may have been in flight when their worker died, and still be sent: alone.
MOST_DEATHS_OF_AN_ITEM = 3


def most_at_once(batch_size: int, deaths: int) -> int:
    """How many items with so many deaths may travel together: batches halve around the one that kills.

    >>> [most_at_once(1000, deaths) for deaths in range(4)]
    [1000, 500, 250, 1]
    """
    return 1 if deaths >= MOST_DEATHS_OF_AN_ITEM else max(1, batch_size >> deaths)

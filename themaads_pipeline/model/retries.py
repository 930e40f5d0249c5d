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

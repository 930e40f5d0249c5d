"""Final URLs: a theme's parameters go into the query, and no other byte changes."""

import re
from collections.abc import Iterable

_BRACED = re.compile(r"\{[^{}]*\}")


def with_parameters(url: str, pairs: Iterable[str]) -> str:
    """The URL with each `key=value` at the end of its query, where it is not there already.

    Nothing is parsed and put together again: ValueTrack braces, `+`, `%20`, the order of parameters and the
    fragment are what an advertiser's tracking hangs on. A parameter of the same key with another value stays.

    >>> with_parameters("https://a.nl/{ignore}?q=a+b%20c#top", ["campaign_theme=1"])
    'https://a.nl/{ignore}?q=a+b%20c&campaign_theme=1#top'
    """
    end = _query_end(url)
    head, fragment = url[:end], url[end:]
    present = _pairs(head)
    for pair in pairs:
        if pair not in present:
            joint = "" if head.endswith(("?", "&")) and "?" in head else "&" if "?" in head else "?"
            head = f"{head}{joint}{pair}"
    return head + fragment


def query_pairs(url: str) -> frozenset[str]:
    """The `key=value` parameters of the URL's query, byte for byte."""
    return _pairs(url[: _query_end(url)])


def _pairs(head: str) -> frozenset[str]:
    _, _, query = head.partition("?")
    return frozenset(query.split("&")) if query else frozenset()


def _query_end(url: str) -> int:
    """Where the fragment begins; a `#` within ValueTrack braces (`{ifmobile:#m}`) begins at its brace."""
    start = url.find("#")
    if start < 0:
        return len(url)
    for braced in _BRACED.finditer(url):
        if braced.start() < start < braced.end():
            return braced.start()
    return start

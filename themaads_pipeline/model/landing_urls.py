"""Final URLs: a theme's parameters go into the query, and no other byte changes."""

import re
from collections.abc import Iterable

# A host of two names or more, of whatever alphabet; the rest is the advertiser's, ValueTrack braces and all.
_OPENABLE = re.compile(r"https?://[^\s/?#{}@:]+\.[^\s/?#{}@:.]+\.?(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)


def with_parameters(url: str, pairs: Iterable[str]) -> str:
    """The URL with each `key=value` at the end of its query, where it is not there already.

    Nothing is parsed and put together again: ValueTrack braces, `+`, `%20`, the order of parameters and the
    fragment are what an advertiser's tracking hangs on. A parameter of the same key with another value stays.

    >>> with_parameters("https://a.nl/{ignore}?q=a+b%20c#top", ["campaign_theme=1"])
    'https://a.nl/{ignore}?q=a+b%20c&campaign_theme=1#top'
    """
    end = _query_end(url)
    head, fragment = url[:end], url[end:]
    for pair in pairs:
        if pair not in head or pair not in _pairs(head):
            head = f"{head}{_joint(head)}{pair}"
    return head + fragment


def is_sane(url: str) -> bool:
    """Whether a final URL can be opened at all: `http` or `https`, a site with a name, no spaces or controls.

    >>> [is_sane(url) for url in ("https://a.nl/x?q={keyword}", "www.a.nl", "https://a b.nl", "https://localhost")]
    [True, False, False, False]
    """
    return _OPENABLE.fullmatch(url) is not None


def query_pairs(url: str) -> frozenset[str]:
    """The `key=value` parameters of the URL's query, byte for byte."""
    return _pairs(url[: _query_end(url)])


def _joint(head: str) -> str:
    _, mark, query = head.partition("?")
    if not mark:
        return "?"
    return "" if not query or query.endswith("&") else "&"


def _pairs(head: str) -> frozenset[str]:
    _, _, query = head.partition("?")
    return frozenset(query.split("&")) if query else frozenset()


def _query_end(url: str) -> int:
    """Where the fragment begins; a `#` within ValueTrack braces (`{ifmobile:#m}`) begins at the outer one."""
    if "#" not in url:
        return len(url)
    depth = opened = 0
    for position, character in enumerate(url):
        if character == "{":
            opened = opened if depth else position
            depth += 1
        elif character == "}":
            depth = max(0, depth - 1)
        elif character == "#":
            return opened if depth and "}" in url[position:] else position
    return len(url)

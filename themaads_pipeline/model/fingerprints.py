"""A fingerprint: what an ad says and where it leads, for finding an ad whose identity did not survive."""

import hashlib
from bisect import bisect_left
from functools import lru_cache
from json.encoder import encode_basestring as _quoted

from themaads_pipeline.model.ads import AdContent, AdText
from themaads_pipeline.model.texts import single_spaced
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE


def fingerprint(content: AdContent) -> str:
    """32 hexadecimal digits, equal for ads with equal URLs, paths, texts and pins.

    Google may return texts in another order and with other outer spaces, so these do not count. Hashed is
    JSON: `[[url, ...],path1,path2,[[headline,pin], ...],[[description,pin], ...]]`. The ledger holds
    fingerprints, so this may never be written in another way. It is put together from what is known of each
    text, since a theme's are in every ad.
    """
    urls = content.final_urls
    written_urls = _quoted(urls[0]) if len(urls) == 1 else ",".join(map(_quoted, sorted(set(urls))))
    written = b"[[%b],%b,%b,[%b],[%b]]" % (
        _encoded(written_urls),
        _path(content.path1),
        _path(content.path2),
        _set_of(content.headlines, HEADLINE.copied),
        _set_of(content.descriptions, DESCRIPTION.copied),
    )
    return hashlib.sha256(written).hexdigest()[:32]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _set_of(texts: tuple[AdText, ...], own: int) -> bytes:
    """In order, each once. Behind the ad's `own` texts mostly a theme's follow: these are sorted once."""
    known_keys, known = _sorted(texts[own:])
    keys, written = known_keys.copy(), known.copy()
    for key, entry in map(_entry, texts[:own]):
        place = bisect_left(keys, key)
        if place == len(keys) or keys[place] != key:
            keys.insert(place, key)
            written.insert(place, entry)
    return b",".join(written)


@lru_cache(maxsize=4_096)
def _sorted(texts: tuple[AdText, ...]) -> tuple[list[str], list[bytes]]:
    """What each text is sorted by, and how it is written: in this order. Not to be changed by who gets it."""
    written = dict(map(_entry, texts))
    keys = sorted(written)
    return keys, list(map(written.__getitem__, keys))


@lru_cache(maxsize=16_384)
def _entry(text: AdText) -> tuple[str, bytes]:
    """What a text is sorted by, which is the text and then its pin, and how it is written."""
    spaced, pin = single_spaced(text.text), text.pin or ""
    return f"{spaced}\0{pin}", _encoded(f"[{_quoted(spaced)},{_quoted(pin)}]")


@lru_cache(maxsize=4_096)
def _path(path: str) -> bytes:
    return _encoded(_quoted(single_spaced(path)))

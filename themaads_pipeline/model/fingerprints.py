"""A fingerprint: what an ad says and where it leads, for finding an ad whose identity did not survive."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring as _quoted

from themaads_pipeline.model.ads import AdContent, AdText
from themaads_pipeline.model.texts import single_spaced


def fingerprint(content: AdContent) -> str:
    """32 hexadecimal digits, equal for ads with equal URLs, paths, texts and pins.

    Google may return texts in another order and with other outer spaces, so these do not count. Hashed is
    JSON: `[[url, ...],path1,path2,[[headline,pin], ...],[[description,pin], ...]]`. The ledger holds
    fingerprints, so this may never be written in another way. It is put together from what is known of each
    text, since a theme's are in every ad.
    """
    urls = ",".join(map(_quoted, sorted(set(content.final_urls))))
    path1, path2 = _quoted(single_spaced(content.path1)), _quoted(single_spaced(content.path2))
    written = f"[[{urls}],{path1},{path2},[{_set_of(content.headlines)}],[{_set_of(content.descriptions)}]]"
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _set_of(texts: Iterable[AdText]) -> str:
    written = dict(map(_entry, texts))
    return ",".join(map(written.__getitem__, sorted(written)))


@lru_cache(maxsize=16_384)
def _entry(text: AdText) -> tuple[str, str]:
    """What a text is sorted by, which is the text and then its pin, and how it is written."""
    spaced, pin = single_spaced(text.text), text.pin or ""
    return f"{spaced}\0{pin}", f"[{_quoted(spaced)},{_quoted(pin)}]"

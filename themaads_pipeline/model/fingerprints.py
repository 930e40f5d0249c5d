"""A fingerprint: what an ad says and where it leads, for finding an ad whose identity did not survive."""

import hashlib
import json
from collections.abc import Iterable

from themaads_pipeline.model.ads import AdContent, AdText
from themaads_pipeline.model.texts import single_spaced


def fingerprint(content: AdContent) -> str:
    """32 hexadecimal digits, equal for ads with equal URLs, paths, texts and pins.

    Google may return texts in another order and with other outer spaces, so these do not count.
    """
    parts = [
        sorted(set(content.final_urls)),
        single_spaced(content.path1),
        single_spaced(content.path2),
        _as_set(content.headlines),
        _as_set(content.descriptions),
    ]
    written = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _as_set(texts: Iterable[AdText]) -> list[tuple[str, str]]:
    return sorted({(single_spaced(text.text), text.pin or "") for text in texts})

"""What Google may do to an ad between what was sent and what is read."""

from urllib.parse import urlsplit, urlunsplit

from themaads_pipeline.emulator.messages import Message


def tidy_texts(ad: Message) -> None:
    """Texts without outer spaces, and in another order."""
    for name in ("headlines", "descriptions"):
        assets = getattr(ad.responsive_search_ad, name)
        kept = [type(asset).FromString(asset.SerializeToString()) for asset in reversed(assets)]
        for asset in kept:
            asset.text = asset.text.strip()
        del assets[:]
        assets.extend(kept)


def tidy_urls(ad: Message) -> None:
    """Scheme and host in lower case, and a slash after a bare domain."""
    for urls in (ad.final_urls, ad.final_mobile_urls):
        urls[:] = [_tidy(url) for url in urls]


def _tidy(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/"))

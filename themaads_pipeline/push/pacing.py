"""The pace of one run: by account, for all of them, and by the sites that Google visits for new ads."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import urlsplit

from themaads_pipeline.exceptions import AdsError, OutcomeUnknownError, RateLimitError
from themaads_pipeline.model.pacing import Pace, SitePace
from themaads_pipeline.model.planning import Create

__all__ = ["Pacing", "site_of"]

_SITE_GROWS_EVERY_S = 15.0
_SURGE_SHARE = 0.02  # of a site's new ads in one request; fewer broken pages are just that
_SURGE = 3


class Pacing:
    """What has been found out about how fast Google takes what is sent. Safe for threads."""

    def __init__(self, *, site_ads_per_s: float) -> None:
        """Nothing is known yet. New ads on one site begin at so many a second; 0: sites are not minded."""
        self._site_rate = site_ads_per_s
        self._lock = threading.Lock()
        self._accounts: dict[int, Pace] = {}
        self._everyone = Pace()
        self._sites: dict[str, SitePace] = {}

    def wait_s(self, customer_id: int) -> float:
        """How long to wait before the account's next mutate, in seconds."""
        with self._lock:
            now = time.monotonic()
            return max(self._account(customer_id).wait_s(now), self._everyone.wait_s(now))

    @contextmanager
    def request(self, customer_id: int, operations: int) -> Iterator[None]:
        """Around a mutate: what becomes of it tells whether the pace was right."""
        with self._lock:
            paces, now = (self._account(customer_id), self._everyone), time.monotonic()
            for pace in paces:
                pace.sent(now, operations)
        try:
            yield
        except RateLimitError as error:
            with self._lock:
                limited = paces[1] if error.for_all else paces[0]
                limited.limited(time.monotonic(), retry_after_s=error.retry_after_s)
            raise
        except OutcomeUnknownError:
            raise  # nobody knows whether it was taken
        except AdsError:
            self._taken(paces, operations)
            raise
        self._taken(paces, operations)

    # Sites

    def choose(self, creates: Sequence[Create], most: int) -> tuple[list[Create], float]:
        """As many new ads, in their order, as their sites bear now, and at most `most`.

        Returns:
            Those ads, which count as sent, and, when there are none, how long to wait in seconds.
        """
        if not self._site_rate:
            return list(creates[:most]), 0.0
        first = creates[:most]
        wanted = Counter(site_of(create) for create in first)
        with self._lock:
            now = time.monotonic()
            left = {site: self._site(site).grant(now, count) for site, count in wanted.items()}
            wait_s = min(self._site(site).wait_s(now, count) for site, count in wanted.items())
        chosen = []
        for create in first:
            if left[site := site_of(create)] > 0:
                left[site] -= 1
                chosen.append(create)
        return chosen, 0.0 if chosen else max(wait_s, 0.01)

    def give_back(self, creates: Sequence[Create]) -> None:
        """They were chosen, and not sent."""
        with self._lock:
            for site, count in Counter(map(site_of, creates)).items():
                if self._site_rate:
                    self._site(site).give_back(count)

    def noted(self, sent: Sequence[Create], broken: Sequence[Create]) -> None:
        """What became of new ads: of those that were `sent` together, the pages of these did not open."""
        if not self._site_rate or not broken:
            return
        of_site: Mapping[str, int] = Counter(map(site_of, sent))
        with self._lock:
            for site, count in Counter(map(site_of, broken)).items():
                if count >= max(_SURGE, _SURGE_SHARE * of_site[site]):
                    self._site(site).broke(time.monotonic())

    def _taken(self, paces: Sequence[Pace], operations: int) -> None:
        with self._lock:
            for pace in paces:
                pace.taken(time.monotonic(), operations)

    def _account(self, customer_id: int) -> Pace:
        return self._accounts.setdefault(customer_id, Pace())

    def _site(self, site: str) -> SitePace:
        if site not in self._sites:
            self._sites[site] = SitePace(rate=self._site_rate, every_s=_SITE_GROWS_EVERY_S)
        return self._sites[site]


def site_of(create: Create) -> str:
    """The site that Google visits for an ad: the host of its first landing page, with or without `www.`."""
    urls = create.new_ad.content.final_urls
    return _site_of_url(urls[0]) if urls else ""


@lru_cache(maxsize=50_000)
def _site_of_url(url: str) -> str:
    """An ad is looked at again with each batch that has no room for it yet."""
    return (urlsplit(url).hostname or "").removeprefix("www.")

"""All that the emulator knows: accounts, policy, profile, faults, the log, and its clock."""

import time
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Event, Lock
from typing import Any
from urllib.parse import urlsplit

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.faults import FaultBook
from themaads_pipeline.emulator.gaql.cursors import Cursors
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.policy import Policy, SiteChecks
from themaads_pipeline.emulator.profiles import PROFILES, Profile
from themaads_pipeline.emulator.request_log import RequestLog

_FIRST_ID = 700_000_000_000


@dataclass(slots=True)
class World:
    """Replaced in part by seeding; ids go on counting, since Google never gives one out twice."""

    accounts: dict[int, Account] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    site_checks: SiteChecks = field(default_factory=SiteChecks)
    profile: Profile = PROFILES["instant"]
    faults: FaultBook = field(default_factory=FaultBook)
    log: RequestLog = field(default_factory=RequestLog)
    cursors: Cursors = field(default_factory=Cursors)
    stopping: Event = field(default_factory=Event)
    clock_offset_s: float = 0.0
    seed: Any = None
    upload_rows: list[tuple[int, int, str, int, str]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(_FIRST_ID))
    _random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - replayable on purpose
    _lock: Any = field(default_factory=Lock)

    def now(self) -> float:
        """Seconds since the epoch, by the emulator's clock, which a test may have set."""
        return time.time() + self.clock_offset_s

    def next_id(self) -> int:
        number: int = next(self._ids)
        return number

    def ids_above(self, taken: int) -> None:
        """Future ids are greater than this one."""
        self._ids = count(max(next(self._ids), taken + 1))

    def chance(self, share: float) -> bool:
        with self._lock:
            return self._random.random() < share

    @property
    def reads_may_lag(self) -> bool:
        return bool(self.faults.standing("stale_reads"))

    def read_lag_s(self, account: Account, method: str) -> float:
        faults = self.faults.standing("stale_reads", account.customer_id, method)
        for fault in faults:
            fault.fired += 1
        return max((fault.seconds for fault in faults), default=0.0)

    def site_limit(self, url: str) -> float:
        """How many new ads a second the site behind a URL bears; 0 for any number."""
        limits = [self.profile.site_checks_per_s] if self.profile.site_checks_per_s else []
        for fault in self.faults.standing("throttled_site"):
            host = urlsplit(url).hostname or ""
            if not fault.domain or host == fault.domain or host.endswith("." + fault.domain):
                limits.append(fault.per_second)
        return min(limits, default=0.0)

    def stored_form(self, account: Account, ad: Message) -> bytes:
        """The ad as it is kept: as sent, unless a fault has Google tidy it up."""
        body: bytes = ad.SerializeToString()
        faults = self.faults.standing("normalise_texts", account.customer_id)
        if not faults:
            return body
        stored = message_class("resources.Ad").FromString(body)
        for name in ("headlines", "descriptions"):
            assets = getattr(stored.responsive_search_ad, name)
            kept = [type(asset).FromString(asset.SerializeToString()) for asset in reversed(assets)]
            for asset in kept:
                asset.text = asset.text.strip()
            del assets[:]
            assets.extend(kept)
        for fault in faults:
            fault.fired += 1
            if fault.drop_custom_parameters:
                del stored.url_custom_parameters[:]
        return bytes(stored.SerializeToString())

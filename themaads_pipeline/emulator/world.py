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
from themaads_pipeline.emulator.history import History
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.policy import Policy, SiteChecks
from themaads_pipeline.emulator.profiles import PROFILES, Profile
from themaads_pipeline.emulator.request_log import RequestLog
from themaads_pipeline.emulator.tidying import tidy_texts, tidy_urls
from themaads_pipeline.emulator.traffic import Traffic

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
    history: History = field(default_factory=History)
    stopping: Event = field(default_factory=Event)
    clock_offset_s: float = 0.0
    seed: Any = None
    traffic: Traffic | None = None  # None: nobody has seen an ad yet
    generated: tuple[Account, ...] = ()  # the accounts that the seed made in bulk
    _ids: Any = field(default_factory=lambda: count(_FIRST_ID))
    _chances: dict[int | None, Random] = field(default_factory=dict)
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

    def behave(self, profile: Profile) -> None:
        """Take on a profile, with its chances from the start of its seed."""
        with self._lock:
            self.profile = profile
            self._chances.clear()

    def set_clock(self, offset_s: float) -> None:
        self.clock_offset_s = offset_s
        if self.history.store is not None:
            self.history.store.keep("clock_offset_s", offset_s)

    def chance(self, share: float, account: int | None) -> bool:
        """Whether something happens that does so in a share of cases: in the same ones with the same seed,
        for each account by itself.
        """
        with self._lock:
            if account not in self._chances:
                seed = f"{self.profile.seed} {account}"
                self._chances[account] = Random(seed)  # noqa: S311 - replayable on purpose
            return self._chances[account].random() < share

    @property
    def reads_may_lag(self) -> bool:
        return bool(self.faults.standing("stale_reads"))

    def read_lag_s(self, account: Account, method: str) -> float:
        faults = self.faults.standing("stale_reads", account.customer_id, method)
        for fault in faults:
            fault.fired += 1
        return max((fault.seconds for fault in faults), default=0.0)

    def site_limit(self, url: str) -> tuple[float, float] | None:
        """How many new ads a second the site behind a URL bears, and how long after their creation the others
        are disapproved of (0: they are refused at once); None for any number.
        """
        profile = self.profile
        limits = [(profile.site_checks_per_s, profile.site_verdict_s)] if profile.site_checks_per_s else []
        for fault in self.faults.standing("throttled_site"):
            host = urlsplit(url).hostname or ""
            if not fault.domain or host == fault.domain or host.endswith("." + fault.domain):
                limits.append((fault.per_second, fault.seconds))
        return min(limits, default=None)

    def stored_form(self, account: Account, ad: Message) -> bytes:
        """The ad as it is kept: as sent, unless a fault has Google tidy it up."""
        body: bytes = ad.SerializeToString()
        texts = self.faults.standing("normalise_texts", account.customer_id)
        urls = self.faults.standing("normalise_urls", account.customer_id)
        if not texts and not urls:
            return body
        stored = message_class("resources.Ad").FromString(body)
        if texts:
            tidy_texts(stored)
        if urls:
            tidy_urls(stored)
        for fault in (*texts, *urls):
            fault.fired += 1
            if fault.drop_custom_parameters:
                del stored.url_custom_parameters[:]
        return bytes(stored.SerializeToString())

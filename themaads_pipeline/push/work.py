"""What a push works with, and how it is set."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.push.desk import Desk
from themaads_pipeline.push.pacing import Pacing
from themaads_pipeline.settings import Settings

# Aware, in whatever zone; accounts translate it to their own.
Clock = Callable[[], datetime]

# Google takes 10,000 operations a request; each new ad takes up to two labels.
LARGEST_BATCH = 5_000
LARGEST_READ = 20_000  # values in one IN list
# Accounts of a run that read at once, so that the first can begin; and that plan: Python runs one thread.
_READERS, _PLANNERS = 4, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PushConfig:
    """How a push is done; the launchpad shows these."""

    batch_size: int = 1_000  # ads a request
    read_size: int = 1_000  # ad groups whose live state is read at once, while the last ones are sent
    accounts_at_once: int = 32
    item_limit: int | None = None  # stop after so many items, for a trial
    only_accounts: frozenset[int] = frozenset()  # empty: all
    done_label: bool = False  # also label the ad group: a quarter more operations
    preflight: bool = False  # Google judges one ad per account and edition before the first is sent
    temporary_attempts: int = 6  # tries of a batch or an item before its failure counts
    backoff_seconds: float = 5.0  # first wait after a temporary failure; doubles
    patience_seconds: float = 600.0  # an account that achieves nothing for so long, however often tried, ends
    site_retry_seconds: float = 60.0  # first wait for a page that Google could not open; doubles


@dataclass(kw_only=True)
class ItemBudget:
    """How many items may still be begun, over all accounts; None is no limit."""

    left: int | None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, wanted: int) -> int:
        """How many of the wanted items may be begun."""
        with self._lock:
            if self.left is None:
                return wanted
            granted = min(wanted, self.left)
            self.left -= granted
            return granted

    def give_back(self, unused: int) -> None:
        """Items that were granted and not begun."""
        with self._lock:
            if self.left is not None:
                self.left += unused

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be begun."""
        with self._lock:
            return self.left == 0


@dataclass(kw_only=True)
class Access:
    """Whether these credentials have reached any account so far."""

    is_proven: bool = False


@dataclass(frozen=True, kw_only=True)
class Work:
    """One run's work on one upload."""

    owner: Owner
    ledger: Ledger
    gateway: Gateway
    catalogue: Catalogue
    settings: Settings
    config: PushConfig
    clock: Clock
    accounts: dict[int, Account]  # everything our credentials reach
    budget: ItemBudget
    stop: threading.Event  # set: no new request leaves
    pacing: Pacing
    access: Access = field(default_factory=Access)
    readers: Desk = field(default_factory=partial(Desk, _READERS))
    planners: Desk = field(default_factory=partial(Desk, _PLANNERS))

"""Pushes an upload of the emulator's ad groups with real parts, for tests."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.push.pacing import Pacing
from themaads_pipeline.push.pusher import PushSummary, push_upload
from themaads_pipeline.push.work import ItemBudget, PushConfig, Work
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.source_rows import source_rows

EDITION = "black_friday_2026"
IDENTITY = ("themaedition", EDITION)

# (customer id, ad group id)
AdGroupRef = tuple[int, int]
_runs = count(1)


@dataclass(kw_only=True)
class Pusher:
    """Submits and pushes uploads against one emulator and one ledger."""

    ledger: Ledger
    gateway: Gateway
    settings: Settings
    emulator: RunningEmulator
    catalogue: Catalogue = field(default_factory=lambda: load_catalogue(None))
    now: datetime = NOW

    def submit(
        self, ad_groups: Sequence[AdGroupRef], *, key: str = "black-friday-2026@1", edition: str = EDITION
    ) -> int:
        """Register an upload and write its items, one row each; returns its number."""
        upload, _ = self.ledger.uploads.register(
            key=key, file_path=f"/in/{key}", file_name=key, content_sha256="1" * 64, edition=edition
        )
        owner = self.ledger.uploads.take(
            upload.number, run_id=f"reading-{next(_runs)}", stage="reading", is_active=lambda _: False
        )
        rows = source_rows(
            (line, customer_id, ad_group_id, edition)
            for line, (customer_id, ad_group_id) in enumerate(ad_groups, start=2)
        )
        self.ledger.rows.write(owner, rows, [])
        self.ledger.uploads.end(owner, how="finished")
        return upload.number

    def work(self, upload: int, *, run_id: str | None = None, refresh: bool = True, **config: Any) -> Work:
        """Take the upload for a run; with or without asking anew which accounts there are."""
        config = {
            "batch_size": 50,
            "read_size": 100,
            "backoff_seconds": 0.05,
            "patience_seconds": 0,
            "site_retry_seconds": 0.2,
            **config,
        }
        push_config = PushConfig(**config)
        owner = self.ledger.uploads.take(
            upload, run_id=run_id or f"run-{next(_runs)}", stage="pushing", is_active=lambda _: False
        )
        return Work(
            owner=owner,
            ledger=self.ledger,
            gateway=self.gateway,
            catalogue=self.catalogue,
            settings=self.settings,
            config=push_config,
            clock=lambda: self.now,
            accounts=self.gateway.accounts(refresh=refresh),
            budget=ItemBudget(left=push_config.item_limit),
            stop=threading.Event(),
            pacing=Pacing(site_ads_per_s=self.settings.site_ads_per_second),
        )

    def push(
        self, upload: int, *, on_progress: Callable[[Progress], None] = lambda _: None, **config: Any
    ) -> PushSummary:
        """Take the upload and push it."""
        return push_upload(self.work(upload, **config), on_progress=on_progress, grace_s=5)

    def themed_ads(self, customer_id: int) -> list[dict[str, Any]]:
        """The ads of an account that carry this edition's identity, as the emulator has them."""
        return [
            ad
            for ad in self.emulator.ads(customer_id)
            if ad["url_custom_parameters"].get("themaedition") == EDITION
        ]

    def ads_made(self) -> int:
        """How many ads of this edition there are in all accounts."""
        return sum(
            len(self.themed_ads(account["customer_id"]))
            for account in self.emulator.accounts()
            if not account["manager"]
        )

    def mutates(self, method: str = "MutateAdGroupAds") -> list[dict[str, Any]]:
        """The mutate requests of one method that reached the emulator."""
        return [request for request in self.emulator.requests() if request["method"].endswith(method)]


def generated(emulator: RunningEmulator, *, accounts: int, ad_groups: int) -> list[AdGroupRef]:
    """Seed accounts of ordinary ad groups; returns them all."""
    emulator.seed({"generate": {"accounts": accounts, "ad_groups": ad_groups}})
    lines = emulator.upload_file().splitlines()
    header = lines[0].split(",")
    customer, ad_group = header.index("customer_id"), header.index("ad_group_id")
    refs = []
    for line in lines[1:]:
        values = line.split(",")
        refs.append((int(values[customer].replace("-", "")), int(values[ad_group])))
    return refs

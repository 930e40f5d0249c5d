"""What assets, checks and the sensor work with. Nothing is opened before it is used, and all of it is closed.

Tests give their own: `dg.materialize(..., resources={"ledger": ledger, "google_ads": lambda: gateway, ...})`.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg

from themaads_pipeline.ads.client import AdsClient, open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.embedded import database_url
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.settings import Settings, settings
from themaads_pipeline.themes.catalogue import load_catalogue

__all__ = ["Ads", "LazyGateway", "Now", "Themes", "resources"]

# Each is called when it is needed: most sensor ticks need no theme, and a finished upload no account.
Ads = Callable[[], Gateway]
Themes = Callable[[], Catalogue]
Now = Callable[[], datetime]


class LazyGateway:
    """Opens the connection to Google Ads at the first call; the same one ever after. Safe for threads."""

    def __init__(self, settings: Settings, *, admit: Callable[[int], None]) -> None:
        """Open nothing. `admit`: see `ads.gateway`."""
        self._settings = settings
        self._admit = admit
        self._lock = threading.Lock()
        self._client: AdsClient | None = None
        self._gateway: Gateway | None = None

    def __call__(self) -> Gateway:
        """The gateway.

        Raises:
            PermanentError: The configuration cannot be used; the message says why.
        """
        with self._lock:
            if self._gateway is None:
                emulator_ca = self._settings.emulator_dir / "ca.pem" if self._settings.uses_emulator else None
                self._client = open_client(
                    self._settings.ads_config,
                    trusted_roots=emulator_ca,
                    emulator_host=self._settings.emulator_host,
                )
                self._gateway = Gateway(self._client, admit=self._admit)
            return self._gateway

    def close(self) -> None:
        """End the connection, where there is one."""
        if self._client is not None:
            self._client.close()


@dg.resource(description="The environment: the variables THEMAADS_…, read once.")
def _settings(_context: dg.InitResourceContext) -> Settings:
    return settings()


@dg.resource(
    required_resource_keys={"settings"},
    description="Uploads, items, attempts and outcomes, in Postgres: the only state there is.",
)
def _ledger(context: dg.InitResourceContext) -> Iterator[Ledger]:
    chosen: Settings = context.resources.settings
    with Ledger(database_url(chosen), chosen) as opened:
        yield opened


@dg.resource(
    required_resource_keys={"settings", "ledger"},
    description="The Google Ads accounts, or the emulator where no credentials are given.",
)
def _google_ads(context: dg.InitResourceContext) -> Iterator[Ads]:
    ledger: Ledger = context.resources.ledger
    gateway = LazyGateway(context.resources.settings, admit=ledger.quota.admit)
    yield gateway
    gateway.close()


@dg.resource(required_resource_keys={"settings"}, description="The themes and their texts, one file each.")
def _themes(context: dg.InitResourceContext) -> Themes:
    theme_dir = context.resources.settings.theme_dir
    return cache(lambda: load_catalogue(theme_dir))


@dg.resource(description="The clock that decides which edition a theme means, and whether it is over.")
def _clock(_context: dg.InitResourceContext) -> Now:
    return lambda: datetime.now(UTC)


resources: dict[str, Any] = {
    "settings": _settings,
    "ledger": _ledger,
    "google_ads": _google_ads,
    "themes": _themes,
    "clock": _clock,
}

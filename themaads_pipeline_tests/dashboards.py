"""The dashboard as a browser asks it, without one: for tests of what it answers."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from html import unescape
from typing import Any

from starlette.testclient import TestClient

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.dashboard.app import create_app
from themaads_pipeline.dashboard.guard import Access
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue

__all__ = ["ADDRESS", "OURS", "dashboard", "figures", "site_of", "text_of"]

ADDRESS = "http://127.0.0.1:3100"
# What a browser sends along when a form of one of our own pages is sent.
OURS = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}


@contextmanager
def site_of(
    settings: Settings, *, access: Access | None = None, gateway: Gateway | None = None
) -> Iterator[Site]:
    """Everything that pages are made from, as the command opens it."""

    def open_gateway() -> AbstractContextManager[Gateway]:
        assert gateway is not None, "this test's dashboard has no accounts"
        return nullcontext(gateway)

    url = settings.database_url
    assert url is not None
    with ExitStack() as stack:
        yield Site(
            settings=settings,
            access=access or Access(),
            looking=stack.enter_context(Ledger(url, settings, connections=4, looks_for_s=5)),
            gathering=stack.enter_context(Ledger(url, settings, connections=4, looks_for_s=60)),
            acting=stack.enter_context(Ledger(url, settings, connections=4)),
            open_gateway=open_gateway,
            catalogue=lambda: load_catalogue(None),
            clock=lambda: datetime.now(UTC),
        )


@contextmanager
def dashboard(
    settings: Settings,
    *,
    access: Access | None = None,
    gateway: Gateway | None = None,
    client: tuple[str, int] = ("127.0.0.1", 50000),
) -> Iterator[TestClient]:
    """Asks it from `client`; redirects are not followed."""
    with (
        site_of(settings, access=access, gateway=gateway) as site,
        TestClient(create_app(site), base_url=ADDRESS, follow_redirects=False, client=client) as asking,
    ):
        yield asking


def figures(page: str) -> dict[str, Any]:
    """The figures of a page by their name, as the page's own attributes have them."""
    found = re.findall(r'data-figure="([^"]*)" data-value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


def text_of(page: str) -> str:
    """What a person reads, in one line."""
    without_tags = re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page))
    return " ".join(unescape(without_tags).split())

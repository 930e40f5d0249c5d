"""How long the dashboard's pages take with millions of items, and what it costs a push to be looked at.

Arguments: how many items the ledger has (0: none, and no pages); how many ad groups are pushed; against
which profile of the emulator. Pages: each answer is asked of the ledger anew, as the first viewer of a
second has it,
and then as the others have it. Push: the same upload with nobody at the dashboard and with five viewers, in
turns; the median of each.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import psycopg
import uvicorn

from benchmarks.bench.big_ledger import UPLOADS, BigLedger, fill
from benchmarks.bench.place import Place, a_place, a_postgres, say
from themaads_pipeline.dashboard.app import create_app
from themaads_pipeline.dashboard.guard import Access
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import EDITION

_TIMES = 30
_VIEWERS, _EVERY_S = 5, 2.0
_TURNS = 3


def main(items: int, ad_groups: int, profile: str) -> None:
    """Pages first, then the push."""
    figures: dict[str, Any] = {}
    if items:
        with a_postgres() as (home, url):
            big = fill(url, items)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("vacuum analyze")
            figures |= {"uploads": UPLOADS, "items": items, "pages_ms": _pages(home, url, big)}
    if ad_groups:
        figures |= {"ad_groups": ad_groups, "profile": profile, **_cost(ad_groups, profile)}
    say(figures)


def _pages(home: Path, url: str, big: BigLedger) -> dict[str, dict[str, float]]:
    paths = {
        "overview": "/",
        "overview, its live part": "/live",
        "all uploads": "/uploads",
        "the large upload": f"/uploads/{big.large}",
        "the large upload, its live part": f"/uploads/{big.large}/live",
        "a finished upload": f"/uploads/{big.finished}",
    }
    found = {}
    with _served(home, url) as (address, site):
        for name, path in paths.items():
            anew = [_ms(address + path, site.answers.forget) for _ in range(1 + _TIMES)][1:]
            kept = [_ms(address + path, lambda: None) for _ in range(_TIMES)]
            found[name] = {
                "anew, median": round(median(anew), 1),
                "anew, worst": round(max(anew), 1),
                "kept, median": round(median(kept), 1),
            }
    return found


def _cost(ad_groups: int, profile: str) -> dict[str, Any]:
    """Seconds of the whole push, unseen and seen; each on a ledger and an emulator of its own."""
    seconds: dict[str, list[float]] = {"unseen": [], "seen": []}
    for _ in range(_TURNS):
        for how, taken in seconds.items():
            with a_place() as place, ExitStack() as stack:
                number = _handed_in(place, ad_groups)
                place.emulator.profile(profile)
                if how == "seen":
                    address, _ = stack.enter_context(_served(place.home, place.database_url))
                    stack.enter_context(_viewed(address, number))
                said = place.run("push_case", number, THEMAADS_SITE_ADS_PER_SECOND="0")
                taken.append(round(said["wall_s"], 2))
    unseen, seen = median(seconds["unseen"]), median(seconds["seen"])
    return {"push_s": seconds, "cost_percent": round(100 * (seen / unseen - 1), 2)}


def _handed_in(place: Place, ad_groups: int) -> str:
    place.emulator.set_now(NOW)
    place.seed(accounts=28, ad_groups=ad_groups)
    file = place.home / "benchmark.csv"
    file.write_text(place.emulator.upload_file(), encoding="utf-8")
    return str(place.run("intake_case", str(file), EDITION)["upload"])


@contextmanager
def _viewed(address: str, number: str) -> Iterator[None]:
    """Five viewers with both pages open."""
    is_over = threading.Event()

    def view() -> None:
        while not is_over.wait(_EVERY_S):
            for path in ("/live", f"/uploads/{number}/live"):
                with urlopen(address + path, timeout=30) as answer:
                    answer.read()

    viewers = [threading.Thread(target=view, daemon=True) for _ in range(_VIEWERS)]
    for viewer in viewers:
        viewer.start()
    try:
        yield
    finally:
        is_over.set()
        for viewer in viewers:
            viewer.join()


@contextmanager
def _served(home: Path, url: str) -> Iterator[tuple[str, Site]]:
    settings = Settings(home=home, database_url=url)
    with ExitStack() as stack:
        site = Site(
            settings=settings,
            access=Access(),
            looking=stack.enter_context(Ledger(url, settings, connections=6, looks_for_s=5)),
            gathering=stack.enter_context(Ledger(url, settings, connections=2, looks_for_s=600)),
            acting=stack.enter_context(Ledger(url, settings, connections=2)),
            open_gateway=_no_accounts,
            catalogue=lambda: load_catalogue(None),
            clock=lambda: datetime.now(UTC),
        )
        server = uvicorn.Server(uvicorn.Config(create_app(site), port=0, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        [listener] = [sock for each in server.servers for sock in each.sockets]
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", site
        finally:
            server.should_exit = True
            thread.join()


def _no_accounts() -> Any:
    raise NotImplementedError("nothing is previewed here")


def _ms(address: str, before: Callable[[], None]) -> float:
    before()
    started = time.perf_counter()
    with urlopen(address, timeout=30) as answer:
        answer.read()
    return 1e3 * (time.perf_counter() - started)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 0,
        sys.argv[3] if len(sys.argv) > 3 else "realistic",
    )

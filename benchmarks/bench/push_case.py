"""One push, as the asset `themed_ads` does it, without Dagster around it. Arguments: the upload's number."""

import sys
import threading
from collections.abc import Callable
from datetime import datetime

from benchmarks.bench.place import Meter, say, since_the_interpreter_started
from themaads_pipeline.ads import operations, responses  # noqa: F401 - a worker loads all of our code first
from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.push.memory import collect_seldom, keep_memory, switch_seldom
from themaads_pipeline.push.pacing import Pacing
from themaads_pipeline.push.pusher import push_upload
from themaads_pipeline.push.work import ItemBudget, PushConfig, Work
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW


def main(number: int) -> None:
    """Push it."""
    imports_s = since_the_interpreter_started()
    collect_seldom()
    switch_seldom()
    keep_memory()
    chosen, config = settings(), PushConfig()
    clock: Callable[[], datetime] = lambda: NOW  # noqa: E731 - a value
    assert chosen.database_url is not None
    with Ledger(chosen.database_url, chosen) as ledger:
        owner = ledger.uploads.take(number, run_id="push", stage="pushing", is_active=lambda _: False)
        meter = Meter()
        client = open_client(chosen.ads_config, trusted_roots=chosen.emulator_dir / "ca.pem")
        gateway = Gateway(client, admit=ledger.quota.admit)
        work = Work(
            owner=owner,
            ledger=ledger,
            gateway=gateway,
            catalogue=load_catalogue(None),
            settings=chosen,
            config=config,
            clock=clock,
            accounts=gateway.accounts(),
            budget=ItemBudget(left=None),
            stop=threading.Event(),
            pacing=Pacing(site_ads_per_s=chosen.site_ads_per_second),
        )
        summary = push_upload(work, on_progress=lambda _: None)
        figures = meter.read()
        client.close()
    progress = summary.progress
    assert summary.is_finished, summary.reason
    say(
        {
            "items": progress.total,
            "done": progress.done,
            "failed": progress.failed,
            "imports_s": imports_s,
            "calls": gateway.calls_by_method(),
            **figures,
        }
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""A worker that pushes one upload, in a process of its own, to be killed: not for import.

    python -m themaads_pipeline_tests.chaos.worker UPLOAD RUN_ID [--poison AD_GROUP_ID] [--batch-size N]

The environment is that of `themaads`. Without UPLOAD and RUN_ID it loads its code and waits for them, as a
line of its standard input. Exit code 0: every item is final; 3: some are left; 4: another worker has taken
the upload over; 5: the day's operations are used up.
A poisonous ad group kills the process (SIGKILL) once it is in a batch that was written down and is about to
be sent. SIGTERM interrupts it, as Dagster does.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.defs.stages import load_our_code
from themaads_pipeline.exceptions import AdsStoppedError, FencedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account, NewAd
from themaads_pipeline.model.outcomes import MutateResult
from themaads_pipeline.push.pacing import Pacing
from themaads_pipeline.push.pusher import push_upload
from themaads_pipeline.push.work import ItemBudget, PushConfig, Work
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW


class Poisoned(Gateway):
    """A gateway that kills its process at the sight of one ad group."""

    poison = 0

    def create_ads(self, account: Account, new_ads: Sequence[NewAd], *, timeout_s: float) -> MutateResult:
        if self.poison in {new_ad.ad_group_id for new_ad in new_ads}:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().create_ads(account, new_ads, timeout_s=timeout_s)


@click.command()
@click.argument("upload", type=int, default=0)
@click.argument("run_id", default="")
@click.option("--poison", type=int, default=0)
@click.option("--batch-size", type=int, default=20)
def main(upload: int, run_id: str, poison: int, batch_size: int) -> None:
    """Take the upload and push it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(threadName)s %(name)s %(message)s")
    logging.getLogger("google").setLevel(logging.WARNING)
    if not upload:
        load_our_code()
        print("ready", flush=True)
        number, run_id = sys.stdin.readline().split()
        upload = int(number)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        is_finished = _push(upload, run_id, poison, batch_size)
    except FencedError:
        logging.getLogger(__name__).exception("leaving")
        raise SystemExit(4) from None
    except AdsStoppedError:
        logging.getLogger(__name__).exception("stopped")
        raise SystemExit(5) from None
    raise SystemExit(0 if is_finished else 3)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _push(upload: int, run_id: str, poison: int, batch_size: int) -> bool:
    ours = settings()
    assert ours.database_url is not None
    ca_file = Path(os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"])
    client = open_client(ours.ads_config, trusted_roots=ca_file)
    with Ledger(ours.database_url, ours) as ledger:
        gateway = Poisoned(client, admit=ledger.quota.admit)
        gateway.poison = poison
        owner = ledger.uploads.take(upload, run_id=run_id, stage="pushing", is_active=lambda _: False)
        summary = push_upload(
            Work(
                owner=owner,
                ledger=ledger,
                gateway=gateway,
                catalogue=load_catalogue(None),
                settings=ours,
                config=PushConfig(batch_size=batch_size, read_size=5 * batch_size, backoff_seconds=0.2),
                clock=lambda: NOW,
                accounts=gateway.accounts(),
                budget=ItemBudget(left=None),
                stop=threading.Event(),
                pacing=Pacing(site_ads_per_s=ours.site_ads_per_second),
            ),
            on_progress=lambda _: None,
            grace_s=10,
        )
    client.close()
    return summary.is_finished


if __name__ == "__main__":
    main()

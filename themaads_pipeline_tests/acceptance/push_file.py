"""Pushes one file as a run does, in a process of its own; prints where the report is. Not for import.

    python push_file.py FILE MOMENT      # the moment in ISO 8601 is the clock of editions and countdowns

The environment is that of `themaads`; GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names the emulator's authority.
"""

import json
import os
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.pacing import Pacing
from themaads_pipeline.push.pusher import push_upload
from themaads_pipeline.push.reading import read_upload
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.push.work import ItemBudget, PushConfig, Work
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue


def main(file: Path, moment: datetime) -> None:
    """Register, read, push, report: what the assets do."""
    ours, catalogue = settings(), load_catalogue(None)
    today = moment.astimezone(UTC).date()
    assert ours.google_ads_config is not None
    assert ours.database_url is not None
    client = open_client(
        ours.google_ads_config, trusted_roots=Path(os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"])
    )
    gateway = Gateway(client)
    with Ledger(ours.database_url, ours) as ledger:
        registered = register_file(file, ledger=ledger, catalogue=catalogue, today=today)
        upload, run_id = registered.upload, str(uuid.uuid4())
        owner = ledger.uploads.take(upload.number, run_id=run_id, stage="reading", is_active=lambda _: False)
        read_upload(upload, owner, ledger=ledger, catalogue=catalogue, today=today, gateway=lambda: gateway)
        ledger.uploads.end(owner, how="finished")
        owner = ledger.uploads.take(upload.number, run_id=run_id, stage="pushing", is_active=lambda _: False)
        summary = push_upload(
            Work(
                owner=owner,
                ledger=ledger,
                gateway=gateway,
                catalogue=catalogue,
                settings=ours,
                config=PushConfig(batch_size=20),
                clock=lambda: moment,
                accounts=gateway.accounts(),
                budget=ItemBudget(left=None),
                stop=threading.Event(),
                pacing=Pacing(site_ads_per_s=0),
            ),
            on_progress=lambda _: None,
        )
        after: Upload = ledger.uploads.find(str(upload.number))
        report = write_reports(
            after, ledger=ledger, directory=ours.reports, accounts=gateway.accounts(), catalogue=catalogue
        )
    client.close()
    said = {
        "number": upload.number,
        "is_new": registered.is_new,
        "status": str(after.status),
        "is_finished": summary.is_finished,
        "report": str(report.directory),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))

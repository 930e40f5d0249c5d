"""The next ad groups of an account are read while a request of it is in flight, and never too early."""

from typing import Any

import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.policies import seeded
from themaads_pipeline_tests.pushing import EDITION, Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.source_rows import source_rows

SINTERKLAAS = "sinterklaas_2026"
IN_FLIGHT_S = 3.0
SLOW = {"kind": "slow", "method": "*MutateAdGroupAds", "seconds": IN_FLIGHT_S}


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def reads_until_answered(pusher: Pusher, request: dict[str, Any]) -> int:
    """How many reads of ads had reached the emulator when it answered a request of their account."""
    answered, of_labels = request["time"] + request["duration_s"], 1
    reads = [
        each
        for each in pusher.emulator.requests()
        if (each["account"], each["method"]) == (request["account"], "SearchStream")
    ]
    return len([read for read in reads if read["time"] < answered]) - of_labels


def test_the_next_ad_groups_are_read_while_a_request_is_in_flight(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=40))
    pusher.emulator.faults([SLOW])
    assert pusher.push(upload, batch_size=20, read_size=20).progress.done == 40
    first, last = pusher.mutates()
    assert reads_until_answered(pusher, first) == 2
    assert reads_until_answered(pusher, last) == 2, "there was nothing left to read"


def test_an_account_begins_with_what_is_over_when_the_rest_is_whole_batches(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=45))
    assert pusher.push(upload, batch_size=20, read_size=20).progress.done == 45
    assert [request["operations"] for request in pusher.mutates()] == [5, 20, 20]


def test_an_ad_group_that_a_request_may_still_be_changing_is_read_when_that_is_over(pusher: Pusher) -> None:
    [*refs] = generated(pusher.emulator, accounts=1, ad_groups=20)
    upload, _ = pusher.ledger.uploads.register(
        key="two-themes@1", file_path="/in/two", file_name="two", content_sha256="2" * 64, edition=None
    )
    owner = pusher.ledger.uploads.take(
        upload.number, run_id="reading", stage="reading", is_active=lambda _: False
    )
    wanted = [(*ref, edition) for edition in (EDITION, SINTERKLAAS) for ref in refs]
    rows = source_rows((line, *item) for line, item in enumerate(wanted, start=2))
    pusher.ledger.rows.write(owner, rows, [])
    pusher.ledger.uploads.end(owner, how="finished")
    pusher.emulator.faults([SLOW])
    summary = pusher.push(upload.number, batch_size=20, read_size=20)
    assert summary.progress.done == 40
    assert [reads_until_answered(pusher, request) for request in pusher.mutates()] == [1, 2]


def test_what_a_request_teaches_holds_for_what_was_read_meanwhile(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, {"word": "profiteer", "topic": "MISLEADING"}, ad_groups=40)
    upload = pusher.submit(refs)  # a headline of the theme has that word
    pusher.emulator.faults([SLOW])
    summary = pusher.push(upload, batch_size=20, read_size=20)
    assert summary.progress.failed == 40
    [only] = pusher.mutates()
    assert only["operations"] == 20, "the others were read by then, and were not sent"
    assert reads_until_answered(pusher, only) == 2


def test_what_was_read_ahead_is_read_again_once_it_is_too_old(pusher: Pusher, settings: Settings) -> None:
    brief = settings.model_copy(update={"snapshot_seconds": 0.5 * IN_FLIGHT_S})
    pusher.settings, pusher.ledger = brief, Ledger(str(settings.database_url), brief)
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=40))
    pusher.emulator.faults([SLOW])
    assert pusher.push(upload, batch_size=20, read_size=20).progress.done == 40
    assert pusher.ads_made() == 40
    first, last = pusher.mutates()
    assert reads_until_answered(pusher, first) == 2
    assert reads_until_answered(pusher, last) >= 3, "once ahead, and once again"

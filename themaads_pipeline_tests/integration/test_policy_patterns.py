"""Patterns of what policy refused: which text or page, how often, where; of one upload and of all."""

from pathlib import Path

import psycopg
import pytest

from themaads_pipeline.defs.metadata import policy_metadata
from themaads_pipeline.ledger.attempts import PlannedItem, SentItem
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.outcomes import Example, PolicyPattern
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.integration.test_reports import EDITION
from themaads_pipeline_tests.source_rows import source_rows

CODE = "PolicyFindingError.POLICY_FINDING"
SHOP, OTHER_SHOP = 1234567890, 1234567891


def refused(trigger: str, *topics: tuple[str, str]) -> Failure:
    return Failure(
        category=Category.POLICY,
        code=CODE,
        message="No.",
        policy_topics=tuple(topic for topic, _ in topics),
        policy_types=tuple(kind for _, kind in topics),
        trigger=trigger,
    )


CASINO = refused("casino", ("GAMBLING", "PROHIBITED"))
CASINO_AND_WINE = refused("casino", ("GAMBLING", "PROHIBITED"), ("ALCOHOL", "LIMITED"))
NAMELESS = refused("")


def pushed(ledger: Ledger, key: str, refusals: dict[int, list[Failure | None]]) -> Upload:
    """An upload of which each account's ads were refused so; None: was created."""
    upload, _ = ledger.uploads.register(
        key=key, file_path="/in/bf.csv", file_name="bf.csv", content_sha256="1" * 64, edition=EDITION
    )
    owner = ledger.uploads.take(upload.number, run_id=key, stage="pushing", is_active=lambda _: False)
    line, rows = 1, []
    for customer_id, failures in refusals.items():
        for number in range(len(failures)):
            line += 1
            rows.append((line, customer_id, 100 + number, EDITION))
    ledger.rows.write(owner, source_rows(rows), [])
    for customer_id, failures in refusals.items():
        lease = ledger.leases.take(owner, customer_id)
        items = ledger.rows.open_items(upload.number, customer_id, ItemState.PENDING, limit=100)
        planned = [
            PlannedItem(
                item_id=item.item_id,
                fingerprint="f",
                seen_ad_ids=(1,),
                copied_ad_id=1,
                copied_ad_status="ENABLED",
                ad_group_name=f"Groep {item.ad_group_id}",
                campaign_id=7,
                campaign_name="Merk",
            )
            for item in items
        ]
        attempt = ledger.attempts.claim(owner, lease, planned, read_at=ledger.attempts.now())
        sent = [
            SentItem(item_id=item.item_id, state=ItemState.APPLIED, new_ad_id=item.item_id)
            if failure is None
            else SentItem(item_id=item.item_id, state=ItemState.FAILED, failure=failure)
            for item, failure in zip(items, failures, strict=True)
        ]
        ledger.attempts.settle(owner, lease, attempt, sent)
        ledger.leases.release(lease)
    ledger.uploads.end(owner, how="finished")
    return upload


@pytest.fixture
def upload(ledger: Ledger) -> Upload:
    return pushed(
        ledger,
        "black-friday-2026@1",
        {
            SHOP: [CASINO, CASINO, CASINO_AND_WINE, None, None],
            OTHER_SHOP: [CASINO, NAMELESS, None, None, None],
        },
    )


def test_refusals_are_counted_by_topic_and_cause_most_first(ledger: Ledger, upload: Upload) -> None:
    first, *others = ledger.outcomes.policy_patterns(upload.number)
    assert first == PolicyPattern(
        topic="GAMBLING",
        type="PROHIBITED",
        trigger="casino",
        items=4,
        accounts=2,
        uploads=1,
        of_items=10,
        examples=tuple(
            Example(customer_id=SHOP, ad_group_id=number, name=f"Groep {number}")
            for number in (100, 101, 102)
        ),
    )
    assert first.share == 0.4
    assert [(each.topic, each.type, each.trigger, each.items, each.share) for each in others] == [
        ("ALCOHOL", "LIMITED", "", 1, 0.1),
        (CODE, "", "", 1, 0.1),
    ]


def test_over_all_uploads_they_are_counted_together(ledger: Ledger, upload: Upload) -> None:
    pushed(ledger, "black-friday-2026@2", {SHOP: [CASINO] + [None] * 9})
    first = ledger.outcomes.policy_patterns()[0]
    assert (first.topic, first.items, first.uploads, first.of_items) == ("GAMBLING", 5, 2, 20)
    assert ledger.outcomes.policy_patterns(upload.number)[0].items == 4


def test_a_text_counts_in_whatever_case_and_a_url_as_its_site(ledger: Ledger) -> None:
    kind = ("TOPIC", "PROHIBITED")
    triggers = ["Casino", "casino", "https://www.a.nl/1?x=y", "https://www.A.nl", "http://b.nl/a.nl", "a.nl"]
    upload = pushed(ledger, "bf@3", {SHOP: [refused(trigger, kind) for trigger in triggers]})
    patterns = ledger.outcomes.policy_patterns(upload.number)
    assert [(each.trigger.lower(), each.items) for each in patterns] == [
        ("casino", 2),
        ("https://www.a.nl", 2),
        ("a.nl", 1),
        ("http://b.nl", 1),
    ]


def test_an_upload_that_policy_did_not_touch_has_no_pattern(ledger: Ledger, upload: Upload) -> None:
    other = pushed(ledger, "black-friday-2026@2", {SHOP: [None]})
    assert ledger.outcomes.policy_patterns(other.number) == []


def test_refusals_from_before_types_were_kept_are_counted_too(
    ledger: Ledger, upload: Upload, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update themaads.item set policy_types = null")
    first = ledger.outcomes.policy_patterns(upload.number)[0]
    assert (first.topic, first.type, first.items) == ("GAMBLING", "", 4)


def test_a_report_and_the_assets_metadata_show_them(ledger: Ledger, upload: Upload, tmp_path: Path) -> None:
    text = write_reports(upload, ledger=ledger, directory=tmp_path, catalogue=load_catalogue(None)).text
    assert "| GAMBLING | PROHIBITED | casino | 4 | 40.0% | 2 | Groep 100, Groep 101, Groep 102 |" in text
    assert "`themaads lessons`" in text
    shown = policy_metadata(ledger, upload.number)["policy_patterns"].value
    assert shown.records[0].data == {
        "policy": "GAMBLING",
        "type": "PROHIBITED",
        "text or page": "casino",
        "items": "4",
        "share": "40.0%",
        "accounts": "2",
        "examples: ad groups": "100 Groep 100, 101 Groep 101, 102 Groep 102",
    }

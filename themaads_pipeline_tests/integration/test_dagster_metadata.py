"""What a person sees in Dagster: of each definition, and beside what was materialized."""

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.definitions import defs
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.integration.test_dagster_runs import Dagster, a_dagster
from themaads_pipeline_tests.policies import products, seeded
from themaads_pipeline_tests.running_emulator import RunningEmulator

_ASSETS = ("upload_items", "themed_ads", "upload_report")
# What only somebody who works on this code knows.
_JARGON = re.compile(r"\b(epoch|settled?|fenced?|lease|attempt|ledger|asset|materializ\w+)\b", re.IGNORECASE)
_DASHBOARD = "https://ads.example.com/"


@pytest.fixture
def dagster(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Iterator[Dagster]:
    settings = settings.model_copy(update={"dashboard_url": _DASHBOARD})
    with a_dagster(ledger, gateway, settings) as opened:
        yield opened


def test_each_definition_says_what_it_is_in_words_that_a_marketer_knows() -> None:
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    texts = {
        **{f"asset {name}": graph.get(dg.AssetKey(name)).description for name in _ASSETS},
        **{f"check {key.name}": graph.get(key).description for key in graph.asset_check_keys},
        **{f"sensor {sensor.name}": sensor.description for sensor in repository.sensor_defs},
        **{
            f"job {job.name}": job.description
            for job in repository.get_all_jobs()
            if not job.name.startswith("__")
        },
    }
    assert len(texts) == 3 + 4 + 3 + 3
    for name, text in texts.items():
        assert text, name
        assert len(text) > 40, name
        assert not _JARGON.search(text), (name, _JARGON.search(text))
    for name, resource in repository.get_top_level_resources().items():
        assert resource.description, name


def test_each_definition_has_an_owner_and_says_whether_it_can_change_an_account() -> None:
    repository, graph = defs.get_repository_def(), defs.resolve_asset_graph()
    for name in _ASSETS:
        asset = graph.get(dg.AssetKey(name))
        assert (asset.owners, asset.group_name) == (("team:online-marketing",), "themed_ads")
        assert asset.kinds
        assert asset.tags["google_ads"] == ("changes" if name == "themed_ads" else "only_reads")
    jobs = {job.name: job for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert {name: job.tags["google_ads"] for name, job in jobs.items()} == {
        "push_upload": "changes",
        "dry_run": "only_reads",
        "review_ads": "only_reads",
    }
    tags = [*(job.tags for job in jobs.values()), *(sensor.tags for sensor in repository.sensor_defs)]
    assert {each["owner"] for each in tags} == {"online-marketing"}
    # What is a tag of the definition must not push out what runs are retried by.
    assert {job.run_tags["dagster/retry_on_asset_or_op_failure"] for job in jobs.values()} == {"false"}


def test_what_became_of_an_upload_is_there_as_numbers_charts_tables_and_links(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    refused = products(emulator, seeded(emulator, accounts=2, ad_groups=12)[0][0])
    word = min(refused.values())
    ad_groups = seeded(emulator, {"word": word, "topic": "GAMBLING"}, accounts=2, ad_groups=12)
    columns = emulator.upload_file().splitlines()[0].count(",")
    upload = dagster.submit(emulator.upload_file() + f"not-an-account,5{',' * (columns - 1)}\n")
    assert dagster.run(upload).success
    items, ads, report = (_metadata(dagster, name, upload.key) for name in _ASSETS)

    for shown in (items, ads, report):
        for name in ("items", "done", "skipped", "failed", "left", "rejected_rows"):
            assert isinstance(shown[name], dg.IntMetadataValue)  # what Dagster plots
        assert shown["dashboard"] == dg.MetadataValue.url(f"https://ads.example.com/uploads/{upload.number}")
    total, failed = ads["items"].value, ads["failed"].value
    assert total == len(ad_groups)
    assert ads["done"].value + failed == total
    assert failed >= 1
    for shown in (ads, report):
        [pattern] = _rows(shown["policy_patterns"])
        assert (pattern["policy"], pattern["items"]) == ("GAMBLING", str(failed))
        assert pattern["text or page"].casefold() == word.casefold()
    assert ads["failed_share"].value == round(failed / total, 4)
    assert items["rejected_share"].value == round(1 / (total + 1), 4)

    chart = str(ads["how_it_went"].value)
    assert f"| ads made, PAUSED | {ads['done'].value} |" in chart
    by_account = str(report["outcomes_by_account"].value)
    assert by_account.count("█") > 2 * 10
    assert [row["reason"] for row in _rows(report["rejected_rows_first_100"])] == ["bad_customer_id"]
    for name in ("report", "outcomes", "failed_items", "rejected_rows_file"):
        assert isinstance(report[name], dg.PathMetadataValue), name


def test_the_texts_of_checks_say_what_was_found_and_what_to_do(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    seeded(emulator, {"word": "profiteer", "topic": "MISLEADING"}, ad_groups=6)  # in the theme: all fail
    upload = dagster.submit(emulator.upload_file())
    found = {each.check_name: each for each in dagster.run(upload).get_asset_check_evaluations()}
    texts = {name: check.description for name, check in found.items()}
    number = upload.number
    assert texts == {
        "every_item_is_final": "6 of 6 ad groups have an outcome",
        "failures_are_few": "6 of 6 ad groups failed (100.0%); up to 10% is expected: "
        f"`themaads outcomes {number} --state failed` lists them",
        "no_ad_twice": "No ad group has two ads of the theme (0 ads looked up in Google Ads)",
        "ads_are_there": "No ad was made, and so none is missing",
    }
    share = found["failures_are_few"].metadata
    assert (share["failed"].value, share["failed_share"].value, share["bound"].value) == (6, 1.0, 0.1)
    [pattern] = _rows(share["policy_patterns"])
    assert pattern["policy"] == "MISLEADING"


def test_the_chart_of_an_upload_whose_run_died_is_an_image_that_shows_the_death_and_needs_nothing_else(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    seeded(emulator, ad_groups=6)
    upload = dagster.submit(emulator.upload_file())
    dagster.ledger.uploads.take(upload.number, run_id="dead", stage="pushing", is_active=lambda _: False)
    dagster.ledger.beats.bury("dead", why="killed by signal 9")
    assert dagster.run(upload).success

    chart = str(_metadata(dagster, "themed_ads", upload.key)["how_it_went"].value)
    assert "| ads made, PAUSED | 6 | 100% |" in chart
    [encoded] = re.findall(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([^)]+)\)", chart)
    picture = base64.b64decode(encoded).decode()
    drawing = ET.fromstring(picture)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert [text.text for text in drawing.findall("{*}text") if text.get("class") == "death"] == [
        "run 1 died"
    ]
    assert not re.search(r"(href|src|url\(|<script)", picture)


def test_the_report_on_a_file_that_cannot_be_used_says_that_it_failed_and_why(dagster: Dagster) -> None:
    upload = dagster.submit("customer_id,ad_group_id\nx,1\ny,2\n")
    assert not dagster.run(upload).success
    [page] = dagster.resources["settings"].reports.glob(f"{upload.number}-*/report.html")
    text = page.read_text(encoding="utf-8")
    assert "<b>Failed:</b> black_friday.csv: none of its 2 rows can be used" in text
    assert f"<pre>themaads resume {upload.number}</pre>" in text
    assert "Repair the rows that could not be used: 2 rows" in text


def _metadata(dagster: Dagster, asset: str, key: str) -> dict[str, Any]:
    """Of the partition's last materialization, as Dagster keeps it."""
    [record] = dagster.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key]), limit=1
    ).records
    assert record.asset_materialization is not None
    return dict(record.asset_materialization.metadata)


def _rows(value: Any) -> list[dict[str, Any]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]

"""What a push would do, as a file: one line an item, with every field of the ad that would be made."""

from collections.abc import Iterable, Iterator, Sequence

from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import AdText
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.push.dry_run import PlannedOutcome
from themaads_pipeline.reports.cells import safe
from themaads_pipeline.reports.tables import table_file

_HEADLINES = tuple(f"headline_{number}" for number in range(1, HEADLINE.most + 1))
_DESCRIPTIONS = tuple(f"description_{number}" for number in range(1, DESCRIPTION.most + 1))

DRY_RUN_COLUMNS = (
    "customer_id", "account_name", "campaign_name", "ad_group_id", "ad_group_name", "edition", "outcome",
    "reason", "message", "labels", "status", "copied_ad_id", "copied_ad_status", "final_urls",
    "final_mobile_urls", "path1", "path2", "tracking_url_template", "final_url_suffix",
    "url_custom_parameters", *_HEADLINES, *_DESCRIPTIONS, "pins",
)  # fmt: skip


def write_dry_run(outcomes: Iterable[PlannedOutcome], path: AnyPath, *, sample: int) -> list[PlannedOutcome]:
    """Write every outcome to a CSV file while it is planned, and give the first `sample` back.

    Raises:
        ReportError: The file cannot be written; one that was there before still is.
    """
    first: list[PlannedOutcome] = []
    with table_file(path, DRY_RUN_COLUMNS) as write:
        for outcome in outcomes:
            if len(first) < sample:
                first.append(outcome)
            write(dry_run_row(outcome))
    return first


def dry_run_row(outcome: PlannedOutcome) -> tuple[object, ...]:
    """One planned outcome as a line of the file; without an ad, its fields are empty."""
    item = outcome.item
    known = (
        dashed(item.customer_id),
        safe(outcome.account_name),
        safe(outcome.campaign_name),
        item.ad_group_id,
        safe(outcome.ad_group_name),
        safe(item.edition),
        outcome.outcome,
        safe(outcome.reason),
        safe(outcome.message),
        safe(", ".join(outcome.labels)),
    )
    if outcome.new_ad is None:
        return (*known, *[""] * (len(DRY_RUN_COLUMNS) - len(known)))
    ad, content = outcome.new_ad, outcome.new_ad.content
    parameters = (f"{key}={value}" for key, value in content.url_custom_parameters)
    return (
        *known,
        "PAUSED",
        ad.copied_ad_id,
        ad.copied_ad_status,
        safe(" ".join(content.final_urls)),
        safe(" ".join(content.final_mobile_urls)),
        safe(content.path1),
        safe(content.path2),
        safe(content.tracking_url_template),
        safe(content.final_url_suffix),
        safe("; ".join(parameters)),
        *_texts(content.headlines, len(_HEADLINES)),
        *_texts(content.descriptions, len(_DESCRIPTIONS)),
        " ".join((*_pins("headline", content.headlines), *_pins("description", content.descriptions))),
    )


def _texts(texts: Sequence[AdText], columns: int) -> list[str]:
    cells = [safe(text.text) for text in texts[:columns]]
    return cells + [""] * (columns - len(cells))


def _pins(name: str, texts: Sequence[AdText]) -> Iterator[str]:
    return (f"{name}_{number}:{text.pin}" for number, text in enumerate(texts, start=1) if text.pin)

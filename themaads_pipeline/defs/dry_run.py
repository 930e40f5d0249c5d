"""The job `dry_run`: everything is planned, nothing is sent, and the upload stays as it was."""

import time
from typing import Any

import dagster as dg

from themaads_pipeline.defs import labels, metadata, partitions
from themaads_pipeline.defs.launchpad import DryRunConfig, customer_ids
from themaads_pipeline.defs.resources import Ads, Now, Themes
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.dry_run import PlannedOutcome, PlannedRequests, plan_upload
from themaads_pipeline.reports.dry_run import write_dry_run
from themaads_pipeline.settings import Settings

__all__ = ["dry_run"]


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Looks every ad group up in Google Ads and plans its ad; sends nothing; writes a CSV file.",
)
def plan_everything(  # noqa: PLR0917 - Dagster calls it by name
    context: dg.OpExecutionContext,
    config: DryRunConfig,
    ledger: dg.ResourceParam[Ledger],
    google_ads: dg.ResourceParam[Ads],
    themes: dg.ResourceParam[Themes],
    clock: dg.ResourceParam[Now],
    settings: dg.ResourceParam[Settings],
) -> None:
    from themaads_pipeline.push.left import items_left  # noqa: PLC0415 - pandas costs a second at load

    started, requests = time.monotonic(), PlannedRequests()
    try:
        upload = _upload_of(context, config, ledger)
        items = items_left(
            upload,
            ledger=ledger,
            catalogue=themes(),
            today=clock().date(),
            gateway=google_ads,
            only_accounts=customer_ids(config.only_accounts),
            item_limit=config.item_limit or upload.item_limit,
        )
        outcomes = plan_upload(
            items,
            ledger=ledger,
            gateway=google_ads(),
            catalogue=themes(),
            clock=clock,
            requests=requests,
            done_label=config.done_label,
        )
        path = settings.reports / "dry_runs" / f"{upload.number}-{context.run_id[:8]}.csv"
        first = write_dry_run(outcomes, path, sample=metadata.SHOWN_ROWS)
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    said = _in_words(upload, requests)
    context.log.info(said)
    context.add_output_metadata(
        {
            "plan": dg.MetadataValue.md(_markdown(said, requests)),
            "items": requests.outcomes.total(),
            "ads": requests.ads,
            "operations": requests.operations,
            "first_100": _table(first),
            "csv": dg.MetadataValue.path(str(path)),
            **metadata.speed(requests.outcomes.total(), time.monotonic() - started),
        }
    )


@dg.job(
    partitions_def=partitions.uploads,
    executor_def=dg.in_process_executor,
    run_tags={"dagster/retry_on_asset_or_op_failure": "false"},
    tags=labels.CHANGES_NOTHING,
    description=(
        "What a push of this upload would do, as a table and a CSV file: looks everything up in Google Ads, "
        "and changes nothing, neither there nor here."
    ),
)
def dry_run() -> None:
    plan_everything()


def _upload_of(context: dg.OpExecutionContext, config: DryRunConfig, ledger: Ledger) -> Upload:
    named = config.upload or (context.partition_key if context.has_partition_key else None)
    if named is None:
        raise PermanentError('choose a partition, or name an upload in the config (`upload: "213"`)')
    return ledger.uploads.find(named)


def _in_words(upload: Upload, requests: PlannedRequests) -> str:
    if not requests.outcomes:
        return f"#{upload.number} {upload.file_name}: nothing is left to do"
    counts = {outcome: 0 for outcome, _ in requests.outcomes}
    for (outcome, _), items in requests.outcomes.items():
        counts[outcome] += items
    return (
        f"#{upload.number} {upload.file_name}: of {requests.outcomes.total():,} ad groups a push would "
        f"{metadata.in_words(counts)}; {requests.operations:,} operations. Nothing was sent."
    )


def _markdown(said: str, requests: PlannedRequests) -> str:
    lines = [
        f"| {outcome} | {reason} | {items:,} |"
        for (outcome, reason), items in requests.outcomes.most_common()
    ]
    return "\n".join(
        [
            said,
            "",
            "| outcome | reason | ad groups |",
            "|---|---|---:|",
            *lines,
            "",
            f"New ads, PAUSED: {requests.ads:,}. Labels attached: {requests.labels:,}.",
            f"Labels created: {requests.label_names:,}. Searches: {requests.searches:,}.",
        ]
    )


def _table(outcomes: list[PlannedOutcome]) -> dg.MetadataValue[Any]:
    columns = (
        "account",
        "ad group",
        "campaign",
        "outcome",
        "reason",
        "first headlines",
        "final URL",
        "labels",
    )
    rows = []
    for each in outcomes:
        content = each.new_ad.content if each.new_ad else None
        rows.append(
            (
                f"{each.item.customer_id} {each.account_name}".strip(),
                f"{each.item.ad_group_id} {each.ad_group_name}".strip(),
                each.campaign_name,
                each.outcome,
                each.message or each.reason,
                " | ".join(text.text for text in content.headlines[:4]) if content else "",
                content.final_urls[0] if content else "",
                ", ".join(each.labels),
            )
        )
    return metadata.table(columns, rows)

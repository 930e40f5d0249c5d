"""The asset `upload_report`: files for people, about what became of every ad group."""

import logging
from collections.abc import Mapping

import dagster as dg

from themaads_pipeline.defs import labels, metadata, partitions
from themaads_pipeline.defs.metadata import Metadata
from themaads_pipeline.defs.resources import Ads, Themes
from themaads_pipeline.defs.stages import Stage, stage_of
from themaads_pipeline.exceptions import AdsError, PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.telling import Tell, tell_nobody
from themaads_pipeline.push.telling import Telling
from themaads_pipeline.push.watching import watched
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.reports.tables import ReportError
from themaads_pipeline.settings import Settings

__all__ = ["files_of", "upload_report"]

_log = logging.getLogger(__name__)


@dg.asset(
    partitions_def=partitions.uploads,
    deps=["themed_ads"],
    group_name=labels.GROUP,
    owners=labels.OWNERS,
    tags=labels.CHANGES_NOTHING,
    kinds={"html", "csv"},
    description=(
        "The report of the upload: report.html to read, print and forward (what happened, what failed and "
        "why, what to do next); the outcome of every ad group with both ad ids; and the failed ad groups as "
        "a file that can be repaired and uploaded again."
    ),
)
def upload_report(
    context: dg.AssetExecutionContext,
    ledger: dg.ResourceParam[Ledger],
    google_ads: dg.ResourceParam[Ads],
    themes: dg.ResourceParam[Themes],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    with stage_of(context, ledger, "reporting", looks_only=True) as stage:
        tell, number = Telling(ledger, stage.owner), stage.upload.number
        accounts = _names(google_ads, tell)
        try:
            found = files_of(stage, themes(), settings, accounts=accounts, tell=tell)
        except ReportError as error:
            raise ReportError(
                f"{error}. Every ad that was made is recorded: the next run of #{number} writes the report, "
                "and makes none of them again"
            ) from error
        [progress] = ledger.uploads.progress(number)
        context.log.info("#%d: the report is in %s", number, found["directory"].value)
    return dg.MaterializeResult(
        metadata={
            **metadata.counts_of(progress),
            **metadata.shares_of(progress),
            "ads_are": dg.MetadataValue.text("PAUSED: enable them in Google Ads"),
            **found,
            "outcomes_by_account": metadata.accounts_chart(ledger, number),
            **metadata.policy_metadata(ledger, number),
            **metadata.rejected_metadata(ledger, number),
            **metadata.links_of(settings, number),
        }
    )


def _names(google_ads: Ads, tell: Tell) -> Mapping[int, Account] | None:
    """The accounts, for their names; a report is written without them when Google cannot be asked."""
    try:
        gateway = google_ads()
        doing = "asking Google for the names of the accounts"
        return watched(lambda _: gateway.accounts(), gateway=gateway, tell=tell, doing=doing)
    except (AdsError, PermanentError) as error:
        _log.warning("the report has no account names: %s", error)
        return None


def files_of(
    stage: Stage,
    catalogue: Catalogue,
    settings: Settings,
    *,
    accounts: Mapping[int, Account] | None = None,
    tell: Tell = tell_nobody,
) -> Metadata:
    """Write the upload's report, and say where it is."""
    now = stage.ledger.uploads.by_number(stage.upload.number)  # its status may be another since it was taken
    report = write_reports(
        now or stage.upload,
        ledger=stage.ledger,
        directory=settings.reports,
        accounts=accounts,
        catalogue=catalogue,
        tell=tell,
    )
    return {
        "summary": dg.MetadataValue.md(report.text),
        "directory": dg.MetadataValue.path(str(report.directory)),
        "report": dg.MetadataValue.path(str(report.page)),
        "outcomes": dg.MetadataValue.path(str(report.outcomes)),
        "failed_items": dg.MetadataValue.path(str(report.failed_items)),
        "rejected_rows_file": dg.MetadataValue.path(str(report.rejected_rows)),  # `rejected_rows` counts them
    }

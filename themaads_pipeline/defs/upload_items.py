"""The asset `upload_items`: the file's rows, checked, as items in the ledger."""

import time

import dagster as dg

from themaads_pipeline.defs import labels, metadata, partitions
from themaads_pipeline.defs.launchpad import ReadingConfig
from themaads_pipeline.defs.metadata import Metadata
from themaads_pipeline.defs.resources import Ads, Now, Themes
from themaads_pipeline.defs.stages import Stage, refuse, stage_of, upload_of
from themaads_pipeline.defs.upload_report import files_of
from themaads_pipeline.exceptions import ThemeError, UnusableFileError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.registration import with_theme
from themaads_pipeline.push.telling import Telling
from themaads_pipeline.reports.tables import ReportError
from themaads_pipeline.settings import Settings

__all__ = ["upload_items"]


@dg.asset(
    partitions_def=partitions.uploads,
    group_name=labels.GROUP,
    owners=labels.OWNERS,
    tags=labels.CHANGES_NOTHING,
    kinds={"postgres", "csv"},
    description=(
        "Reads the uploaded file: every row is checked, ad group names are looked up in Google Ads, and what "
        "remains is one item for each ad group. Rows that cannot be used are kept with the reason. "
        "Reads a file once; run again, it changes nothing."
    ),
)
def upload_items(  # noqa: PLR0917 - Dagster calls it by name
    context: dg.AssetExecutionContext,
    config: ReadingConfig,
    ledger: dg.ResourceParam[Ledger],
    google_ads: dg.ResourceParam[Ads],
    themes: dg.ResourceParam[Themes],
    clock: dg.ResourceParam[Now],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    from themaads_pipeline.push.reading import read_upload  # noqa: PLC0415 - pandas costs a second at load

    today, started = clock().date(), time.monotonic()
    try:
        upload = with_theme(upload_of(context, ledger), config.theme, catalogue=themes(), today=today)
    except ThemeError as error:
        refuse(context, error)
    with stage_of(context, ledger, "reading") as stage:
        try:
            read_upload(
                upload,
                stage.owner,
                ledger=ledger,
                catalogue=themes(),
                today=today,
                gateway=google_ads,
                tell=Telling(ledger, stage.owner),
            )
            seconds = time.monotonic() - started
            found = _found(context, stage, settings, seconds, is_new=upload.read_at is None)
        except (UnusableFileError, ThemeError) as error:
            stage.end(how="failed", why=str(error), status=UploadStatus.FAILED)
            refuse(
                context,
                error,
                **metadata.rejected_metadata(ledger, upload.number),
                **_files_of(stage, themes(), settings),
            )
        _hand_over(context, stage)
    return dg.MaterializeResult(metadata=found)


def _found(
    context: dg.AssetExecutionContext, stage: Stage, settings: Settings, seconds: float, *, is_new: bool
) -> Metadata:
    """Say what was found, once, and return it for people to look at."""
    number, ledger = stage.upload.number, stage.ledger
    [progress] = ledger.uploads.progress(number)
    rejected = progress.rejected
    accounts = len(ledger.outcomes.counts_by_account(number))
    if not progress.total:
        raise UnusableFileError(
            f"{stage.upload.file_name}: none of its {progress.rejected:,} rows can be used: "
            f"{metadata.in_words(ledger.outcomes.rejected_by_reason(number))}"
        )
    how = f"read in {seconds:.1f} s" if is_new else "read before"
    message = (
        f"#{number} {stage.upload.file_name}: {progress.total:,} ad groups in {accounts:,} accounts, "
        f"{progress.rejected:,} rows rejected, {how}"
    )
    context.log.info(message)
    return {
        **metadata.counts_of(progress),
        "accounts": dg.MetadataValue.int(accounts),
        "items_by_account": metadata.accounts_table(ledger, number),
        "rejected_share": dg.MetadataValue.float(round(rejected / (progress.total + rejected), 4)),
        **metadata.rejected_metadata(ledger, number),
        **metadata.links_of(settings, number),
        **(metadata.speed(progress.total, seconds) if is_new else {}),
    }


def _files_of(stage: Stage, catalogue: Catalogue, settings: Settings) -> Metadata:
    """The report on a file that cannot be used; why there is none must not hide why it cannot be used."""
    try:
        return files_of(stage, catalogue, settings)
    except ReportError as error:
        return {"no_report": dg.MetadataValue.text(str(error))}


def _hand_over(context: dg.AssetExecutionContext, stage: Stage) -> None:
    """Where nothing follows in this run, the upload is not left as if a run worked on it."""
    chosen = context.run.asset_selection
    if chosen is not None and dg.AssetKey("themed_ads") not in chosen:
        status = UploadStatus.INTERRUPTED if stage.upload.status is not UploadStatus.FINISHED else None
        stage.end(how="finished", why="read, and not pushed yet", status=status)

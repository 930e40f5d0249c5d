"""The asset `upload_report`: files for people, about what became of every ad group."""

import dagster as dg

from themaads_pipeline.defs import metadata, partitions
from themaads_pipeline.defs.metadata import Metadata
from themaads_pipeline.defs.resources import Themes
from themaads_pipeline.defs.stages import Stage, stage_of
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.reports.files import write_reports
from themaads_pipeline.settings import Settings

__all__ = ["files_of", "upload_report"]


@dg.asset(
    partitions_def=partitions.uploads,
    deps=["themed_ads"],
    group_name="themed_ads",
    kinds={"csv", "markdown"},
    description=(
        "The report of the upload: a summary to forward, the outcome of every ad group with both ad ids, and "
        "the failed ad groups as a file that can be repaired and uploaded again."
    ),
)
def upload_report(
    context: dg.AssetExecutionContext,
    ledger: dg.ResourceParam[Ledger],
    themes: dg.ResourceParam[Themes],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    with stage_of(context, ledger, "reporting", looks_only=True) as stage:
        found = files_of(stage, themes(), settings)
        number = stage.upload.number
        [progress] = ledger.uploads.progress(number)
        context.log.info("#%d: the report is in %s", number, found["directory"].value)
    return dg.MaterializeResult(
        metadata={
            **metadata.counts_of(progress),
            "ads_are": dg.MetadataValue.text("PAUSED: enable them in Google Ads"),
            **found,
            "policy_patterns": metadata.policy_table(ledger, number),
        }
    )


def files_of(stage: Stage, catalogue: Catalogue, settings: Settings) -> Metadata:
    """Write the upload's report, and say where it is."""
    report = write_reports(stage.upload, ledger=stage.ledger, directory=settings.reports, catalogue=catalogue)
    return {
        "summary": dg.MetadataValue.md(report.text),
        "directory": dg.MetadataValue.path(report.directory),
        **{path.stem: dg.MetadataValue.path(path) for path in report.files if path != report.summary},
    }

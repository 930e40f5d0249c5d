"""The job that pushes an upload, from its file to its report."""

import dagster as dg

from themaads_pipeline.defs import labels
from themaads_pipeline.defs.themed_ads import themed_ads
from themaads_pipeline.defs.upload_items import upload_items
from themaads_pipeline.defs.upload_report import upload_report

__all__ = ["push_upload"]

push_upload = dg.define_asset_job(
    "push_upload",
    selection=dg.AssetSelection.assets(upload_items, themed_ads, upload_report),  # with their checks
    # Steps in processes of their own would import the code in mid-run, and outlive a killed worker.
    executor_def=dg.in_process_executor,
    # An error of the job itself would come again; dead workers are retried (dagster.yaml).
    run_tags={"dagster/retry_on_asset_or_op_failure": "false"},
    tags=labels.SENDS,
    description=(
        "Pushes one upload: reads its file, creates the ads (paused), writes the report, and checks the "
        "result in Google Ads. Run again after whatever happened, it goes on where it was."
    ),
)

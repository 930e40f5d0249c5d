"""Everything that Dagster knows of this project, put together: the only place where it is."""

import dagster as dg

from themaads_pipeline.defs.checks import checks
from themaads_pipeline.defs.jobs import push_upload
from themaads_pipeline.defs.resources import resources
from themaads_pipeline.defs.themed_ads import themed_ads
from themaads_pipeline.defs.upload_folder import upload_folder
from themaads_pipeline.defs.upload_items import upload_items
from themaads_pipeline.defs.upload_report import upload_report

defs = dg.Definitions(
    assets=[upload_items, themed_ads, upload_report],
    asset_checks=checks,
    jobs=[push_upload],
    sensors=[upload_folder],
    resources=resources,
    # Also of what is materialized by hand: see `jobs.py`.
    executor=dg.in_process_executor,
)

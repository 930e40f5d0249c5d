"""Everything that Dagster knows of this project, put together: the only place where it is."""

from collections.abc import Mapping

import dagster as dg

from themaads_pipeline.defs.alerts import alerts
from themaads_pipeline.defs.checks import checks
from themaads_pipeline.defs.dry_run import dry_run
from themaads_pipeline.defs.jobs import push_upload
from themaads_pipeline.defs.resources import resources
from themaads_pipeline.defs.review import review_ads
from themaads_pipeline.defs.themed_ads import themed_ads
from themaads_pipeline.defs.unfinished_uploads import unfinished_uploads
from themaads_pipeline.defs.upload_folder import upload_folder
from themaads_pipeline.defs.upload_items import upload_items
from themaads_pipeline.defs.upload_report import upload_report

__all__ = ["definitions_with", "defs"]


def definitions_with(resources: Mapping[str, object]) -> dg.Definitions:
    """Our assets, checks, jobs and sensors, working with these resources (see `defs.resources`)."""
    return dg.Definitions(
        assets=[upload_items, themed_ads, upload_report],
        asset_checks=checks,
        jobs=[push_upload, dry_run, review_ads],
        sensors=[upload_folder, unfinished_uploads, alerts],
        resources=resources,
        # Also for what is materialized by hand: see `defs.jobs`.
        executor=dg.in_process_executor,
    )


defs = definitions_with(resources)

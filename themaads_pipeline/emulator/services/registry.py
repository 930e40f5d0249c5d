"""Every method that the emulator answers, by its path without the version."""

from themaads_pipeline.emulator.calls import Method
from themaads_pipeline.emulator.services import (
    batch_jobs,
    customers,
    geo_targets,
    google_ads,
    google_ads_fields,
    mutate_methods,
    operations,
)

METHODS: dict[str, Method] = {
    f"{method.service}/{method.name}": method
    for method in (
        *google_ads.METHODS,
        *google_ads_fields.METHODS,
        *mutate_methods.METHODS,
        *customers.METHODS,
        *batch_jobs.METHODS,
        *operations.METHODS,
        *geo_targets.METHODS,
    )
}

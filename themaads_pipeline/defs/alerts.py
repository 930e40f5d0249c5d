"""The sensor `alerts`: somebody is told what became of an upload."""

import dagster as dg

from themaads_pipeline.alerts.channels import usable_channels
from themaads_pipeline.alerts.telling import tell
from themaads_pipeline.defs import labels
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings

__all__ = ["alerts"]

INTERVAL_S = 10


@dg.sensor(
    tags=labels.CHANGES_NOTHING,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells the channels of THEMAADS_ALERT_URLS (Slack, Teams, mail, webhooks) when an upload failed for "
        "good, was resumed after its run died, waits for Google's quota, has too many failures, or is "
        "finished: each once. A channel that does not work disturbs no run; it is tried again for some hours."
    ),
)
def alerts(
    _context: dg.SensorEvaluationContext,
    ledger: dg.ResourceParam[Ledger],
    settings: dg.ResourceParam[Settings],
) -> dg.SkipReason:
    channels = usable_channels(settings.alert_urls)
    if not channels:
        wrong = "no address in THEMAADS_ALERT_URLS can be used" if settings.alert_urls.strip() else ""
        return dg.SkipReason(wrong or "THEMAADS_ALERT_URLS is not set: nobody is told (see docs/alerts.md)")
    return dg.SkipReason("; ".join(tell(ledger, channels, settings)) or "nothing new to tell")

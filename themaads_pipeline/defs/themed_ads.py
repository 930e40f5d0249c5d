"""The asset `themed_ads`: one new, paused ad in every ad group of the upload."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import dagster as dg

from themaads_pipeline.defs import labels, metadata, partitions
from themaads_pipeline.defs.launchpad import PushRunConfig
from themaads_pipeline.defs.resources import Ads, Now, Themes
from themaads_pipeline.defs.stages import stage_of
from themaads_pipeline.defs.upload_items import upload_items
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.unfinished import MOST_DEATHS
from themaads_pipeline.push.pacing import Pacing
from themaads_pipeline.push.pusher import PushSummary, push_upload
from themaads_pipeline.push.work import ItemBudget, Work
from themaads_pipeline.settings import Settings

__all__ = ["themed_ads"]

_MAX_RETRIES_TAG = "dagster/max_retries"
_log = logging.getLogger(__name__)


@dg.asset(
    partitions_def=partitions.uploads,
    deps=[upload_items],
    group_name=labels.GROUP,
    owners=labels.OWNERS,
    tags=labels.SENDS,
    kinds={"googleads"},
    output_required=False,  # items that are left on purpose must not turn the partition green
    description=(
        "Creates one themed ad, PAUSED, in every ad group of the upload, with its labels. Started again, it "
        "goes on with the ad groups that have no outcome yet; none gets a second ad. "
        "Nothing is shown to anybody until you enable the ads in Google Ads."
    ),
)
def themed_ads(  # noqa: PLR0917 - Dagster calls it by name
    context: dg.AssetExecutionContext,
    config: PushRunConfig,
    ledger: dg.ResourceParam[Ledger],
    google_ads: dg.ResourceParam[Ads],
    themes: dg.ResourceParam[Themes],
    clock: dg.ResourceParam[Now],
    settings: dg.ResourceParam[Settings],
) -> Iterator[dg.MaterializeResult[None]]:
    with stage_of(context, ledger, "pushing") as stage:
        gateway, push_config = google_ads(), config.push_config(stage.upload)
        work = Work(
            owner=stage.owner,
            ledger=ledger,
            gateway=gateway,
            catalogue=themes(),
            settings=settings,
            config=push_config,
            clock=clock,
            accounts=gateway.accounts(),
            budget=ItemBudget(left=push_config.item_limit),
            stop=threading.Event(),
            pacing=Pacing(site_ads_per_s=settings.site_ads_per_second),
        )
        encouragement = Encouragement(context)
        summary = push_upload(work, on_progress=lambda progress: _observe(context, progress, encouragement))
        stage.has_ended = True
    context.log.info(_in_words(summary))
    if summary.is_finished:
        yield dg.MaterializeResult(metadata=_facts(ledger, summary, settings))


class Encouragement:
    """A run that progresses does not count against the retries: the limit rises above those there were."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        """Nothing is raised before there is progress."""
        self._context = context
        self._final_at_start: int | None = None
        self._is_given = False

    def give(self, progress: Progress) -> None:
        """Raise the limit, once, when items became final."""
        if self._final_at_start is None:
            self._final_at_start = progress.final
        if self._is_given or progress.final == self._final_at_start:
            return
        instance, run_id = self._context.instance, self._context.run.run_id
        group = instance.get_run_group(run_id)
        runs = len(list(group[1])) if group else 1
        instance.add_run_tags(run_id, {_MAX_RETRIES_TAG: str(runs - 1 + MOST_DEATHS)})
        self._is_given = True


def _observe(context: dg.AssetExecutionContext, progress: Progress, encouragement: Encouragement) -> None:
    """Show in Dagster how far it is: 12 ms, every 15 s. A push never fails because it could not be shown."""
    facts = {
        "done": progress.final,
        "total": progress.total,
        "percent": round(progress.percent, 1),
        "failed": progress.failed,
        "items_per_s": round(progress.items_per_s or 0.0, 1),
    }
    try:
        context.log_event(
            dg.AssetObservation(context.asset_key, partition=context.partition_key, metadata=facts)
        )
        encouragement.give(progress)
    except Exception:  # noqa: BLE001 - Dagster's storage may be out of reach for a while
        _log.warning("progress could not be shown in Dagster", exc_info=True)


def _in_words(summary: PushSummary) -> str:
    progress = summary.progress
    rate = summary.items_settled / summary.seconds if summary.seconds else 0.0
    return (
        f"#{progress.number}: {progress.final:,} of {progress.total:,} items are final "
        f"({progress.done:,} done, {progress.skipped:,} skipped, {progress.failed:,} failed); this run "
        f"settled {summary.items_settled:,} in {summary.accounts:,} accounts in {summary.seconds:.1f} s "
        f"({rate:,.0f} a second) with {sum(summary.calls_by_method.values()):,} requests"
        + (f". Not finished: {summary.reason}" if summary.reason else "")
    )


def _facts(ledger: Ledger, summary: PushSummary, settings: Settings) -> dict[str, dg.MetadataValue[Any]]:
    number = summary.progress.number
    return {
        **metadata.counts_of(summary.progress),
        **metadata.shares_of(summary.progress),
        "how_it_went": metadata.course_chart(ledger, summary.progress),
        "ads_are": dg.MetadataValue.text("PAUSED: enable them in Google Ads"),
        "outcomes": metadata.outcomes_table(ledger, number),
        **metadata.policy_metadata(ledger, number),
        **metadata.links_of(settings, number),
        "accounts": dg.MetadataValue.int(len(ledger.outcomes.counts_by_account(number))),
        "items_by_account": metadata.accounts_table(ledger, number),
        "settled_by_this_run": dg.MetadataValue.int(summary.items_settled),
        **metadata.speed(summary.items_settled, summary.seconds),
        "requests": dg.MetadataValue.int(sum(summary.calls_by_method.values())),
        "requests_by_method": metadata.calls_table(summary.calls_by_method),
    }

"""The job `review_ads`: what Google's review has said since of an upload's ads. It changes nothing."""

import time
from typing import Any

import dagster as dg

from themaads_pipeline.defs import labels, metadata, partitions
from themaads_pipeline.defs.resources import Ads
from themaads_pipeline.defs.stages import upload_of
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.reports.review import ReviewReport, write_review
from themaads_pipeline.settings import Settings

__all__ = ["review_ads"]

_TOLD_EVERY_S = 15.0


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Reads the policy review of every ad of the upload; lists those that Google disapproved.",
)
def read_reviews(
    context: dg.OpExecutionContext,
    ledger: dg.ResourceParam[Ledger],
    google_ads: dg.ResourceParam[Ads],
    settings: dg.ResourceParam[Settings],
) -> None:
    started = time.monotonic()
    ledger.patience.have()
    try:
        report = write_review(
            upload_of(context, ledger),
            ledger=ledger,
            gateway=google_ads(),
            directory=settings.reports,
            sample=metadata.SHOWN_ROWS,
            tell=_Log(context),
        )
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    reviewed, looked_at = report.reviewed, report.reviewed.verdicts.total()
    say = context.log.warning if reviewed.disapproved else context.log.info
    say(f"{report.in_words()}; the disapproved ones are in {report.path}")
    context.add_output_metadata(
        {
            "ads": looked_at,
            "disapproved": reviewed.disapproved,
            "verdicts": metadata.table(
                ("review", "ads"),
                ((str(verdict), count) for verdict, count in reviewed.verdicts.most_common()),
            ),
            "disapproved_topics": metadata.table(("policy", "ads"), reviewed.topics.most_common()),
            "disapproved_first_100": _table(report),
            "accounts_not_read": metadata.table(
                ("account", "why"), ((dashed(account), why) for account, why in reviewed.not_read.items())
            ),
            "csv": dg.MetadataValue.path(str(report.path)),
            **metadata.speed(looked_at, time.monotonic() - started),
        }
    )


@dg.job(
    partitions_def=partitions.uploads,
    executor_def=dg.in_process_executor,
    run_tags={"dagster/retry_on_asset_or_op_failure": "false"},
    tags=labels.CHANGES_NOTHING,
    description=(
        "Google goes on reviewing ads after they were made. This reads what it says of the upload's ads "
        "now, and lists the disapproved ones as a table and a CSV file. It changes nothing, there or here."
    ),
)
def review_ads() -> None:
    read_reviews()


class _Log:
    """A `Tell` for a run that owns no upload: the log of the run, seldom."""

    def __init__(self, context: dg.OpExecutionContext) -> None:
        self._context = context
        self._told_at = float("-inf")

    def __call__(self, doing: str, *, waits_s: float = 0.0) -> None:
        now = time.monotonic()
        if not waits_s and now - self._told_at >= _TOLD_EVERY_S:
            self._told_at = now
            self._context.log.info(doing)


def _table(report: ReviewReport) -> dg.MetadataValue[Any]:
    return metadata.table(
        ("account", "campaign", "ad group", "ad", "ad is", "policy", "text or page"),
        (
            (
                f"{dashed(ad.account.customer_id)} {ad.account.name}".strip(),
                ad.review.campaign_name,
                f"{ad.review.ad_group_id} {ad.review.ad_group_name}".strip(),
                str(ad.review.ad_id),
                ad.review.status,
                ", ".join(topic for topic, _ in ad.review.topics),
                ", ".join(ad.review.evidences),
            )
            for ad in report.first
        ),
    )

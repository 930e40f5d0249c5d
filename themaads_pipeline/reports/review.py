"""Ads that Google disapproved after they were made: a file beside the upload's report."""

from collections.abc import Sequence
from dataclasses import dataclass

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.reviews import Verdict
from themaads_pipeline.model.telling import Tell, tell_nobody
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.push.review import DisapprovedAd, Reviewed, review_upload
from themaads_pipeline.reports.cells import safe
from themaads_pipeline.reports.files import report_directory
from themaads_pipeline.reports.tables import table_file

__all__ = ["DISAPPROVED_COLUMNS", "ReviewReport", "write_review"]

DISAPPROVED_COLUMNS = (
    "upload", "customer_id", "account_name", "campaign_name", "ad_group_id", "ad_group_name", "edition",
    "ad_id", "ad_status", "policy_topics", "triggers",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewReport:
    """What the reviews say of an upload's ads, and where the disapproved ones are listed."""

    upload: Upload
    reviewed: Reviewed
    first: Sequence[DisapprovedAd]
    path: AnyPath

    def in_words(self) -> str:
        """In one line: `#213: of 50,000 ads 49,990 are approved and 10 disapproved`."""
        verdicts = self.reviewed.verdicts
        counts = [f"{verdicts[verdict]:,} {verdict}" for verdict in Verdict if verdicts[verdict]]
        unread = (
            f"; {len(self.reviewed.not_read):,} accounts could not be read" if self.reviewed.not_read else ""
        )
        return (
            f"#{self.upload.number}: {verdicts.total():,} ads: {', '.join(counts) or 'none was made'}{unread}"
        )


def write_review(
    upload: Upload,
    *,
    ledger: Ledger,
    gateway: Gateway,
    directory: AnyPath,
    sample: int,
    tell: Tell = tell_nobody,
) -> ReviewReport:
    """Look at the reviews of an upload's ads, and write the disapproved ones to `disapproved.csv`.

    Args:
        upload: The upload.
        ledger: Knows its ads.
        gateway: The accounts.
        directory: The folder of all reports.
        sample: How many disapproved ads are given back.
        tell: Is told how far it is.

    Raises:
        AdsError: An account could not be read for now; an earlier file stays as it was.
        ReportError: The file cannot be written.
    """
    path = report_directory(upload, directory) / "disapproved.csv"
    first: list[DisapprovedAd] = []
    with table_file(path, DISAPPROVED_COLUMNS, tell=tell) as write:

        def keep(ad: DisapprovedAd) -> None:
            if len(first) < sample:
                first.append(ad)
            write(_row(upload, ad))

        reviewed = review_upload(upload.number, ledger=ledger, gateway=gateway, keep=keep, tell=tell)
    return ReviewReport(upload=upload, reviewed=reviewed, first=first, path=path)


def _row(upload: Upload, ad: DisapprovedAd) -> tuple[object, ...]:
    review = ad.review
    return (
        upload.number,
        dashed(ad.account.customer_id),
        safe(ad.account.name),
        safe(review.campaign_name),
        review.ad_group_id,
        safe(review.ad_group_name),
        safe(ad.edition),
        review.ad_id,
        review.status,
        safe(" ".join(topic for topic, _ in review.topics)),
        safe(", ".join(review.evidences)),
    )

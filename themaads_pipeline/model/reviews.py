"""Google's review of an ad, which goes on after the ad was created: its verdict, and why."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["AdReview", "Verdict"]

_UNDER_REVIEW = frozenset({"REVIEW_IN_PROGRESS", "UNDER_APPEAL"})


class Verdict(StrEnum):
    """What is true of an ad that was made."""

    APPROVED = "approved"
    LIMITED = "limited"  # shown in some places, or to some people
    DISAPPROVED = "disapproved"  # shown to nobody, whether it is enabled or not
    UNDER_REVIEW = "under review"
    REMOVED = "removed"  # by somebody, since it was made
    NOT_THERE = "not there"
    UNKNOWN = "unknown"  # Google does not say


@dataclass(frozen=True, kw_only=True, slots=True)
class AdReview:
    """One ad's policy summary, with Google's enum names as strings."""

    ad_id: int
    ad_group_id: int
    ad_group_name: str
    campaign_name: str
    status: str  # ENABLED, PAUSED, REMOVED
    review_status: str  # REVIEW_IN_PROGRESS, REVIEWED, UNDER_APPEAL, ELIGIBLE_MAY_SERVE
    approval_status: str  # APPROVED, APPROVED_LIMITED, AREA_OF_INTEREST_ONLY, DISAPPROVED
    topics: tuple[tuple[str, str], ...] = ()  # topic and type
    evidences: tuple[str, ...] = ()  # texts and URLs that Google names

    @property
    def verdict(self) -> Verdict:
        """In a word; a disapproval counts while Google looks again."""
        if self.status == "REMOVED":
            return Verdict.REMOVED
        if self.approval_status in _VERDICTS:
            return _VERDICTS[self.approval_status]
        return Verdict.UNDER_REVIEW if self.review_status in _UNDER_REVIEW else Verdict.UNKNOWN


_VERDICTS = {
    "APPROVED": Verdict.APPROVED,
    "APPROVED_LIMITED": Verdict.LIMITED,
    "AREA_OF_INTEREST_ONLY": Verdict.LIMITED,
    "DISAPPROVED": Verdict.DISAPPROVED,
}

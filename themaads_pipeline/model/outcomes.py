"""Outcomes: why an item ended as it did."""

from enum import StrEnum

from msgspec import Struct


class Category(StrEnum):
    """What kind of failure it is, and so who can do something about it."""

    POLICY = "policy"  # Google's advertising policy: change the text or the site
    INVALID = "invalid"  # the ad or ad group breaks a rule or a limit
    ACCOUNT = "account"  # the account is suspended, unknown or forbidden
    TEMPORARY = "temporary"  # it would have gone away, and did not in time
    TECHNICAL = "technical"  # our fault, or nobody knows


class SkipReason(StrEnum):
    """Why an item needs no ad, or can have none."""

    ALREADY_PRESENT = "already_present"
    NO_AD_TO_COPY = "no_ad_to_copy"
    ONLY_THEMED_ADS = "only_themed_ads"
    NO_FINAL_URL = "no_final_url"
    AD_GROUP_REMOVED = "ad_group_removed"
    CAMPAIGN_REMOVED_OR_ENDED = "campaign_removed_or_ended"
    UNSUPPORTED_AD_GROUP_TYPE = "unsupported_ad_group_type"
    EXPERIMENT_CAMPAIGN = "experiment_campaign"
    ONLY_DISAPPROVED_ADS = "only_disapproved_ads"


class Failure(Struct, frozen=True, kw_only=True, gc=False):
    """Why Google (or a rule of ours) refused one operation, in Google's own code and words."""

    category: Category
    code: str  # Google's, `PolicyFindingError.POLICY_FINDING`, or ours in snake_case
    message: str
    policy_topics: tuple[str, ...] = ()  # what forbids the ad comes first
    policy_types: tuple[str, ...] = ()  # of each topic: PROHIBITED, LIMITED ...
    trigger: str = ""  # the text or URL that Google names, where it does


class Created(Struct, frozen=True, gc=False):
    """The operation is in the account. `resource_id` is the new ad's (or label's) id."""

    resource_id: int


class AlreadyThere(Struct, frozen=True, gc=False):
    """The change was in the account before: success, but not ours."""


class Refused(Struct, frozen=True, gc=False):
    """This operation was refused; the others of its request are not concerned."""

    failure: Failure
    retryable: bool = False  # a temporary error of this one operation
    retry_after_s: float | None = None  # not before that, where Google says so
    site_throttled: bool = False  # Google could not open the page: much later, and slower for this site


Result = Created | AlreadyThere | Refused


class MutateResult(Struct, frozen=True, kw_only=True, gc=False):
    """One result an operation, in the request's order."""

    results: tuple[Result, ...]
    request_id: str

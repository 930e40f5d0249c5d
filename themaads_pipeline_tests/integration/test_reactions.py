"""What is done about each error, through the wire: every row of the table of errors and reactions."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AdsStoppedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.pushing import Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

ADS = "*MutateAdGroupAds"
ITEMS = 8  # in two accounts
FAILED = [ItemState.FAILED]


@pytest.fixture
def pusher(
    database_url: str, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Iterator[Pusher]:
    quick = settings.model_copy(update={"request_deadline_seconds": 2.5, "absence_margin_seconds": 0.5})
    with Ledger(database_url, quick) as ledger:
        yield Pusher(ledger=ledger, gateway=gateway, settings=quick, emulator=emulator)


@dataclass(frozen=True)
class Ended:
    """How an upload ended, and how many requests for ads it took."""

    done: int
    failed: int
    sizes: tuple[int, ...]  # of the requests that were taken
    requests: int


def push(pusher: Pusher, *faults: dict[str, object]) -> tuple[int, Ended]:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=ITEMS))
    pusher.emulator.faults(list(faults))
    progress = pusher.push(upload, batch_size=4, temporary_attempts=3).progress
    sent = pusher.mutates()
    taken = tuple(request["operations"] for request in sent if request["operations"])
    assert progress.final == ITEMS
    return upload, Ended(done=progress.done, failed=progress.failed, sizes=taken, requests=len(sent))


def outcomes(pusher: Pusher, upload: int, code: str) -> set[tuple[str, str]]:
    """State and category of the items with this code."""
    items = pusher.ledger.outcomes.items(upload)
    return {(str(item["state"]), item["category"]) for item in items if item["code"] == code}


@pytest.mark.parametrize(
    "error",
    [
        "InternalError.TRANSIENT_ERROR",
        "InternalError.INTERNAL_ERROR",
        "InternalError.DEADLINE_EXCEEDED",
        "DatabaseError.CONCURRENT_MODIFICATION",
        "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED",
    ],
)
def test_what_goes_away_by_itself_is_sent_again(pusher: Pusher, error: str) -> None:
    _, ended = push(pusher, {"kind": "error", "method": ADS, "error": error, "count": 2})
    assert (ended.done, ended.requests) == (ITEMS, 4)
    assert pusher.ads_made() == ITEMS


@pytest.mark.parametrize("code", ["UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNAVAILABLE"])
@pytest.mark.parametrize("kind", ["error", "commit_then_error"])
def test_what_may_have_been_done_is_read_back_before_anything_is_sent_again(
    pusher: Pusher, code: str, kind: str
) -> None:
    _, ended = push(pusher, {"kind": kind, "method": ADS, "code": code, "count": 1})
    assert ended.done == ITEMS
    assert ended.requests == (3 if kind == "error" else 2)
    assert pusher.ads_made() == ITEMS


@pytest.mark.parametrize(
    "error",
    [
        "DatabaseError.REQUEST_TOO_LARGE",
        "SizeLimitError.REQUEST_SIZE_LIMIT_EXCEEDED",
        "RequestError.RPC_DEADLINE_TOO_SHORT",
        "RequestError.TOO_MANY_MUTATE_OPERATIONS",
    ],
)
def test_what_is_too_large_is_sent_in_smaller_batches(pusher: Pusher, error: str) -> None:
    _, ended = push(pusher, {"kind": "error", "method": ADS, "error": error, "over_operations": 2})
    assert ended.done == ITEMS
    assert set(ended.sizes) == {2}


def test_pages_that_google_could_not_open_are_tried_again_later(pusher: Pusher) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=1, ad_groups=4))
    pusher.emulator.faults([{"kind": "throttled_site", "per_second": 0}])
    first = pusher.push(upload, batch_size=4, temporary_attempts=2)
    assert first.progress.failed == 4  # it never got better
    assert len(pusher.mutates()) == 2
    assert {item["category"] for item in pusher.ledger.outcomes.items(upload)} == {"policy"}
    pusher.emulator.clear_faults()
    assert pusher.ledger.rows.retry(upload, states=FAILED, category="policy", customer_id=None) == 4
    assert pusher.push(upload).progress.done == 4


@pytest.mark.parametrize(
    "error",
    [
        "AuthenticationError.OAUTH_TOKEN_INVALID",
        "AuthenticationError.OAUTH_TOKEN_REVOKED",
        "AuthenticationError.OAUTH_TOKEN_DISABLED",
        "AuthenticationError.NOT_ADS_USER",
        "AuthorizationError.PROJECT_DISABLED",
        "AuthorizationError.CLOUD_PROJECT_NOT_UNDER_ORGANIZATION",
        "RequestError.CLOUD_PROJECT_NOT_FOUND",
        "AuthorizationError.MISSING_TOS",
        "HeaderError.INVALID_LOGIN_CUSTOMER_ID",
        "RequestError.UNSUPPORTED_VERSION",
    ],
)
def test_what_only_a_person_mends_stops_the_run_with_the_remedy_and_items_stay_pending(
    pusher: Pusher, error: str
) -> None:
    upload = pusher.submit(generated(pusher.emulator, accounts=2, ad_groups=ITEMS))
    pusher.emulator.faults([{"kind": "error", "method": ADS, "error": error}])
    with pytest.raises(AdsStoppedError, match=error.replace(".", r"\.")):
        pusher.push(upload)
    [progress] = pusher.ledger.uploads.progress(upload)
    assert (progress.status, progress.pending) == (UploadStatus.FAILED, ITEMS)
    assert len(pusher.mutates()) <= 2  # one an account at most: they were under way side by side


@pytest.mark.parametrize(
    "error",
    [
        "AuthorizationError.USER_PERMISSION_DENIED",
        "AuthorizationError.CUSTOMER_NOT_ENABLED",
        "AuthenticationError.CUSTOMER_NOT_FOUND",
        "AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT",
        "OperationAccessDeniedError.MUTATE_NOT_PERMITTED_FOR_CUSTOMER",
        "RequestError.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT",
        "MutateError.EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED",
    ],
)
def test_an_account_that_takes_nothing_costs_one_request_and_the_other_goes_on(
    pusher: Pusher, error: str
) -> None:
    fault = {"kind": "error", "method": ADS, "error": error, "account": 2000000001}
    upload, ended = push(pusher, fault)
    assert (ended.done, ended.failed) == (ITEMS / 2, ITEMS / 2)
    assert outcomes(pusher, upload, error) == {("failed", "account")}
    assert ended.requests == 2


@pytest.mark.parametrize(
    "error",
    [
        "MutateError.RESOURCE_NOT_FOUND",
        "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE",
        "AdError.LINE_TOO_WIDE",
        "AdGroupAdError.AD_NOT_UNDER_ADGROUP",
        "StringLengthError.TOO_LONG",
        "CollectionSizeError.TOO_FEW",
        "ResourceCountLimitExceededError.ADGROUP_LIMIT",
        "AssetError.DUPLICATE_ASSET",
    ],
)
def test_what_is_wrong_with_one_item_fails_it_alone(pusher: Pusher, error: str) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=ITEMS)
    upload = pusher.submit(refs)
    fault = {"kind": "error", "method": ADS, "error": error, "scope": "operation"}
    pusher.emulator.faults([fault | {"ad_groups": [refs[0][1]]}])
    summary = pusher.push(upload, batch_size=4)
    assert (summary.progress.done, summary.progress.failed) == (ITEMS - 1, 1)
    assert len(outcomes(pusher, upload, error)) == 1
    assert len(pusher.mutates()) == 2  # never retried


@pytest.mark.parametrize("error", ["PolicyFindingError.POLICY_FINDING", "PolicyViolationError.POLICY_ERROR"])
def test_what_the_policy_refuses_is_never_sent_again_and_slows_nothing(pusher: Pusher, error: str) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=ITEMS)
    upload = pusher.submit(refs)
    fault = {"kind": "error", "method": ADS, "error": error, "scope": "operation"}
    pusher.emulator.faults([fault | {"ad_groups": [group for _, group in refs[:2]]}])
    summary = pusher.push(upload, batch_size=4)
    assert (summary.progress.done, summary.progress.failed) == (ITEMS - 2, 2)
    assert outcomes(pusher, upload, error) == {("failed", "policy")}
    assert len(pusher.mutates()) == 2

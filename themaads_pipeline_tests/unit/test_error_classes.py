"""Every error that Google's client can raise, or an answer can carry, has a class that somebody chose."""

import inspect
import pkgutil
from collections import Counter
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import google.auth.exceptions
import grpc
import pytest
import yaml
from google.ads.googleads.v26.errors.types.errors import ErrorCode
from google.api.error_reason_pb2 import ErrorReason

from themaads_pipeline.ads.error_page import error_page
from themaads_pipeline.ads.failures import Reaction, errors, is_listed, is_newer, meaning_of
from themaads_pipeline.model.outcomes import Category

VERSIONS = ("v23", "v24", "v25", "v26")
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def codes_of_the_package() -> dict[str, set[str]]:
    """The codes of each `*ErrorEnum` in every version that the installed package has, by kind."""
    codes: dict[str, set[str]] = {}
    for version in VERSIONS:
        package = import_module(f"google.ads.googleads.{version}.errors.types")
        for module in pkgutil.iter_modules(package.__path__):
            content = import_module(f"{package.__name__}.{module.name}")
            for name in dir(content):
                if name.endswith("ErrorEnum"):
                    kind = name.removesuffix("Enum")
                    codes.setdefault(kind, set()).update(
                        value.name for value in getattr(getattr(content, name), kind) if value > 1
                    )
    return codes


def codes_beside_the_package() -> dict[str, set[str]]:
    """What else the client can raise: gRPC's statuses, the front door's reasons, google.auth's exceptions."""
    exceptions = inspect.getmembers(google.auth.exceptions, inspect.isclass)
    return {
        "StatusCode": {status.name for status in grpc.StatusCode},
        "ErrorReason": set(ErrorReason.keys()),
        "google.auth": {name for name, each in exceptions if issubclass(each, Exception)},
    }


CODES = codes_of_the_package()


def test_the_package_has_errors_to_walk() -> None:
    assert len(CODES) >= 170
    assert sum(len(codes) for codes in CODES.values()) >= 2200
    assert {field.enum_type.name for field in ErrorCode.pb()().DESCRIPTOR.fields} <= set(CODES)


@pytest.mark.parametrize("codes", [CODES, codes_beside_the_package()], ids=["Google Ads", "beside it"])
def test_every_error_has_a_class_that_somebody_chose(codes: dict[str, set[str]]) -> None:
    listed = errors()
    by_chance = {
        f"{kind}.{name}"
        for kind, names in codes.items()
        for name in names
        if f"{kind}.{name}" not in listed and f"{kind}.*" not in listed
    }
    assert by_chance == set()


def test_the_table_names_nothing_that_does_not_exist() -> None:
    known = CODES | codes_beside_the_package()
    ours = {"Newer", "PolicyTopic", "RefreshError"}
    for code in errors():
        kind, _, name = code.rpartition(".")
        if kind not in ours:
            assert name in known[kind] | {"*"}, code


def test_the_table_says_everything_once() -> None:
    def pairs(node: yaml.Node) -> list[str]:
        if isinstance(node, yaml.MappingNode):
            keys = Counter(key.value for key, _ in node.value)
            twice = [key for key, times in keys.items() if times > 1]
            return twice + [each for _, value in node.value for each in pairs(value)]
        return [each for value in node.value for each in pairs(value)] if isinstance(node.value, list) else []

    text = files("themaads_pipeline.ads").joinpath("errors.yaml").read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    assert pairs(root) == []


def test_kinds_whose_codes_ask_for_different_things_are_listed_code_by_code() -> None:
    for kind in (
        "AuthenticationError",
        "AuthorizationError",
        "DatabaseError",
        "HeaderError",
        "InternalError",
        "MutateError",
        "OperationAccessDeniedError",
        "QuotaError",
        "RequestError",
        "ResourceCountLimitExceededError",
        "SizeLimitError",
        "StatusCode",
    ):
        assert f"{kind}.*" not in errors()


def test_every_class_has_a_reason_and_every_stop_for_a_person_a_remedy() -> None:
    for code, meaning in errors().items():
        assert meaning.reason, code
        assert not meaning.reason.endswith("."), code
        if meaning.reaction in {Reaction.STOP_RUN, Reaction.STOP_ACCOUNT, Reaction.SLOW_DOWN}:
            assert meaning.remedy.endswith((".", "overview")), code


def test_a_policy_is_its_own_category_and_never_a_temporary_one() -> None:
    policies = {Reaction.FAIL_ITEM_AS_POLICY, Reaction.SLOW_DOWN}
    for code, meaning in errors().items():
        assert (meaning.reaction in policies) == (meaning.category is Category.POLICY), code


def test_only_what_is_tried_again_can_be_in_doubt_or_temporary() -> None:
    again = {Reaction.RETRY, Reaction.SMALLER_BATCH}
    for code, meaning in errors().items():
        assert not meaning.in_doubt or meaning.reaction in again, code
        if meaning.category is Category.TEMPORARY:
            assert meaning.reaction in again or meaning.wait_s, code


# The table in the facts, row by row

# Reaction, whether a mutate that failed so may have been committed, codes.
ROWS = [
    (
        Reaction.RETRY,
        True,
        """InternalError.TRANSIENT_ERROR InternalError.INTERNAL_ERROR InternalError.DEADLINE_EXCEEDED
        StatusCode.UNKNOWN StatusCode.DEADLINE_EXCEEDED StatusCode.ABORTED StatusCode.INTERNAL
        StatusCode.UNAVAILABLE""",
    ),
    (
        Reaction.RETRY,
        False,
        """DatabaseError.CONCURRENT_MODIFICATION QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED
        StatusCode.RESOURCE_EXHAUSTED""",
    ),
    (
        Reaction.SMALLER_BATCH,
        False,
        """DatabaseError.REQUEST_TOO_LARGE SizeLimitError.REQUEST_SIZE_LIMIT_EXCEEDED
        RequestError.TOO_MANY_MUTATE_OPERATIONS""",
    ),
    (Reaction.SMALLER_BATCH, True, "RequestError.RPC_DEADLINE_TOO_SHORT"),
    (Reaction.SLOW_DOWN, False, "PolicyTopic.DESTINATION_NOT_WORKING"),
    (
        Reaction.STOP_RUN,
        False,
        """AuthenticationError.OAUTH_TOKEN_INVALID AuthenticationError.OAUTH_TOKEN_EXPIRED
        AuthenticationError.OAUTH_TOKEN_REVOKED AuthenticationError.OAUTH_TOKEN_DISABLED
        AuthenticationError.NOT_ADS_USER AuthorizationError.PROJECT_DISABLED
        AuthorizationError.CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION
        AuthorizationError.CLOUD_PROJECT_NOT_UNDER_ORGANIZATION RequestError.CLOUD_PROJECT_NOT_FOUND
        AuthorizationError.MISSING_TOS HeaderError.INVALID_LOGIN_CUSTOMER_ID
        RequestError.UNSUPPORTED_VERSION QuotaError.RESOURCE_EXHAUSTED google.auth.RefreshError""",
    ),
    (
        Reaction.STOP_ACCOUNT,
        False,
        """AuthorizationError.USER_PERMISSION_DENIED AuthorizationError.CUSTOMER_NOT_ENABLED
        AuthenticationError.CUSTOMER_NOT_FOUND AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT
        OperationAccessDeniedError.MUTATE_NOT_PERMITTED_FOR_CUSTOMER
        RequestError.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT
        MutateError.EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED""",
    ),
    (
        Reaction.FAIL_ITEM,
        False,
        """MutateError.RESOURCE_NOT_FOUND OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_AD_GROUP_TYPE
        OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_CAMPAIGN_TYPE
        OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE AdError.LINE_TOO_WIDE
        AdGroupAdError.AD_NOT_UNDER_ADGROUP StringLengthError.TOO_LONG CollectionSizeError.TOO_MANY
        ResourceCountLimitExceededError.ADGROUP_LIMIT""",
    ),
    (
        Reaction.FAIL_ITEM_AS_POLICY,
        False,
        "PolicyFindingError.POLICY_FINDING PolicyViolationError.POLICY_ERROR",
    ),
]


@pytest.mark.parametrize(("reaction", "in_doubt", "codes"), ROWS)
def test_every_row_of_the_facts_has_its_reaction(reaction: Reaction, in_doubt: bool, codes: str) -> None:
    found = {code: (meaning_of(code).reaction, meaning_of(code).in_doubt) for code in codes.split()}
    assert found == dict.fromkeys(codes.split(), (reaction, in_doubt))


def test_there_already_is_success_only_where_it_was_asked_for() -> None:
    code = "AdGroupAdError.AD_GROUP_AD_LABEL_ALREADY_EXISTS"
    assert meaning_of(code, method="MutateAdGroupAdLabels").reaction is Reaction.ALREADY_THERE
    for method in ("MutateAdGroupAds", "SearchStream", ""):
        meaning = meaning_of(code, method=method)
        assert (meaning.reaction, meaning.category) == (Reaction.FAIL_ITEM, Category.TECHNICAL)


# What this package cannot name


@pytest.mark.parametrize(
    "code",
    ["BrandNewError.OH_NO", "AdError.4711", "AdError.UNKNOWN", "DatabaseError.-1", "AuthorizationError.99"],
)
def test_a_code_newer_than_the_package_is_technical_and_fails_once(code: str) -> None:
    assert is_newer(code)
    meaning = meaning_of(code)
    assert (meaning.category, meaning.reaction) == (Category.TECHNICAL, Reaction.FAIL_ITEM)


def test_what_a_newer_code_concerns_is_told_by_its_status() -> None:
    reactions = {
        status: meaning_of("AuthorizationError.99", status=status).reaction
        for status in ("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT")
    }
    assert list(reactions.values()) == [
        Reaction.STOP_RUN,
        Reaction.STOP_ACCOUNT,
        Reaction.RETRY,
        Reaction.FAIL_ITEM,
    ]


def test_a_status_that_is_called_unknown_is_a_status_like_any_other() -> None:
    assert not is_newer("StatusCode.UNKNOWN")
    assert is_listed("StatusCode.UNKNOWN")


# The page for users


def test_the_page_of_errors_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == error_page(), (
        "write it anew: python -m themaads_pipeline.ads.error_page > docs/errors.md"
    )

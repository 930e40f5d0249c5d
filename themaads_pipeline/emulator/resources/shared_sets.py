"""Shared sets (negative keyword lists and so on), their criteria, and the campaigns that use them."""

from themaads_pipeline.emulator.entities import Document
from themaads_pipeline.emulator.messages import enum_name, enum_values
from themaads_pipeline.emulator.resources.criteria import (
    check_new_criterion,
    complete_criterion,
    own_criterion_id,
)
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.transactions import Transaction

_MAX_NAME_BYTES = 255
_MAX_MEMBERS = 5_000
_ALLOWED = {
    "NEGATIVE_KEYWORDS": {"keyword"},
    "ACCOUNT_LEVEL_NEGATIVE_KEYWORDS": {"keyword"},
    "NEGATIVE_PLACEMENTS": {
        "placement",
        "youtube_video",
        "youtube_channel",
        "mobile_app_category",
        "mobile_application",
    },
    "BRANDS": {"brand"},
    "WEBPAGES": {"webpage"},
    "VERTICAL_ADS_ITEM_GROUP_RULE_LIST": {"vertical_ads_item_group_rule"},
    "RETAIL_FILTER": {"retail_filter"},
}


def _complete_set(checking: Checking) -> None:
    body = checking.body
    body.status = enum_values("SharedSetStatus")["ENABLED"]
    if checking.before is None:
        body.member_count = body.reference_count = 0


def _check_set(checking: Checking) -> None:
    body = checking.body
    if enum_name("SharedSetType", body.type_) not in _ALLOWED:
        checking.add(
            "FieldError.REQUIRED" if not body.type_ else "EnumError.ENUM_VALUE_NOT_PERMITTED", "type"
        )
    if not body.name:
        checking.add("StringLengthError.TOO_SHORT", "name")
    elif len(body.name.encode()) > _MAX_NAME_BYTES:
        checking.add("StringLengthError.TOO_LONG", "name", trigger=body.name)
    elif any(
        other.name == body.name and other.type_ == body.type_ for other in checking.others("shared_set")
    ):
        checking.add("SharedSetError.DUPLICATE_NAME", "name", trigger=body.name)


def _check_set_removal(checking: Checking) -> None:
    if checking.body.reference_count:
        checking.add("SharedSetError.SHARED_SET_IN_USE")


SHARED_SETS = DocumentKind(
    name="shared_set",
    service="SharedSetService",
    method="MutateSharedSets",
    needed=("name",),
    complete=_complete_set,
    check=_check_set,
    check_removal=_check_set_removal,
)


def _complete_criterion(checking: Checking) -> None:
    complete_criterion(checking)
    checking.body.negative = True


def _check_criterion(checking: Checking) -> None:
    field = check_new_criterion(checking, missing="CriterionError.CONCRETE_TYPE_REQUIRED")
    shared_set = _set_of(checking.tx, checking.body.shared_set)
    kind = enum_name("SharedSetType", shared_set.body.type_)
    if field and field not in _ALLOWED.get(kind, set()):
        checking.add("SharedCriterionError.CRITERION_TYPE_NOT_ALLOWED_FOR_SHARED_SET_TYPE", field)
    elif shared_set.body.member_count >= _MAX_MEMBERS:
        checking.add("ResourceCountLimitExceededError.SHARED_SET_LIMIT")


def _set_of(tx: Transaction, name: str) -> Document:
    return tx.account.documents["shared_set"][name]


def _count(tx: Transaction, name: str, field: str, change: int) -> None:
    """The set's number of members or campaigns, one more or one less."""
    shared_set = _set_of(tx, name)
    body = type(shared_set.body)()
    body.CopyFrom(shared_set.body)
    setattr(body, field, getattr(body, field) + change)
    tx.change(shared_set, "body", body)


SHARED_CRITERIA = DocumentKind(
    name="shared_criterion",
    service="SharedCriterionService",
    method="MutateSharedCriteria",
    parents={"shared_set": "shared_set"},
    named_after=("shared_set",),
    id_field="criterion_id",
    needed=("shared_set",),
    own_id=own_criterion_id,
    mutable=False,
    complete=_complete_criterion,
    check=_check_criterion,
    replaces=lambda _checking, _document: True,
    on_created=lambda tx, document: _count(tx, document.body.shared_set, "member_count", 1),
    on_removed=lambda tx, document: _count(tx, document.body.shared_set, "member_count", -1),
)


def _complete_use(checking: Checking) -> None:
    checking.body.status = enum_values("CampaignSharedSetStatus")["ENABLED"]


CAMPAIGN_SHARED_SETS = DocumentKind(
    name="campaign_shared_set",
    service="CampaignSharedSetService",
    method="MutateCampaignSharedSets",
    parents={"campaign": "campaign", "shared_set": "shared_set"},
    named_after=("campaign", "shared_set"),
    id_field="",
    needed=("campaign", "shared_set"),
    mutable=False,
    complete=_complete_use,
    on_created=lambda tx, document: _count(tx, document.body.shared_set, "reference_count", 1),
    on_removed=lambda tx, document: _count(tx, document.body.shared_set, "reference_count", -1),
)

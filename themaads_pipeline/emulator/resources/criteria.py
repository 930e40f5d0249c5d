"""What criteria of ad groups, campaigns, customers and shared sets have in common."""

from themaads_pipeline.emulator.entities import AdGroup, Campaign, Document
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources.criterion_ids import (
    criterion_field,
    criterion_id,
    criterion_type,
    display_name,
)
from themaads_pipeline.emulator.resources.documents import Checking
from themaads_pipeline.emulator.resources.keywords import check_keyword
from themaads_pipeline.emulator.resources.required_fields import missing_inside

_LOWEST_MODIFIER, _HIGHEST_MODIFIER = 0.1, 10.0
# Criteria that name a constant, and the constant's collection.
_CONSTANTS = {"location": "geo_target_constant", "language": "language_constant"}
# Kinds that say everything by their type.
_CHOSEN = {"gender", "age_range", "income_range", "parental_status", "device", "content_label"}


def own_criterion_id(checking: Checking) -> str:
    return str(criterion_id(checking.body))


def complete_criterion(checking: Checking) -> None:
    """Fills in the criterion's type and name."""
    body = checking.body
    body.type_ = criterion_type(criterion_field(body))
    if "display_name" in body.DESCRIPTOR.fields_by_name:
        body.display_name = display_name(body)


def check_new_criterion(checking: Checking, *, missing: str) -> str:
    """Which criterion a creation holds; adds what is wrong with it, whatever it belongs to.

    `missing` is the error for none at all.
    """
    body = checking.body
    field = criterion_field(body)
    if not field:
        checking.add(missing)
        return field
    for path in missing_inside(body, field):
        checking.add("FieldError.REQUIRED", *path)
    criterion = getattr(body, field)
    if field == "keyword":
        check_keyword(checking)
    elif field in _CHOSEN:
        number = criterion.type_
        known = criterion.DESCRIPTOR.fields_by_name["type_"].enum_type.values_by_number
        if number not in known or known[number].name in {"UNSPECIFIED", "UNKNOWN"}:
            checking.add(
                "FieldError.REQUIRED" if not number else "CriterionError.INVALID_CRITERION_ID", field, "type"
            )
    elif field in _CONSTANTS:
        _check_constant(checking, field, _CONSTANTS[field])
    elif field == "placement" and not criterion.url.strip():
        checking.add("CriterionError.INVALID_PLACEMENT_URL", field, "url")
    elif field == "placement" and any(character.isspace() for character in criterion.url):
        checking.add("CriterionError.PLACEMENT_URL_HAS_ILLEGAL_CHAR", field, "url", trigger=criterion.url)
    elif field == "webpage" and not (criterion.criterion_name and criterion.conditions):
        name = "conditions" if criterion.criterion_name else "criterion_name"
        checking.add("FieldError.REQUIRED", field, name)
    return field


def _check_constant(checking: Checking, field: str, name: str) -> None:
    """`geoTargetConstants/2528`: an id that is not in the emulator's small list is taken as it is."""
    value = getattr(getattr(checking.body, field), name)
    collection = "geoTargetConstants" if name == "geo_target_constant" else "languageConstants"
    start, _, number = value.rpartition("/")
    if not value:
        checking.add("FieldError.REQUIRED", field, name)
    elif start != collection or not number.isdecimal() or len(number) > 12:
        checking.add("RequestError.RESOURCE_NAME_MALFORMED", field, name, trigger=value)
    elif int(number) < 1:
        checking.add("CriterionError.INVALID_CRITERION_ID", field, name, trigger=value)


def check_bid_modifier(checking: Checking, *, zero_is_allowed: bool) -> None:
    body = checking.body
    if not body.HasField("bid_modifier"):
        return
    value = body.bid_modifier
    if value == 0 and zero_is_allowed:
        return
    # The field is a 32-bit float in some messages, where 0.1 is a little more and 10 exactly 10.
    if not value >= _LOWEST_MODIFIER:
        checking.add("RangeError.TOO_LOW", "bid_modifier", trigger=f"{value:g}")
    elif value > _HIGHEST_MODIFIER:
        checking.add("RangeError.TOO_HIGH", "bid_modifier", trigger=f"{value:g}")


def check_open(checking: Checking) -> None:
    """A new criterion's ad group must not hang under a removed campaign."""
    (ad_group_id,) = checking.tx.ids(checking.body.ad_group, "adGroups", (*checking.path, ("ad_group", None)))
    ad_group = checking.tx.account.ad_groups[ad_group_id]
    if is_closed(ad_group.campaign):
        code = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
        checking.add(code, "ad_group", trigger=checking.body.ad_group)


def is_closed(holder: AdGroup | Campaign) -> bool:
    return holder.status == enum_values("AdGroupStatus")["REMOVED"]


def taken_over(document: Document, body: Message) -> Message:
    """The kept criterion with what a repeated creation says about it."""
    merged = type(body)()
    merged.CopyFrom(document.body)
    for descriptor, _ in body.ListFields():
        if descriptor.is_repeated:
            merged.ClearField(descriptor.name)
    merged.MergeFrom(body)
    return merged

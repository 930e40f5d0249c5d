"""Criteria of campaigns (places, devices, schedules, negative keywords) and negative ones of customers."""

import ipaddress

from themaads_pipeline.emulator.entities import Document
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources.criteria import (
    check_bid_modifier,
    check_new_criterion,
    complete_criterion,
    own_criterion_id,
)
from themaads_pipeline.emulator.resources.devices import implied_device
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind

_NEVER_NEGATIVE = frozenset({"device", "language", "ad_schedule", "proximity", "carrier"})
_ALWAYS_NEGATIVE = frozenset({"ip_block", "content_label", "keyword"})
_WITHOUT_MODIFIER = frozenset({"keyword", "language", "ip_block", "content_label", "carrier", "webpage"})
_MAX_RADIUS = {"MILES": 500, "KILOMETERS": 800}
_MAX_SCHEDULES_A_DAY = 6
_MICRO_DEGREES = {"latitude_in_micro_degrees": 90_000_000, "longitude_in_micro_degrees": 180_000_000}


def _complete(checking: Checking) -> None:
    body = checking.body
    complete_criterion(checking)
    if not body.HasField("negative"):
        body.negative = False
    body.status = body.status or enum_values("CampaignCriterionStatus")["ENABLED"]
    if body.WhichOneof("criterion") == "proximity" and not body.proximity.radius_units:
        body.proximity.radius_units = enum_values("ProximityRadiusUnits")["KILOMETERS"]


def _check(checking: Checking) -> None:
    body = checking.body
    if checking.before is not None and body.negative:
        checking.add("CampaignCriterionError.CANNOT_UPDATE_NEGATIVE_CRITERION")
        return
    field = body.WhichOneof("criterion") or ""
    if checking.before is None:
        check_new_criterion(checking, missing="CampaignCriterionError.CONCRETE_TYPE_REQUIRED")
        _check_polarity(checking, field)
        match field:
            case "proximity":
                _check_proximity(checking)
            case "ad_schedule":
                _check_schedule(checking)
            case "ip_block":
                _check_ip_block(checking)
    if body.status == enum_values("CampaignCriterionStatus")["REMOVED"]:
        checking.add("EnumError.ENUM_VALUE_NOT_PERMITTED", "status")
    if body.HasField("bid_modifier"):
        if body.negative:
            checking.add("CriterionError.CANNOT_BID_MODIFY_NEGATIVE_CRITERION", "bid_modifier")
        elif field in _WITHOUT_MODIFIER:
            checking.add("CriterionError.CANNOT_BID_MODIFY_CRITERION_TYPE", "bid_modifier")
        else:
            check_bid_modifier(checking, zero_is_allowed=field == "device")


def _check_polarity(checking: Checking, field: str) -> None:
    if checking.body.negative and field in _NEVER_NEGATIVE:
        checking.add("CampaignCriterionError.CANNOT_EXCLUDE_CRITERIA_TYPE", "negative")
    elif not checking.body.negative and field in _ALWAYS_NEGATIVE:
        checking.add("CriterionError.CANNOT_TARGET_CRITERION", field)


def _check_proximity(checking: Checking) -> None:
    proximity = checking.body.proximity
    units = {enum_values("ProximityRadiusUnits")[name]: most for name, most in _MAX_RADIUS.items()}
    if proximity.radius_units not in units:
        checking.add("CriterionError.INVALID_PROXIMITY_RADIUS_UNITS", "proximity", "radius_units")
    elif not 0 < proximity.radius <= units[proximity.radius_units]:
        checking.add("CriterionError.INVALID_PROXIMITY_RADIUS", "proximity", "radius")
    if proximity.HasField("geo_point"):
        for name, most in _MICRO_DEGREES.items():
            if abs(getattr(proximity.geo_point, name)) > most:
                problem = name.partition("_")[0].upper()
                checking.add(f"CriterionError.INVALID_{problem}", "proximity", "geo_point", name)
    elif not proximity.HasField("address"):
        checking.add("CriterionError.PROXIMITY_GEOPOINT_AND_ADDRESS_BOTH_CANNOT_BE_NULL", "proximity")
    elif not (len(proximity.address.country_code) == 2 and proximity.address.country_code.isalpha()):
        checking.add("CriterionError.INVALID_COUNTRY_CODE", "proximity", "address", "country_code")


def _check_schedule(checking: Checking) -> None:
    schedule = checking.body.ad_schedule
    missing = [name for name in ("start_hour", "end_hour") if not schedule.HasField(name)]
    missing += [name for name in ("start_minute", "end_minute", "day_of_week") if not getattr(schedule, name)]
    for name in missing:
        checking.add("FieldError.REQUIRED", "ad_schedule", name)
    if missing:
        return
    start, end = _minutes(schedule)
    if not (0 <= schedule.start_hour <= 23 and 0 <= schedule.end_hour <= 24 and start < end <= 24 * 60):
        checking.add("CriterionError.AD_SCHEDULE_INVALID_TIME_INTERVAL", "ad_schedule")
        return
    day = [
        _minutes(other.ad_schedule)
        for other in checking.others("campaign_criterion")
        if other.campaign == checking.body.campaign
        and other.WhichOneof("criterion") == "ad_schedule"
        and other.ad_schedule.day_of_week == schedule.day_of_week
        and other.ad_schedule != schedule
    ]
    if any(start < theirs[1] and theirs[0] < end for theirs in day):
        checking.add("CriterionError.AD_SCHEDULE_TIME_INTERVALS_OVERLAP", "ad_schedule")
    elif len(day) >= _MAX_SCHEDULES_A_DAY:
        checking.add("CriterionError.AD_SCHEDULE_EXCEEDED_INTERVALS_PER_DAY_LIMIT", "ad_schedule")


def _minutes(schedule: Message) -> tuple[int, int]:
    """Start and end as minutes of the day."""
    quarters = enum_values("MinuteOfHour")
    minutes = {
        quarters["ZERO"]: 0,
        quarters["FIFTEEN"]: 15,
        quarters["THIRTY"]: 30,
        quarters["FORTY_FIVE"]: 45,
    }
    start = schedule.start_hour * 60 + minutes.get(schedule.start_minute, 0)
    return start, schedule.end_hour * 60 + minutes.get(schedule.end_minute, 0)


def _check_ip_block(checking: Checking) -> None:
    address = checking.body.ip_block.ip_address
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        checking.add("CriterionError.INVALID_IP_ADDRESS", "ip_block", "ip_address", trigger=address)


def _replaces(checking: Checking, document: Document) -> bool:
    """What a campaign has already is not added twice: the same again changes nothing.

    A bid modifier has to be given by an update.
    """
    body = checking.body
    if body.negative != document.body.negative:
        checking.add("CampaignCriterionError.CANNOT_TARGET_AND_EXCLUDE")
        return False
    if body.HasField("bid_modifier"):
        checking.add("CampaignCriterionError.CANNOT_ADD_EXISTING_FIELD", "bid_modifier")
        return False
    body.CopyFrom(document.body)
    return True


def _check_removal(checking: Checking) -> None:
    if checking.body.WhichOneof("criterion") == "device":
        checking.add("CriterionError.CANNOT_REMOVE_CRITERION")


CAMPAIGN_CRITERIA = DocumentKind(
    name="campaign_criterion",
    service="CampaignCriterionService",
    method="MutateCampaignCriteria",
    parents={"campaign": "campaign"},
    named_after=("campaign",),
    id_field="criterion_id",
    needed=("campaign",),
    own_id=own_criterion_id,
    complete=_complete,
    check=_check,
    check_removal=_check_removal,
    replaces=_replaces,
    implied=implied_device,
)


def _check_negative(checking: Checking) -> None:
    check_new_criterion(checking, missing="CriterionError.CONCRETE_TYPE_REQUIRED")
    if checking.body.WhichOneof("criterion") == "ip_block":
        _check_ip_block(checking)


CUSTOMER_NEGATIVE_CRITERIA = DocumentKind(
    name="customer_negative_criterion",
    service="CustomerNegativeCriterionService",
    method="MutateCustomerNegativeCriteria",
    own_id=own_criterion_id,
    mutable=False,
    complete=complete_criterion,
    check=_check_negative,
    replaces=lambda _checking, _document: True,
)

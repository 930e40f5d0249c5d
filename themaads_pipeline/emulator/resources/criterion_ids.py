"""What a criterion is and which id it has.

At Google a criterion exists once: every ad group with the keyword [shoes] refers to the same criterion id,
and a gender, a device or a place has its id for good. So ids here follow from what the criterion says; those
that Google has not published are made from a hash of it.
"""

from hashlib import blake2b

from themaads_pipeline.emulator.messages import Message, enum_name, enum_values
from themaads_pipeline.emulator.resources.constants import places

# The numbers of these enums are the ids themselves: MALE is 10, AGE_RANGE_18_24 is 503001.
_NUMBERED = {"gender", "age_range", "income_range", "parental_status"}
DEVICES = {"DESKTOP": 30000, "MOBILE": 30001, "TABLET": 30002, "CONNECTED_TV": 30004}
_CONSTANTS = {
    "location": "geo_target_constant",
    "language": "language_constant",
    "topic": "topic_constant",
    "carrier": "carrier_constant",
    "mobile_device": "mobile_device_constant",
    "operating_system_version": "operating_system_version_constant",
    "mobile_app_category": "mobile_app_category_constant",
}
# The enums of criteria that are a choice from a list.
_CHOICES = {
    "gender": "GenderType",
    "age_range": "AgeRangeType",
    "income_range": "IncomeRangeType",
    "parental_status": "ParentalStatusType",
    "device": "Device",
    "content_label": "ContentLabelType",
}
FIRST_HASHED, _HASHED = 10**12, 2**50  # far from the ids that are given out, exact as a JSON number


def criterion_field(body: Message) -> str:
    """Which criterion a message holds (`keyword`, `gender`), empty for none."""
    return body.WhichOneof("criterion") or ""


def criterion_type(field: str) -> int:
    """The CriterionType of a criterion's field."""
    return enum_values("CriterionType").get(field.upper(), enum_values("CriterionType")["UNKNOWN"])


def criterion_id(body: Message) -> int:
    """The id of the criterion in an ad group criterion, a campaign criterion and so on; 0 for none."""
    field = criterion_field(body)
    if not field:
        return 0
    criterion = getattr(body, field)
    if field in _NUMBERED:
        return int(criterion.type_)
    if field == "device":
        return DEVICES.get(enum_name("Device", criterion.type_), 0)
    if field in _CONSTANTS:
        number = getattr(criterion, _CONSTANTS[field]).rpartition("/")[2]
        return int(number[:18]) if number.isdecimal() else 0
    if field == "keyword":
        text = f"{criterion.match_type} {keyword_identity(criterion.text)}".encode()
    else:
        text = criterion.SerializeToString(deterministic=True)
    digest = blake2b(f"{field} ".encode() + text, digest_size=8).digest()
    return FIRST_HASHED + int.from_bytes(digest, "big") % _HASHED


def keyword_identity(text: str) -> str:
    """Keywords that differ in case or spaces alone are one keyword."""
    return " ".join(text.lower().split())


def display_name(body: Message) -> str:
    """What a criterion is called in lists; empty where Google's name for it is not known here."""
    field = criterion_field(body)
    if not field:
        return ""
    criterion = getattr(body, field)
    if field in _CHOICES:
        return enum_name(_CHOICES[field], criterion.type_)
    match field:
        case "keyword":
            return str(criterion.text)
        case "placement":
            return str(criterion.url)
        case "location":
            place = places().get(criterion.geo_target_constant)
            return str(place.body.canonical_name) if place is not None else ""
    return ""

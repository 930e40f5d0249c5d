"""Customizer attributes and their values for customers, campaigns, ad groups and keywords."""

import re

from themaads_pipeline.emulator.messages import enum_name, enum_values
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.resources.required_fields import missing_inside

_MAX_NAME, _MAX_ATTRIBUTES = 40, 40
_MAX_VALUE = 80
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_PERCENT = re.compile(r"-?\d+(?:[.,]\d+)*\s?%?")
_PRICE = re.compile(r"(?:[A-Z]{3}|[$€£¥₩₹])?\s?\d+(?:[.,]\d+)*\s?(?:[A-Z]{3}|[$€£¥₩₹])?")
_FORMS = {"NUMBER": _NUMBER, "PERCENT": _PERCENT, "PRICE": _PRICE}


def _complete_attribute(checking: Checking) -> None:
    checking.body.status = enum_values("CustomizerAttributeStatus")["ENABLED"]


def _check_attribute(checking: Checking) -> None:
    body = checking.body
    if len(body.name) > _MAX_NAME:
        checking.add("StringLengthError.TOO_LONG", "name", trigger=body.name)
    if enum_name("CustomizerAttributeType", body.type_) in {"UNSPECIFIED", "UNKNOWN"}:
        checking.add("FieldError.REQUIRED", "type")
    others = checking.others("customizer_attribute")
    if any(other.name.casefold() == body.name.casefold() for other in others):
        code = "CustomizerAttributeError.DUPLICATE_CUSTOMIZER_ATTRIBUTE_NAME"
        checking.add(code, "name", trigger=body.name)
    elif len(others) >= _MAX_ATTRIBUTES:
        checking.add("ResourceCountLimitExceededError.ACCOUNT_LIMIT")


CUSTOMIZER_ATTRIBUTES = DocumentKind(
    name="customizer_attribute",
    service="CustomizerAttributeService",
    method="MutateCustomizerAttributes",
    mutable=False,
    complete=_complete_attribute,
    check=_check_attribute,
)


def _complete_value(checking: Checking) -> None:
    checking.body.status = enum_values("CustomizerValueStatus")["ENABLED"]


def _check_value(checking: Checking) -> None:
    body = checking.body
    for path in missing_inside(body, "value"):
        checking.add("FieldError.REQUIRED", *path)
    if checking.errors.found:
        return
    attribute = checking.tx.account.documents["customizer_attribute"][body.customizer_attribute].body
    text = body.value.string_value
    if body.value.type_ != attribute.type_:
        checking.add("FieldError.INVALID_VALUE", "value", "type")
    elif len(text) > _MAX_VALUE:
        checking.add("StringLengthError.TOO_LONG", "value", "string_value", trigger=text)
    else:
        form = _FORMS.get(enum_name("CustomizerAttributeType", attribute.type_))
        if form is not None and not form.fullmatch(text.strip()):
            checking.add("StringFormatError.INVALID_FORMAT", "value", "string_value", trigger=text)


def _value_kind(name: str, service: str, parent: str = "") -> DocumentKind:
    """The values at one level. A second one for the same attribute takes the first one's place."""
    parents = {parent: parent} if parent else {}
    return DocumentKind(
        name=name,
        service=service,
        method=f"Mutate{service.removesuffix('Service')}s",
        parents={**parents, "customizer_attribute": "customizer_attribute"},
        named_after=(*parents, "customizer_attribute"),
        id_field="",
        needed=tuple(parents),
        mutable=False,
        complete=_complete_value,
        check=_check_value,
        replaces=lambda _checking, _document: True,
    )


CUSTOMIZER_VALUES = (
    _value_kind("customer_customizer", "CustomerCustomizerService"),
    _value_kind("campaign_customizer", "CampaignCustomizerService", "campaign"),
    _value_kind("ad_group_customizer", "AdGroupCustomizerService", "ad_group"),
    _value_kind("ad_group_criterion_customizer", "AdGroupCriterionCustomizerService", "ad_group_criterion"),
)

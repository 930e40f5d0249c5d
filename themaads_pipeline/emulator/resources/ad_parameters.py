"""Ad parameters: the numbers that a keyword puts into the texts of its ads."""

import re

from themaads_pipeline.emulator.entities import Document
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind

_MAX_INDEX = 2
# A number with separators, perhaps a currency before or after it, a sign, a percentage, or two numbers: 4/1.
_CURRENCY = r"(?:[A-Z]{3}|[$€£¥₩₹₽₺₪฿])"
_NUMBER = r"\d+(?:[.,]\d+)*"
_TEXT = re.compile(rf"[+-]?{_CURRENCY}?\s?[+-]?{_NUMBER}(?:/{_NUMBER})?\s?[%+-]?\s?{_CURRENCY}?")
_MAX_TEXT = 25


def _check(checking: Checking) -> None:
    body = checking.body
    if not 1 <= body.parameter_index <= _MAX_INDEX:
        code = "RangeError.TOO_LOW" if body.parameter_index < 1 else "RangeError.TOO_HIGH"
        checking.add(code, "parameter_index", trigger=str(body.parameter_index))
    text = body.insertion_text
    if len(text) > _MAX_TEXT:
        checking.add("StringLengthError.TOO_LONG", "insertion_text", trigger=text)
    elif not _TEXT.fullmatch(text):
        checking.add("AdParameterError.INVALID_INSERTION_TEXT_FORMAT", "insertion_text", trigger=text)
    if checking.before is None:
        criterion = checking.tx.account.documents["ad_group_criterion"][body.ad_group_criterion].body
        if criterion.WhichOneof("criterion") != "keyword" or criterion.negative:
            code = "AdParameterError.AD_GROUP_CRITERION_MUST_BE_KEYWORD"
            checking.add(code, "ad_group_criterion", trigger=body.ad_group_criterion)


def _replaces(_: Checking, __: Document) -> bool:
    """Setting a parameter that is set already sets it anew."""
    return True


AD_PARAMETERS = DocumentKind(
    name="ad_parameter",
    service="AdParameterService",
    method="MutateAdParameters",
    parents={"ad_group_criterion": "ad_group_criterion"},
    named_after=("ad_group_criterion",),
    id_field="parameter_index",
    needed=("ad_group_criterion", "parameter_index", "insertion_text"),
    own_id=lambda checking: str(checking.body.parameter_index),
    check=_check,
    replaces=_replaces,
)

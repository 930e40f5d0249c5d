"""Assets: texts, sitelinks, callouts, snippets, calls. Kinds that need an upload or a review are refused."""

from datetime import date

from themaads_pipeline.emulator.ad_urls import check_urls
from themaads_pipeline.emulator.entities import Document
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.resources.required_fields import missing_inside

_KEPT = frozenset(
    {
        "text_asset",
        "sitelink_asset",
        "callout_asset",
        "structured_snippet_asset",
        "call_asset",
        "price_asset",
        "promotion_asset",
        "mobile_app_asset",
        "youtube_video_asset",
    }
)
_SHORT, _DESCRIPTION, _MAX_TEXT = 25, 35, 90
_FEWEST_VALUES, _MOST_VALUES = 3, 10
_URL_FIELDS = ("final_mobile_urls", "tracking_url_template", "url_custom_parameters", "final_url_suffix")
_SHARED_BY_CONTENT = frozenset({"text_asset", "youtube_video_asset"})


def _own_id(checking: Checking) -> str:
    """The id of the asset with the same content, for the kinds that Google keeps once."""
    same = _same_content(checking)
    return "" if same is None else str(same.id)


def _same_content(checking: Checking) -> Message | None:
    body = checking.body
    field = body.WhichOneof("asset_data")
    if field not in _SHARED_BY_CONTENT:
        return None
    kind, content = _type_of(field), getattr(body, field)
    kept = checking.tx.account.documents.get("asset", {}).values()
    return next(
        (
            document.body
            for document in kept
            if document.body.type_ == kind and getattr(document.body, field) == content
        ),
        None,
    )


def _type_of(field: str) -> int:
    """The AssetType of a field: SITELINK of `sitelink_asset`."""
    types = enum_values("AssetType")
    return types.get(field.removesuffix("_asset").upper(), types["UNKNOWN"])


def _complete(checking: Checking) -> None:
    body = checking.body
    body.type_ = _type_of(body.WhichOneof("asset_data") or "")
    body.source = enum_values("AssetSource")["ADVERTISER"]
    summary = body.policy_summary
    summary.review_status = enum_values("PolicyReviewStatus")["REVIEWED"]
    summary.approval_status = enum_values("PolicyApprovalStatus")["APPROVED"]


def _check(checking: Checking) -> None:
    body = checking.body
    field = body.WhichOneof("asset_data")
    if field is None:
        checking.add("AssetError.ASSET_DATA_IS_MISSING")
        return
    if field not in _KEPT:
        message = f"The emulator keeps no assets of this kind: {field}."
        checking.add("AssetError.CUSTOMER_NOT_ON_ALLOWLIST_FOR_ASSET_TYPE", field, message=message)
        return
    if checking.before is not None and checking.before.WhichOneof("asset_data") != field:
        checking.add("AssetError.FIELD_CANNOT_BE_MODIFIED_FOR_ASSET_TYPE", field)
        return
    for path in missing_inside(body, field):
        checking.add("FieldError.REQUIRED", *path)
    _check_name(checking)
    _check_content(checking, field)
    _check_dates(checking, field)
    _check_urls(checking, field)


def _check_content(checking: Checking, field: str) -> None:
    match field:
        case "text_asset":
            _check_length(checking, field, "text", _MAX_TEXT)
        case "callout_asset":
            _check_length(checking, field, "callout_text", _SHORT)
        case "sitelink_asset":
            _check_sitelink(checking)
        case "structured_snippet_asset":
            _check_snippet(checking)
        case "call_asset":
            country = checking.body.call_asset.country_code
            if country and not (len(country) == 2 and country.isalpha()):
                checking.add("AssetError.CALL_INVALID_COUNTRY_CODE", field, "country_code", trigger=country)


def _check_name(checking: Checking) -> None:
    name = checking.body.name
    if name and any(other.name == name for other in checking.others("asset")):
        same = _same_content(checking) if checking.before is None else None
        if same is None or same.name != name:
            checking.add("AssetError.DUPLICATE_ASSET_NAME", "name", trigger=name)


def _check_length(checking: Checking, field: str, name: str, most: int) -> None:
    text = getattr(getattr(checking.body, field), name)
    if len(text) > most:
        checking.add("StringLengthError.TOO_LONG", field, name, trigger=text)


def _check_sitelink(checking: Checking) -> None:
    sitelink = checking.body.sitelink_asset
    _check_length(checking, "sitelink_asset", "link_text", _SHORT)
    for name, other in (("description1", "description2"), ("description2", "description1")):
        _check_length(checking, "sitelink_asset", name, _DESCRIPTION)
        if getattr(sitelink, other) and not getattr(sitelink, name):
            checking.add("FieldError.REQUIRED", "sitelink_asset", name)


def _check_snippet(checking: Checking) -> None:
    values = checking.body.structured_snippet_asset.values
    if not _FEWEST_VALUES <= len(values) <= _MOST_VALUES:
        code = "TOO_FEW" if len(values) < _FEWEST_VALUES else "TOO_MANY"
        checking.add(f"CollectionSizeError.{code}", "structured_snippet_asset", "values")
    for value in values:
        if not 1 <= len(value) <= _SHORT:
            code = "TOO_LONG" if value else "TOO_SHORT"
            checking.add(f"StringLengthError.{code}", "structured_snippet_asset", "values", trigger=value)


def _check_dates(checking: Checking, field: str) -> None:
    data = getattr(checking.body, field)
    dates = {}
    for name in ("start_date", "end_date"):
        text = getattr(data, name, "")
        if not text:
            continue
        try:
            dates[name] = date.fromisoformat(text)
        except ValueError:
            checking.add("DateError.INVALID_STRING_DATE", field, name, trigger=text)
    if len(dates) == 2 and dates["end_date"] < dates["start_date"]:
        checking.add("DateRangeError.START_DATE_AFTER_END_DATE", field, "end_date")


def _check_urls(checking: Checking, field: str) -> None:
    body = checking.body
    given = bool(body.final_urls) or any(getattr(body, name) for name in _URL_FIELDS)
    if field == "sitelink_asset" or (
        given and field in {"price_asset", "promotion_asset", "mobile_app_asset"}
    ):
        check_urls(body, checking.errors, checking.path)
    elif given:
        name = "final_urls" if body.final_urls else next(name for name in _URL_FIELDS if getattr(body, name))
        checking.add("AssetError.FIELD_INCOMPATIBLE_WITH_ASSET_TYPE", name)


def _replaces(checking: Checking, document: Document) -> bool:
    """The asset with the same content is given back as it is; under another name it is refused."""
    if checking.body.name and checking.body.name != document.body.name:
        checking.add("AssetError.CANNOT_MODIFY_ASSET_NAME", "name", trigger=checking.body.name)
        return False
    checking.body.CopyFrom(document.body)
    return True


ASSETS = DocumentKind(
    name="asset",
    service="AssetService",
    method="MutateAssets",
    own_id=_own_id,
    complete=_complete,
    check=_check,
    replaces=_replaces,
)

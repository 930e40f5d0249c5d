"""Assets shown with the ads of a customer, a campaign or an ad group, each in a field (SITELINK)."""

from themaads_pipeline.emulator.entities import Document
from themaads_pipeline.emulator.messages import enum_name, enum_values
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.transactions import Transaction

# Which fields an asset of a type can stand in.
_FIELDS = {
    "TEXT": frozenset({"HEADLINE", "DESCRIPTION", "LONG_HEADLINE", "BUSINESS_NAME", "MANDATORY_AD_TEXT"}),
    "SITELINK": frozenset({"SITELINK"}),
    "CALLOUT": frozenset({"CALLOUT"}),
    "STRUCTURED_SNIPPET": frozenset({"STRUCTURED_SNIPPET"}),
    "CALL": frozenset({"CALL"}),
    "PRICE": frozenset({"PRICE"}),
    "PROMOTION": frozenset({"PROMOTION"}),
    "MOBILE_APP": frozenset({"MOBILE_APP"}),
    "YOUTUBE_VIDEO": frozenset({"YOUTUBE_VIDEO", "VIDEO"}),
}
# Parts of ads, which are not linked on their own.
_NOT_LINKED = frozenset({"HEADLINE", "DESCRIPTION", "LONG_HEADLINE", "MANDATORY_AD_TEXT"})


def _own_id(checking: Checking) -> str:
    return enum_name("AssetFieldType", checking.body.field_type)


def _complete(checking: Checking) -> None:
    body = checking.body
    statuses = enum_values("AssetLinkStatus")
    body.status = body.status or statuses["ENABLED"]
    body.source = enum_values("AssetSource")["ADVERTISER"]
    paused = body.status == statuses["PAUSED"]
    body.primary_status = enum_values("AssetLinkPrimaryStatus")["PAUSED" if paused else "ELIGIBLE"]


def _check(checking: Checking) -> None:
    body = checking.body
    if body.status not in {enum_values("AssetLinkStatus")[name] for name in ("ENABLED", "PAUSED")}:
        checking.add("AssetLinkError.INVALID_STATUS", "status")
    if checking.before is not None:
        return
    field = enum_name("AssetFieldType", body.field_type)
    asset = checking.tx.account.documents["asset"][body.asset].body
    fields = _FIELDS.get(enum_name("AssetType", asset.type_), frozenset())
    if field not in fields:
        checking.add("AssetLinkError.FIELD_TYPE_INCOMPATIBLE_WITH_ASSET_TYPE", "field_type", trigger=field)
    elif field in _NOT_LINKED:
        checking.add("AssetLinkError.UNSUPPORTED_FIELD_TYPE", "field_type", trigger=field)


def _removed(_: Transaction, document: Document) -> None:
    # The body with the status REMOVED is new and nobody else has seen it, so that it may still be changed.
    document.body.primary_status = enum_values("AssetLinkPrimaryStatus")["REMOVED"]


def _replaces(checking: Checking, document: Document) -> bool:
    checking.body.CopyFrom(document.body)
    return True


def _link(name: str, service: str, parent: str = "") -> DocumentKind:
    parents = {parent: parent} if parent else {}
    return DocumentKind(
        name=name,
        service=service,
        method=f"Mutate{service.removesuffix('Service')}s",
        parents={**parents, "asset": "asset"},
        named_after=(*parents, "asset"),
        id_field="",
        needed=(*parents, "asset", "field_type"),
        own_id=_own_id,
        complete=_complete,
        check=_check,
        replaces=_replaces,
        on_removed=_removed,
    )


ASSET_LINKS = (
    _link("customer_asset", "CustomerAssetService"),
    _link("campaign_asset", "CampaignAssetService", "campaign"),
    _link("ad_group_asset", "AdGroupAssetService", "ad_group"),
)

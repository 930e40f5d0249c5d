"""GoogleAdsFieldService: the catalogue of what queries may name."""

from functools import cache
from typing import Any

from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError
from themaads_pipeline.emulator.gaql.catalogue import Artifact, catalogue
from themaads_pipeline.emulator.gaql.conditions import value_test
from themaads_pipeline.emulator.gaql.cursors import Cursor
from themaads_pipeline.emulator.gaql.dates import today_in
from themaads_pipeline.emulator.gaql.fields import Field, make_field
from themaads_pipeline.emulator.gaql.query import Query, parse_field_query
from themaads_pipeline.emulator.gaql.tokens import query_error
from themaads_pipeline.emulator.messages import VERSIONS, Message, message_class
from themaads_pipeline.emulator.world import World

_PAGE = 10_000
_PREFIX = "googleAdsFields/"


def _get(world: World, call: Call, request: Message) -> Message:
    del world
    name = request.resource_name
    if not name:
        raise RequestRefusedError(ApiError(code="RequestError.RESOURCE_NAME_MISSING"))
    if not name.startswith(_PREFIX):
        raise RequestRefusedError(ApiError(code="RequestError.RESOURCE_NAME_MALFORMED", trigger=name))
    artifact = catalogue().get(name.removeprefix(_PREFIX))
    if artifact is None:
        raise RequestRefusedError(ApiError(code="RequestError.RESOURCE_NOT_FOUND", trigger=name))
    return artifact.message(call.version)


def _search(world: World, call: Call, request: Message) -> Message:
    size = request.page_size or _PAGE
    if not 0 < size <= _PAGE:
        raise RequestRefusedError(ApiError(code="RequestError.INVALID_PAGE_SIZE"))
    key, position = "", 0
    if request.page_token:
        key, cursor, position = world.cursors.find(request.page_token, "", request.query)
    else:
        query = parse_field_query(request.query)
        cursor = Cursor("", request.query, query, _found(query, world.now()))
    end = position + size
    response = message_class("services.SearchGoogleAdsFieldsResponse")(total_results_count=len(cursor.rows))
    for artifact in cursor.rows[position:end]:
        _copy(artifact, response.results.add(), cursor.search, call.version)
    if end < len(cursor.rows):
        response.next_page_token = f"{key or world.cursors.keep(cursor)}.{end}"
    return response


def _found(query: Query, now: float) -> list[Artifact]:
    for name in query.fields:
        _field(name)
    tests = [
        (_field(item.field).getter(), value_test(item, _field(item.field), lambda: today_in("UTC", now)))
        for item in query.conditions
    ]
    found = [
        (message, artifact)
        for artifact, message in _entries()
        if all(test(get(message)) for get, test in tests)
    ]
    for name, descending in reversed(query.order):
        field = _field(name)
        if not field.sortable:
            raise query_error("PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE", f"cannot order by '{name}'", name)
        get = field.getter()
        found.sort(key=lambda pair: get(pair[0]), reverse=descending)
    return [artifact for _, artifact in found][: query.limit]


@cache
def _entries() -> list[tuple[Artifact, Any]]:
    """What conditions are tested on; the same in all versions, but for the names of types."""
    return [(artifact, artifact.message(VERSIONS[-1])) for artifact in catalogue().values()]


def _copy(artifact: Artifact, result: Message, query: Query, version: str) -> None:
    """The selected fields, and the name of the entry."""
    entry = artifact.message(version)
    result.resource_name = entry.resource_name
    for name in query.fields:
        value = getattr(entry, name)
        if _field(name).repeated:
            del getattr(result, name)[:]
            getattr(result, name).extend(value)
        else:
            setattr(result, name, value)


def _field(name: str) -> Field:
    descriptor = message_class("resources.GoogleAdsField").DESCRIPTOR.fields_by_name.get(name)
    if descriptor is None:
        raise query_error("UNRECOGNIZED_FIELD", f"unrecognized field in the query: '{name}'", name)
    return make_field(name, "google_ads_field", (name,), descriptor)


METHODS = (
    Method(
        service="GoogleAdsFieldService",
        name="GetGoogleAdsField",
        request="services.GetGoogleAdsFieldRequest",
        run=_get,
        needs_account=False,
    ),
    Method(
        service="GoogleAdsFieldService",
        name="SearchGoogleAdsFields",
        request="services.SearchGoogleAdsFieldsRequest",
        run=_search,
        needs_account=False,
    ),
)

"""GoogleAdsService.Search and SearchStream: pages, totals and summary rows."""

from collections.abc import Iterator
from typing import Any

from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError
from themaads_pipeline.emulator.gaql.changes import CHANGE_SOURCES
from themaads_pipeline.emulator.gaql.cursors import Cursor
from themaads_pipeline.emulator.gaql.query import parse
from themaads_pipeline.emulator.gaql.reports import ReportRow, summed
from themaads_pipeline.emulator.gaql.retired_fields import leave_out_retired
from themaads_pipeline.emulator.gaql.search import Search
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.world import World

_PAGE = 10_000


def _open(world: World, call: Call, request: Message) -> Search:
    query = parse(request.query)
    leave_out_retired(query, call.version)
    lag = world.read_lag_s(call.target, call.method)
    if query.resource in CHANGE_SOURCES:
        lag = max(lag, world.profile.change_lag_s)
    return Search(query, call.target, now=world.now(), lag_s=lag, traffic=world.traffic)


def _refuse(code: str, message: str = "") -> RequestRefusedError:
    return RequestRefusedError(ApiError(code=f"RequestError.{code}", message=message))


def _check(request: Message) -> None:
    if request.page_size:
        message = f"Setting the page size is not supported; it is fixed at {_PAGE} rows."
        raise _refuse("PAGE_SIZE_NOT_SUPPORTED", message)
    if request.validate_only and request.page_token:
        raise _refuse("VALIDATE_ONLY_REQUEST_HAS_PAGE_TOKEN")
    if request.validate_only and request.search_settings.return_summary_row:
        raise _refuse("CANNOT_RETURN_SUMMARY_ROW_FOR_VALIDATE_ONLY_REQUESTS")


def _search(world: World, call: Call, request: Message) -> Message:
    _check(request)
    response = message_class("services.SearchGoogleAdsResponse")()
    settings = request.search_settings
    key, position = "", 0
    if request.page_token:
        key, cursor, position = world.cursors.find(request.page_token, request.customer_id, request.query)
        if settings.return_summary_row != cursor.summary:
            raise _refuse("INCONSISTENT_RETURN_SUMMARY_ROW_VALUE")
        if settings.return_total_results_count and not cursor.total:
            raise _refuse("TOTAL_RESULTS_COUNT_NOT_ORIGINALLY_REQUESTED")
    else:
        search = _open(world, call, request)
        if settings.return_summary_row:
            _check_summary(search)
        if request.validate_only:
            return response
        cursor = Cursor(
            request.customer_id,
            request.query,
            search,
            search.rows(),
            summary=settings.return_summary_row,
            total=settings.return_total_results_count,
        )
    end = position + _PAGE
    if not settings.omit_results:
        _fill(response, cursor.search, cursor.rows[position:end])
    response.field_mask.paths.extend(_mask(cursor.search))
    if settings.return_total_results_count:
        response.total_results_count = cursor.search.total
    if end < len(cursor.rows) and not settings.omit_results:
        response.next_page_token = f"{key or world.cursors.keep(cursor)}.{end}"
    elif settings.return_summary_row:
        _summarise(response, cursor.search, cursor.rows)
    return response


def _search_stream(world: World, call: Call, request: Message) -> Iterator[Message]:
    search = _open(world, call, request)
    setting = request.summary_row_setting
    values = enum_values("SummaryRowSetting")
    summarised = setting in {values["SUMMARY_ROW_WITH_RESULTS"], values["SUMMARY_ROW_ONLY"]}
    if summarised:
        _check_summary(search)
    rows = search.rows()
    if setting != values["SUMMARY_ROW_ONLY"]:
        for position in range(0, len(rows) or 1, _PAGE):
            response = _part(call, search)
            _fill(response, search, rows[position : position + _PAGE])
            yield response
    if summarised:
        response = _part(call, search)
        _summarise(response, search, rows)
        yield response


def _part(call: Call, search: Search) -> Message:
    response = message_class("services.SearchGoogleAdsStreamResponse")(request_id=call.request_id)
    response.field_mask.paths.extend(_mask(search))
    return response


def _check_summary(search: Search) -> None:
    if not search.selects_metrics:
        raise _refuse("CANNOT_RETURN_SUMMARY_ROW_FOR_REQUEST_WITHOUT_METRICS")


def _summarise(response: Message, search: Search, rows: list[Any]) -> None:
    response.summary_row.CopyFrom(search.summary(ReportRow(None, {}, summed(rows))))


def _fill(response: Message, search: Search, rows: list[Any]) -> None:
    for row in rows:
        search.fill(response.results.add(), row)
    search.forget_messages()


def _mask(search: Search) -> list[str]:
    return [field.name for field in search.fields]


METHODS = (
    Method(service="GoogleAdsService", name="Search", request="services.SearchGoogleAdsRequest", run=_search),
    Method(
        service="GoogleAdsService",
        name="SearchStream",
        request="services.SearchGoogleAdsStreamRequest",
        run=_search_stream,
        streams=True,
    ),
)

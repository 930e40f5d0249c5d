"""GoogleAdsService: searching, and mutating resources of several kinds in one request."""

from collections.abc import Iterator
from typing import Any

from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError
from themaads_pipeline.emulator.gaql.cursors import Cursor
from themaads_pipeline.emulator.gaql.query import parse
from themaads_pipeline.emulator.gaql.search import Search
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.mutates import Step, check_size, run
from themaads_pipeline.emulator.services.mutate_methods import RESOURCES
from themaads_pipeline.emulator.world import World

_PAGE = 10_000
_BY_OPERATION = {f"{resource.name}_operation": resource for resource in RESOURCES}


def _open(world: World, call: Call, request: Message) -> Search:
    query = parse(request.query)
    lag = world.read_lag_s(call.target, call.method)
    return Search(query, call.target, now=world.now(), lag_s=lag)


def _search(world: World, call: Call, request: Message) -> Message:
    if request.page_size:
        message = f"Setting the page size is not supported; it is fixed at {_PAGE} rows."
        raise RequestRefusedError(ApiError(code="RequestError.PAGE_SIZE_NOT_SUPPORTED", message=message))
    response = message_class("services.SearchGoogleAdsResponse")()
    key, position = "", 0
    if request.page_token:
        key, cursor, position = world.cursors.find(request.page_token, request.customer_id, request.query)
    else:
        search = _open(world, call, request)
        if request.validate_only:
            return response
        cursor = Cursor(request.customer_id, request.query, search, search.rows())
    end = position + _PAGE
    settings = request.search_settings
    if not settings.omit_results:
        _fill(response, cursor.search, cursor.rows[position:end])
    response.field_mask.paths.extend(_mask(cursor.search))
    if settings.return_total_results_count:
        response.total_results_count = len(cursor.rows)
    if end < len(cursor.rows) and not settings.omit_results:
        response.next_page_token = f"{key or world.cursors.keep(cursor)}.{end}"
    return response


def _search_stream(world: World, call: Call, request: Message) -> Iterator[Message]:
    search = _open(world, call, request)
    rows = search.rows()
    for position in range(0, len(rows) or 1, _PAGE):
        response = message_class("services.SearchGoogleAdsStreamResponse")(request_id=call.request_id)
        _fill(response, search, rows[position : position + _PAGE])
        response.field_mask.paths.extend(_mask(search))
        yield response


def _fill(response: Message, search: Search, rows: list[Any]) -> None:
    response.results.extend(map(search.message, rows))
    search.forget_messages()


def _mask(search: Search) -> list[str]:
    return [field.name for field in search.fields]


def _mutate(world: World, call: Call, request: Message) -> Message:
    operations = request.mutate_operations
    check_size(operations, "mutate_operations")

    def step(index: int) -> Step:
        wrapped = operations[index]
        kind = wrapped.WhichOneof("operation")
        path: tuple[tuple[str, int | None], ...] = (("mutate_operations", index),)
        if kind is None:
            return Step(None, wrapped, path)
        return Step(_BY_OPERATION.get(kind), getattr(wrapped, kind), (*path, (kind, None)))

    outcome = run(world, call, request, len(operations), step)
    response = message_class("services.MutateGoogleAdsResponse")()
    for index, entity in enumerate(outcome.entities):
        answer = response.mutate_operation_responses.add()
        if entity is None:
            continue
        resource = _BY_OPERATION[operations[index].WhichOneof("operation")]
        result = getattr(answer, f"{resource.name}_result")
        result.resource_name = entity.resource_name
        if outcome.returns_resources and resource.returns_resource:
            getattr(result, resource.name).CopyFrom(entity.message())
    if outcome.partial_failure is not None:
        response.partial_failure_error.CopyFrom(outcome.partial_failure)
    return response


METHODS = (
    Method(service="GoogleAdsService", name="Search", request="services.SearchGoogleAdsRequest", run=_search),
    Method(
        service="GoogleAdsService",
        name="SearchStream",
        request="services.SearchGoogleAdsStreamRequest",
        run=_search_stream,
        streams=True,
    ),
    Method(
        service="GoogleAdsService",
        name="Mutate",
        request="services.MutateGoogleAdsRequest",
        run=_mutate,
        operations="mutate_operations",
    ),
)

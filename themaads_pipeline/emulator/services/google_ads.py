"""GoogleAdsService: searching, and mutating resources of several kinds in one request."""

from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.mutates import Step, check_size, run
from themaads_pipeline.emulator.services import searches
from themaads_pipeline.emulator.services.mutate_methods import RESOURCES
from themaads_pipeline.emulator.world import World

_BY_OPERATION = {f"{resource.name}_operation": resource for resource in RESOURCES}


def mutate_step(wrapped: Message, index: int) -> Step:
    """A MutateOperation as a step of the engine."""
    kind = wrapped.WhichOneof("operation")
    path: tuple[tuple[str, int | None], ...] = (("mutate_operations", index),)
    if kind is None:
        return Step(None, wrapped, path)
    return Step(_BY_OPERATION.get(kind), getattr(wrapped, kind), (*path, (kind, None)))


def _mutate(world: World, call: Call, request: Message) -> Message:
    operations = request.mutate_operations
    check_size(operations, "mutate_operations")

    outcome = run(world, call, request, len(operations), lambda index: mutate_step(operations[index], index))
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
    *searches.METHODS,
    Method(
        service="GoogleAdsService",
        name="Mutate",
        request="services.MutateGoogleAdsRequest",
        run=_mutate,
        operations="mutate_operations",
    ),
)

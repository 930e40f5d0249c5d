"""The mutate method that each resource's own service has; they all have the same shape."""

from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.mutates import Step, check_size, run
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.ad_group_ads import AD_GROUP_ADS
from themaads_pipeline.emulator.resources.ad_groups import AD_GROUPS
from themaads_pipeline.emulator.resources.ads import ADS
from themaads_pipeline.emulator.resources.attached_labels import ATTACHED_LABELS
from themaads_pipeline.emulator.resources.campaigns import CAMPAIGNS
from themaads_pipeline.emulator.resources.customer_labels import CUSTOMER_LABELS
from themaads_pipeline.emulator.resources.document_kinds import DOCUMENT_KINDS
from themaads_pipeline.emulator.resources.labels import LABELS
from themaads_pipeline.emulator.world import World

RESOURCES = (
    CAMPAIGNS,
    AD_GROUPS,
    AD_GROUP_ADS,
    ADS,
    *ATTACHED_LABELS,
    CUSTOMER_LABELS,
    LABELS,
    *(kind.resource() for kind in DOCUMENT_KINDS),
)


def _method(resource: Resource) -> Method:
    def mutate(world: World, call: Call, request: Message) -> Message:
        operations = request.operations
        check_size(operations, "operations")

        def step(index: int) -> Step:
            return Step(resource, operations[index], (("operations", index),))

        outcome = run(world, call, request, len(operations), step)
        response = message_class(f"services.{resource.method}Response")()
        add = response.results.add
        for entity in outcome.entities:
            result = add()
            if entity is not None:
                result.resource_name = entity.resource_name
                if outcome.returns_resources and resource.returns_resource:
                    getattr(result, resource.name).CopyFrom(entity.message())
        if outcome.partial_failure is not None:
            response.partial_failure_error.CopyFrom(outcome.partial_failure)
        return response

    return Method(
        service=resource.service,
        name=resource.method,
        request=f"services.{resource.method}Request",
        run=mutate,
        operations="operations",
    )


METHODS = tuple(_method(resource) for resource in RESOURCES)

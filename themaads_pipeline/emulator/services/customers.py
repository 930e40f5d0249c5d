"""CustomerService: which accounts the user can reach."""

from themaads_pipeline.emulator.access import directly_accessible
from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.world import World


def _list_accessible_customers(world: World, _call: Call, _request: Message) -> Message:
    names = [account.resource_name for account in directly_accessible(world.accounts)]
    return message_class("services.ListAccessibleCustomersResponse")(resource_names=names)


METHODS = (
    Method(
        service="CustomerService",
        name="ListAccessibleCustomers",
        request="services.ListAccessibleCustomersRequest",
        run=_list_accessible_customers,
        needs_account=False,
    ),
)

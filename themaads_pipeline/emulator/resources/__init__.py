"""What can be changed: one module a resource. Each offers create, update and remove as far as Google does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.transactions import Transaction

Operate = Callable[[Transaction, Message], Any]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the API that operations change.

    Each function takes the transaction and the operation, raises OperationRefusedError with paths below the
    operation, and
    gives the entity, which has a `resource_name`. Functions that are None are not offered.
    """

    name: str  # the field of MutateOperation and of results without their suffix: ad_group_ad
    service: str
    method: str
    create: Operate | None = None
    update: Operate | None = None
    remove: Operate | None = None
    returns_resource: bool = True
    cost: str = "label"  # which latency of a profile an operation costs: ad or label

"""One call of one method, and the methods that exist."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.messages import Message

if TYPE_CHECKING:
    from themaads_pipeline.emulator.world import World


@dataclass(slots=True, kw_only=True)
class Call:
    version: str
    service: str
    method: str
    request_id: str
    customer_id: str
    login_customer_id: str
    linked_customer_id: str = ""
    token: str
    operations: int
    gone: Event = field(
        default_factory=Event
    )  # set when the client has its answer, or no longer waits for one
    started_at: float = 0.0
    account: Account | None = None
    spread_s: float = 0.0
    results: list[str] = field(default_factory=list)
    errors: dict[int, list[str]] = field(default_factory=dict)
    payloads: dict[int, bytes] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)

    @property
    def target(self) -> Account:
        """The account that the call was authorised for."""
        if self.account is None:
            raise RuntimeError(f"{self.method} needs an account and was dispatched without one")
        return self.account


_READING = ("Search", "List", "Get", "Suggest", "Generate", "Wait")
Run = Callable[["World", Call, Message], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A method of a service. `operations` names the request's field of operations; a method with one is a
    mutate. `counted` names a field of items that count against quotas although nothing is mutated yet.
    `account_in` names the field that leads to the account: its id, or the name of a resource of it.
    """

    service: str
    name: str
    request: str
    run: Run
    operations: str = ""
    counted: str = ""
    account_in: str = "customer_id"
    streams: bool = False
    needs_account: bool = True

    @property
    def changes(self) -> bool:
        """Whether it changes the account."""
        return not self.name.startswith(_READING)


def begin(method: Method, version: str, context: Any, request: Message) -> Call:
    metadata = dict(context.invocation_metadata())
    call = Call(
        version=version,
        service=method.service,
        method=method.name,
        request_id=secrets.token_urlsafe(16),
        customer_id=_customer_id(method, request) if method.needs_account else "",
        login_customer_id=str(metadata.get("login-customer-id", "")),
        linked_customer_id=str(metadata.get("linked-customer-id", "")),
        token=str(metadata.get("authorization", "")).removeprefix("Bearer "),
        operations=len(getattr(request, counted)) if (counted := method.operations or method.counted) else 1,
        started_at=time.time(),
    )
    if not context.add_callback(call.gone.set):
        call.gone.set()
    return call


def _customer_id(method: Method, request: Message) -> str:
    text: str = getattr(request, method.account_in)
    if method.account_in == "customer_id":
        return text
    kind, _, rest = text.partition("/")
    return rest.partition("/")[0] if kind == "customers" else ""

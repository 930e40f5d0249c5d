"""Mutates of any service by its method's name, with operations written as plain dictionaries."""

import re
from typing import Any

from google.protobuf import json_format

from themaads_pipeline_tests.conformance.account import SHOP, codes, partial_failure, path_of, raw

_SINGULAR = {"Criteria": "Criterion"}


def send(client: Any, resources: str, *operations: dict[str, Any], **settings: Any) -> Any:
    """The response to `Mutate{resources}`, with partial failure unless settings say otherwise."""
    request = client.get_type(f"Mutate{resources}Request")
    settings = {"customer_id": SHOP, "partial_failure": True, **settings}
    for name, value in settings.items():
        setattr(request, name, value)
    for operation in operations:
        json_format.ParseDict(operation, request.operations.add())
    plural = next((name for name in _SINGULAR if resources.endswith(name)), "")
    single = resources.removesuffix(plural) + _SINGULAR[plural] if plural else resources.removesuffix("s")
    method = re.sub(r"(?<!^)(?=[A-Z])", "_", f"Mutate{resources}").lower()
    return getattr(client.get_service(f"{single}Service"), method)(request=request)


def create(client: Any, resources: str, *messages: dict[str, Any], **settings: Any) -> list[str]:
    """The names of what was created; nothing may fail."""
    response = send(client, resources, *({"create": message} for message in messages), **settings)
    assert not response.partial_failure_error.code, problems(client, response)
    return [result.resource_name for result in response.results]


def problems(client: Any, response: Any) -> list[tuple[str, str]]:
    """The errors of a response and where they are."""
    if not response.partial_failure_error.code:
        return []
    failure = raw(partial_failure(client, response))
    return list(zip(codes(failure), map(path_of, failure.errors), strict=True))


def refused(client: Any, resources: str, message: dict[str, Any]) -> list[tuple[str, str]]:
    """The errors of one creation and where they are, below the message itself."""
    found = problems(client, send(client, resources, {"create": message}))
    return [(code, path.removeprefix("operations[0].create").removeprefix(".")) for code, path in found]

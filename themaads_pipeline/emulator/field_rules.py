"""Which fields a client may set, change or must give, as the API's own documentation of each message says.

The client ships no field options, but its docstrings open each field with `Required.`, `Immutable.` or
`Output only.`, and name the pattern of resource names; they are read here instead of being typed off by hand.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from themaads_pipeline.emulator.messages import CLASSES, message_class

_FIELD = re.compile(r"^ {8}(\w+) \(.*\):\n((?: {12}.*\n|\s*\n)*)", re.MULTILINE)
_PATTERN = re.compile(r"``(customers/\{customer_id\}/(\w+)/\S+?)``")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """The fields of one message, by their protobuf names."""

    required: frozenset[str]
    immutable: frozenset[str]
    output_only: frozenset[str]
    collection: str  # of a resource's names: campaignBudgets; empty where the documentation names none


@cache
def field_rules(message: str) -> FieldRules:
    """The rules of a message: `resources.Campaign`, `resources.Campaign.NetworkSettings`.

    Raises:
        KeyError: The API has no such message.
    """
    package, *path = message.split(".")
    documented: Any = import_module(f"{CLASSES}.{package}")
    try:
        for name in path:
            documented = getattr(documented, name)
    except AttributeError:
        raise KeyError(message) from None
    text = (documented.__doc__ or "") + "\n"
    openings = {name: about.strip() for name, about in _FIELD.findall(text)}

    def opened_by(*words: str) -> frozenset[str]:
        return frozenset(name for name, about in openings.items() if about.startswith(words))

    pattern = _PATTERN.search(" ".join(openings.get("resource_name", "").split()))
    return FieldRules(
        required=opened_by("Required."),
        immutable=opened_by("Immutable.", "Required. Immutable."),
        output_only=opened_by("Output only."),
        collection=pattern[2] if pattern else "",
    )


@cache
def resource_message(resource: str) -> str:
    """`resources.CampaignBudget` for `campaign_budget`, as the rows of GoogleAdsService know it."""
    field = message_class("services.GoogleAdsRow").DESCRIPTOR.fields_by_name[resource]
    return str(field.message_type.full_name).removeprefix(f"{CLASSES}.")

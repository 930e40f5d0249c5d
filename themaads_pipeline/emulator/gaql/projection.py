"""Puts the selected fields of a row's resources into a GoogleAdsRow."""

from collections.abc import Iterable
from typing import Any

from themaads_pipeline.emulator.gaql.fields import Field, row_fields
from themaads_pipeline.emulator.messages import Descriptor, Message

# By field: how to copy it, and the plan below (None: there is none, or all of a message is wanted).
Plan = dict[str, tuple[str, Any]]
Tree = dict[str, Any]


def projection(resource: str, fields: Iterable[Field], *, names: bool) -> list[tuple[str, Plan]]:
    """What to copy from the message of each resource, with all questions about descriptors answered once a
    query instead of once a row. `names`: also the names of the resources, selected or not.
    """
    trees: dict[str, Tree] = {}
    if names:
        trees[resource] = {"resource_name": None}
    for field in fields:
        if field.category != "ATTRIBUTE":
            continue
        tree = trees.setdefault(field.resource, {"resource_name": None} if names else {})
        for step in field.steps[:-1]:
            # An ad within its ad_group_ad is a resource too, and comes with its name.
            tree = tree.setdefault(step, {"resource_name": None} if names and step == "ad" else {})
        tree[field.steps[-1]] = None
    return [(name, _compiled(tree, row_fields()[name].message_type)) for name, tree in trees.items()]


def _compiled(tree: Tree, descriptor: Descriptor) -> Plan:
    plan: Plan = {}
    for name, below in tree.items():
        field = descriptor.fields_by_name[name]
        if field.is_repeated:
            plan[name] = "repeated", None
        elif field.message_type is not None:
            plan[name] = "message", _compiled_below(below, field.message_type)
        else:
            plan[name] = "optional" if field.has_presence else "plain", None
    return plan


def _compiled_below(tree: Tree | None, descriptor: Descriptor) -> Plan | None:
    if tree is None or (not any(tree.values()) and set(descriptor.fields_by_name).issubset(tree)):
        return None  # all of it, by its name or field by field
    return _compiled(tree, descriptor)


def copy_fields(source: Message, target: Message, plan: Plan) -> None:
    for name, (how, below) in plan.items():
        if how == "repeated":
            getattr(target, name).MergeFrom(getattr(source, name))
        elif how == "plain":
            setattr(target, name, getattr(source, name))
        elif source.HasField(name):
            if how == "optional":
                setattr(target, name, getattr(source, name))
            elif below is None:
                getattr(target, name).CopyFrom(getattr(source, name))
            else:
                copy_fields(getattr(source, name), getattr(target, name), below)


def keep_fields(message: Message, plan: Plan) -> bool:
    """Clears what `copy_fields` would not copy; gives whether anything is left. Where most of a message is
    selected, that is a third of the work.
    """
    is_left = False
    for field, value in message.ListFields():
        wanted = plan.get(field.name)
        if wanted is None or (wanted[1] is not None and not keep_fields(value, wanted[1])):
            message.ClearField(field.name)
        else:
            is_left = True
    return is_left

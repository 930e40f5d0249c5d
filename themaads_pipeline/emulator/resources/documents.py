"""Resources kept as their messages: creation, update by mask and removal by the rules of their fields.

What is particular to a kind (its parents, unique names, limits) is a `DocumentKind`; the rest follows from
the API's documentation of the message (`field_rules`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from themaads_pipeline.emulator.entities import Account, Document
from themaads_pipeline.emulator.failures import ApiError, Errors, OperationRefusedError, Path
from themaads_pipeline.emulator.field_rules import FieldRules, field_rules, resource_message
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.field_masks import merged
from themaads_pipeline.emulator.resources.references import existing, is_removed, referenced
from themaads_pipeline.emulator.resources.required_fields import is_set
from themaads_pipeline.emulator.transactions import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """What a kind's own check sees: the message as it would be kept, and as it was (None: a creation)."""

    tx: Transaction
    body: Message
    before: Message
    errors: Errors
    path: Path  # of the message in its operation: create or update

    def add(self, code: str, *fields: str, message: str = "", trigger: str = "") -> None:
        path = (*self.path, *((name, None) for name in fields))
        self.errors.add(code, path, message=message, trigger=trigger)

    def others(self, kind: str) -> list[Message]:
        """The messages of the account's other resources of a kind, removed ones left out."""
        return [
            document.body
            for document in self.tx.account.documents.get(kind, {}).values()
            if document.body is not self.before and not is_removed(document)
        ]


def _nothing(_: Checking) -> None:
    pass


def _never(_: Checking, __: Document) -> bool:
    return False


def _none(_: Account, __: str) -> Document | None:
    return None


def _unnoticed(_: Transaction, __: Document) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class DocumentKind:
    """One kind of resource.

    `parents`: fields with resource names that must lead to something, and what (`{"campaign": "campaign"}`).
    `named_after`: those parents whose ids stand before the resource's own in its name (`campaign_criterion`).
    `id_field`: where the new id is written; empty for links, whose names consist of their parents' ids.
    `own_id`: the last part of the name, for kinds whose ids follow from what they hold (keywords, links);
    empty for a new id.
    `needed`: fields that a creation must give although no docstring says `Required.`
    `complete`: fills in what Google fills in, before `check`.
    `replaces`: whether a creation may take the place of the one that has its name already; a removed one
    may always be.
    `implied`: one that exists without having been made, such as a campaign's devices; kept once it changes.
    `on_created`, `on_removed`: what changes elsewhere, such as the number of members of a set.
    """

    name: str
    service: str
    method: str
    parents: dict[str, str] = field(default_factory=dict)
    named_after: tuple[str, ...] = ()
    id_field: str = "id"
    needed: tuple[str, ...] = ()
    mutable: bool = True
    own_id: Callable[[Checking], str] | None = None
    replaces: Callable[[Checking, Document], bool] = _never
    implied: Callable[[Account, str], Document | None] = _none
    on_created: Callable[[Transaction, Document], None] = _unnoticed
    on_removed: Callable[[Transaction, Document], None] = _unnoticed
    complete: Callable[[Checking], None] = _nothing
    check: Callable[[Checking], None] = _nothing
    check_removal: Callable[[Checking], None] = _nothing
    policy: Callable[[Checking, Message], None] | None = None  # sees the operation, for exemptions

    @cached_property
    def message(self) -> str:
        return resource_message(self.name)

    @property
    def rules(self) -> FieldRules:
        return field_rules(self.message)

    def resource(self) -> Resource:
        """The kind as an entry of the mutate methods."""
        return Resource(
            name=self.name,
            service=self.service,
            method=self.method,
            create=self._create,
            update=self._update if self.mutable else None,
            remove=self._remove,
        )

    def _create(self, tx: Transaction, operation: Message) -> Document:
        body = message_class(self.message)()
        body.CopyFrom(operation.create)
        checking = Checking(tx=tx, body=body, before=None, errors=Errors(), path=(("create", None),))
        for name in self.rules.output_only:
            body.ClearField(name)
        missing = {name for name in {*self.rules.required, *self.needed} if not is_set(body, name)}
        for name in sorted(missing):
            checking.add("FieldError.REQUIRED", name, message="The required field was not present.")
        for name, resource in self.parents.items():
            if not is_set(body, name):
                continue
            parent = referenced(tx, getattr(body, name), resource, (*checking.path, (name, None)))
            setattr(body, name, parent.resource_name)
        checking.errors.raise_any()
        temporary = body.resource_name
        self.name_body(checking)
        self._check(checking, operation)
        kept = tx.account.documents.setdefault(self.name, {})
        document = kept.get(body.resource_name)
        if document is not None:
            self._take_place(checking, document)
            if temporary:
                tx.temporary[temporary] = document.resource_name
            return document
        document = Document(
            account=tx.account,
            kind=self.name,
            resource_name=body.resource_name,
            body=body,
            created_at=tx.now,
        )
        kept[document.resource_name] = document
        tx.on_undo(document, kept.pop, document.resource_name)
        self.on_created(tx, document)
        if temporary:
            tx.temporary[temporary] = document.resource_name
        return document

    def name_body(self, checking: Checking, own_id: str = "") -> None:
        """Writes the name of a new body, and its id where it has one: the given one, or one of its own."""
        body = checking.body
        ids = [getattr(body, parent).rpartition("/")[2] for parent in self.named_after]
        own_id = own_id or (self.own_id(checking) if self.own_id is not None else "")
        if own_id or self.id_field:
            ids.append(own_id or str(checking.tx.world.next_id()))
        if self.id_field:
            setattr(body, self.id_field, int(ids[-1]))
        account = checking.tx.account.customer_id
        body.resource_name = f"customers/{account}/{self.rules.collection}/{'~'.join(ids)}"

    def _take_place(self, checking: Checking, document: Document) -> None:
        """Gives the document the new body: it was removed, or may be replaced."""
        removed = is_removed(document)
        if not removed and not self.replaces(checking, document):
            checking.errors.raise_any()
            code, name = "MutateError.RESOURCE_ALREADY_EXISTS", document.resource_name
            raise OperationRefusedError(ApiError(code=code, path=checking.path, trigger=name))
        checking.tx.change(document, "body", checking.body)
        if removed:
            self.on_created(checking.tx, document)

    def _update(self, tx: Transaction, operation: Message) -> Document:
        path: Path = (("update", None),)
        at = (*path, ("resource_name", None))
        self._keep_implied(tx, operation.update.resource_name)
        document = referenced(tx, operation.update.resource_name, self.name, at)
        body = merged(operation, document.body, self.rules)
        checking = Checking(tx=tx, body=body, before=document.body, errors=Errors(), path=path)
        self._check(checking, operation)
        tx.change(document, "body", body)
        kept: Document = document
        return kept

    def _keep_implied(self, tx: Transaction, name: str) -> None:
        """Keeps what exists without having been made. Nobody can tell, so that it need not be undone."""
        kept = tx.account.documents.setdefault(self.name, {})
        if name not in kept and (document := self.implied(tx.account, name)) is not None:
            kept[name] = document

    def _check(self, checking: Checking, operation: Message) -> None:
        self.complete(checking)
        self.check(checking)
        checking.errors.raise_any()
        if self.policy is not None:
            self.policy(checking, operation)
            checking.errors.raise_any()

    def _remove(self, tx: Transaction, operation: Message) -> Document:
        path: Path = (("remove", None),)
        self._keep_implied(tx, operation.remove)
        document: Document = existing(tx, operation.remove, self.name, path)
        if is_removed(document):
            code = "OperationAccessDeniedError.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE"
            raise OperationRefusedError(ApiError(code=code, path=path, trigger=operation.remove))
        checking = Checking(tx=tx, body=document.body, before=document.body, errors=Errors(), path=path)
        self.check_removal(checking)
        checking.errors.raise_any()
        status = document.body.DESCRIPTOR.fields_by_name.get("status")
        if status is not None and status.enum_type and "REMOVED" in status.enum_type.values_by_name:
            body = type(document.body)()
            body.CopyFrom(document.body)
            body.status = status.enum_type.values_by_name["REMOVED"].number
            tx.change(document, "body", body)
        else:
            kept = tx.account.documents[self.name]
            del kept[document.resource_name]
            tx.on_undo(document, kept.__setitem__, document.resource_name, document)
        self.on_removed(tx, document)
        return document

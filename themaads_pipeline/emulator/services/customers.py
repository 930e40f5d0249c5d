"""CustomerService: which accounts the user can reach, changes of an account, and new ones below a manager."""

import re
from zoneinfo import available_timezones

from themaads_pipeline.emulator.access import directly_accessible
from themaads_pipeline.emulator.ad_urls import check_url_settings
from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.failures import (
    ApiError,
    Errors,
    OperationRefusedError,
    Path,
    RequestRefusedError,
)
from themaads_pipeline.emulator.field_rules import field_rules
from themaads_pipeline.emulator.messages import Message, enum_name, message_class
from themaads_pipeline.emulator.resources.enums_given import check_enums
from themaads_pipeline.emulator.resources.field_masks import merged
from themaads_pipeline.emulator.transactions import Transaction, not_found
from themaads_pipeline.emulator.world import World

_MUTABLE_RESOURCE = 2
_MAX_NAME = 255
_FIRST_CREATED = 4_000_000_001
# Those that an account can have.
_CURRENCY = re.compile(
    "AED|ARS|AUD|BGN|BND|BOB|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|FJD|GBP|HKD|HRK|HUF|IDR|ILS|INR|"
    "JPY|KES|KRW|LTL|MAD|MXN|MYR|NOK|NZD|PEN|PHP|PKR|PLN|RON|RSD|RUB|SAR|SEK|SGD|THB|TND|TRY|TWD|UAH|"
    "USD|UYU|VEF|VND|ZAR"
)
# What an attribute of the account holds is no part of its body.
_NOT_IN_BODY = ("resource_name", "id", "descriptive_name", "currency_code", "time_zone", "manager", "status")


def _list_accessible_customers(world: World, _call: Call, _request: Message) -> Message:
    names = [account.resource_name for account in directly_accessible(world.accounts)]
    return message_class("services.ListAccessibleCustomersResponse")(resource_names=names)


def _mutate_customer(world: World, call: Call, request: Message) -> Message:
    account = call.target
    call.kinds.append("customer.update")
    response = message_class("services.MutateCustomerResponse")()
    with account.lock:
        tx = Transaction(world=world, account=account, request_id=call.request_id, now=world.now())
        try:
            _update(tx, request.operation)
        except OperationRefusedError as refused:
            raise RequestRefusedError(
                *(error.below(("operation", None)) for error in refused.errors)
            ) from None
        if request.validate_only:
            tx.rollback()
            return response
        world.history.committed(tx)
        call.results.append(account.resource_name)
        response.result.resource_name = account.resource_name
        if request.response_content_type == _MUTABLE_RESOURCE:
            response.result.customer.CopyFrom(account.message())
    return response


def _update(tx: Transaction, operation: Message) -> None:
    path: Path = (("update", None),)
    at: Path = (*path, ("resource_name", None))
    account, name = tx.account, operation.update.resource_name
    if not re.fullmatch(r"customers/\d+", name):
        code = "RequestError.RESOURCE_NAME_MALFORMED" if name else "RequestError.RESOURCE_NAME_MISSING"
        raise OperationRefusedError(ApiError(code=code, path=at, trigger=name))
    if name != account.resource_name:
        raise not_found(at, name)
    before = account.message()
    body = merged(operation, before, field_rules("resources.Customer"))
    errors = Errors()
    check_enums(operation.update, errors, path)
    _check(body, errors, path)
    errors.raise_any()
    if body.descriptive_name != account.name:
        tx.change(account, "name", body.descriptive_name)
    kept = _kept(body)
    if kept != _kept(before):
        tx.change(account, "body", kept)


def _check(body: Message, errors: Errors, path: Path) -> None:
    if len(body.descriptive_name) > _MAX_NAME:
        errors.add("StringLengthError.TOO_LONG", (*path, ("descriptive_name", None)))
    check_url_settings(body, errors, path)


def _kept(body: Message) -> Message:
    kept = type(body)()
    kept.CopyFrom(body)
    for name in _NOT_IN_BODY:
        kept.ClearField(name)
    return kept


def _create_customer_client(world: World, call: Call, request: Message) -> Message:
    manager = call.target
    call.kinds.append("customer.create")
    response = message_class("services.CreateCustomerClientResponse")()
    asked = request.customer_client
    errors = Errors()
    _check_new(manager, asked, errors)
    if errors.found:
        raise RequestRefusedError(*errors.found)
    if request.validate_only:
        return response
    with manager.lock:
        account = Account(
            customer_id=max(_FIRST_CREATED - 1, *world.accounts) + 1,
            name=asked.descriptive_name,
            time_zone=asked.time_zone,
            currency_code=asked.currency_code,
            manager=asked.manager,
            managers=[manager],
            body=_kept(asked),
            created_at=world.now(),
        )
        tx = Transaction(world=world, account=account, request_id=call.request_id, now=account.created_at)
        # A new dictionary: other requests may be going through the old one.
        world.accounts = {**world.accounts, account.customer_id: account}
        manager.clients.append(account)
        tx.on_undo(account, manager.clients.remove, account)
        world.history.committed(tx)
    call.results.append(account.resource_name)
    response.resource_name = account.resource_name
    return response


def _check_new(manager: Account, asked: Message, errors: Errors) -> None:
    path: Path = (("customer_client", None),)
    if not manager.manager:
        errors.add("CustomerError.CREATION_DENIED_INELIGIBLE_MCC")
    for name in ("currency_code", "time_zone"):
        if not getattr(asked, name):
            message = "The required field was not present."
            errors.add("FieldError.REQUIRED", (*path, (name, None)), message=message)
    if asked.currency_code and not _CURRENCY.fullmatch(asked.currency_code):
        at = (*path, ("currency_code", None))
        errors.add("CurrencyCodeError.UNSUPPORTED", at, trigger=asked.currency_code)
    if asked.time_zone and asked.time_zone not in available_timezones():
        at = (*path, ("time_zone", None))
        errors.add("TimeZoneError.INVALID_TIME_ZONE", at, trigger=asked.time_zone)
    if asked.status and enum_name("CustomerStatus", asked.status) not in {"UNSPECIFIED", "ENABLED"}:
        errors.add("CustomerError.STATUS_CHANGE_DISALLOWED", (*path, ("status", None)))
    check_enums(asked, errors, path)
    _check(asked, errors, path)


METHODS = (
    Method(
        service="CustomerService",
        name="ListAccessibleCustomers",
        request="services.ListAccessibleCustomersRequest",
        run=_list_accessible_customers,
        needs_account=False,
    ),
    Method(
        service="CustomerService",
        name="MutateCustomer",
        request="services.MutateCustomerRequest",
        run=_mutate_customer,
    ),
    Method(
        service="CustomerService",
        name="CreateCustomerClient",
        request="services.CreateCustomerClientRequest",
        run=_create_customer_client,
    ),
)

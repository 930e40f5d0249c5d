"""Who may act on which account: the login-customer-id, the hierarchy, and accounts that are not enabled."""

import re
from typing import TYPE_CHECKING

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError

if TYPE_CHECKING:
    from themaads_pipeline.emulator.calls import Call

_CUSTOMER_ID = re.compile(r"[0-9]{1,19}")
_NOT_ENABLED = "The customer account can't be accessed because it is not yet enabled or has been deactivated."
_DENIED = (
    "User doesn't have permission to access customer. Note: If you're accessing a client customer, the "
    "manager's customer id must be set in the 'login-customer-id' header."
)


# What manager accounts have of their own; everything else belongs to their clients.
_OF_MANAGERS = frozenset(
    {
        "asset",
        "batch_job",
        "conversion_action",
        "customer",
        "customer_client_link",
        "customer_label",
        "customer_manager_link",
        "customer_negative_criterion",
        "label",
        "shared_criterion",
        "shared_set",
        "user_list",
    }
)


def number_of(customer_id: str) -> int:
    """The id as a number, 0 for anything that is none."""
    return int(customer_id) if _CUSTOMER_ID.fullmatch(customer_id) else 0


def directly_accessible(accounts: dict[int, Account]) -> list[Account]:
    """Accounts that the user was invited to: those that nobody manages, and those seeded as `direct`."""
    return [account for account in accounts.values() if account.direct or not account.managers]


def manages(manager: Account, account: Account) -> bool:
    """Whether the manager is the account itself or above it."""
    return manager is account or any(manages(manager, above) for above in account.managers)


def authorise(accounts: dict[int, Account], call: "Call", *, changes: bool) -> Account:
    """The account that a call acts on.

    An account that does not exist answers like one of somebody else: USER_PERMISSION_DENIED, since Google
    tells nobody which ids exist. A suspended one can be read.

    Raises:
        RequestRefusedError: No access, or the account's status does not allow it.
    """
    if not _CUSTOMER_ID.fullmatch(call.customer_id):
        message = f"Invalid customer ID '{call.customer_id[:100]}'."
        raise _refused("RequestError.INVALID_CUSTOMER_ID", message, trigger=call.customer_id[:100])
    for name, given in (("LOGIN", call.login_customer_id), ("LINKED", call.linked_customer_id)):
        if given and not _CUSTOMER_ID.fullmatch(given):
            raise _refused(f"HeaderError.INVALID_{name}_CUSTOMER_ID", trigger=given[:100])
    account = accounts.get(int(call.customer_id))
    direct = directly_accessible(accounts)
    login = accounts.get(int(call.login_customer_id)) if call.login_customer_id else account
    asked = bool(call.login_customer_id)
    if account is None or login is None or not _may(login, account, direct, asked=asked):
        raise _refused("AuthorizationError.USER_PERMISSION_DENIED", _DENIED)
    _check_status(login, account, changes=changes)
    return account


def _may(login: Account, account: Account, direct: list[Account], *, asked: bool) -> bool:
    """`asked`: the request names the account to log in with; without, the user has to be invited to it."""
    if not asked:
        return account in direct
    return any(manages(root, login) for root in direct) and manages(login, account)


def _check_status(login: Account, account: Account, *, changes: bool) -> None:
    closed = {"CANCELED", "CLOSED"}
    if account.status in closed or login.status in closed:
        raise _refused("AuthorizationError.CUSTOMER_NOT_ENABLED", _NOT_ENABLED)
    if changes and account.status == "SUSPENDED":
        raise _refused("AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT")


def check_manager(account: Account, resources: set[str]) -> None:
    """Managers hold accounts, not campaigns.

    Raises:
        RequestRefusedError: The account is a manager, and no manager has one of these resources.
    """
    if account.manager and not resources <= _OF_MANAGERS:
        message = "Request cannot be executed by a manager account."
        raise _refused("RequestError.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT", message)


def _refused(code: str, message: str = "", *, trigger: str = "") -> RequestRefusedError:
    return RequestRefusedError(ApiError(code=code, message=message, trigger=trigger))

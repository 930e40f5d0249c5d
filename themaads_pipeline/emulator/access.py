"""Who may act on which account: the login-customer-id, the hierarchy, and accounts that are not enabled."""

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError


def parse_customer_id(text: str) -> int:
    if not text.isdecimal():
        raise RequestRefusedError(
            ApiError(
                code="RequestError.INVALID_CUSTOMER_ID",
                message=f"Invalid customer ID '{text}'.",
                trigger=text,
            )
        )
    return int(text)


def directly_accessible(accounts: dict[int, Account]) -> list[Account]:
    """Accounts that the user was invited to: those that nobody manages, and those seeded as `direct`."""
    return [account for account in accounts.values() if account.direct or not account.managers]


def manages(manager: Account, account: Account) -> bool:
    """Whether the manager is the account itself or above it."""
    return manager is account or any(manages(manager, above) for above in account.managers)


def authorise(accounts: dict[int, Account], customer_id: str, login_customer_id: str) -> Account:
    """The account a request acts on.

    An account that does not exist answers like one of somebody else: USER_PERMISSION_DENIED, since Google
    tells nobody
    which ids exist.

    Raises:
        RequestRefusedError: No access, or the account is not enabled.
    """
    account = accounts.get(parse_customer_id(customer_id))
    direct = directly_accessible(accounts)
    if login_customer_id:
        if not login_customer_id.isdecimal():
            raise RequestRefusedError(
                ApiError(code="HeaderError.INVALID_LOGIN_CUSTOMER_ID", trigger=login_customer_id)
            )
        login = accounts.get(int(login_customer_id))
        allowed = (
            account is not None
            and login is not None
            and any(manages(root, login) for root in direct)
            and manages(login, account)
        )
    else:
        login = account
        allowed = account is not None and account in direct
    if account is None or login is None or not allowed:
        raise RequestRefusedError(
            ApiError(
                code="AuthorizationError.USER_PERMISSION_DENIED",
                message="User doesn't have permission to access customer. Note: If you're accessing a client "
                "customer, the manager's customer id must be set in the 'login-customer-id' header.",
            )
        )
    if account.status != "ENABLED" or login.status != "ENABLED":
        raise RequestRefusedError(
            ApiError(
                code="AuthorizationError.CUSTOMER_NOT_ENABLED",
                message="The customer account can't be accessed because it is not yet enabled or has been "
                "deactivated.",
            )
        )
    return account

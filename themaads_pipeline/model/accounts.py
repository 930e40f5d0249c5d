"""How an account is called, and what can be done in it by what is known without asking it."""

from themaads_pipeline.model.ads import Account


def dashed(customer_id: int) -> str:
    """A customer id as Google Ads shows it; a spreadsheet leaves it alone.

    >>> dashed(1234567890)
    '123-456-7890'
    """
    digits = f"{customer_id:010}"
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def customer_id_of(text: str) -> int:
    """An account as a person writes it, with or without dashes.

    >>> customer_id_of("123-456-7890"), customer_id_of("1234567890")
    (1234567890, 1234567890)

    Raises:
        ValueError: It is not ten digits.
    """
    digits = text.replace("-", "").replace(" ", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) == 10):
        raise ValueError(f"{text!r} is no account: give its ten digits, 123-456-7890")
    return int(digits)


def unusable(customer_id: int, account: Account | None) -> tuple[str, str] | None:
    """Why nothing can be done in an account, as code and message; None where something can.

    `account` is None where none of our credentials reaches it.
    """
    if account is None:
        return (
            "account_not_reachable",
            f"none of our credentials reaches account {customer_id}: link it to a manager account of ours",
        )
    if account.manager:
        message = (
            f"account {customer_id} ({account.name}) is a manager, which has no ads: name its client account"
        )
        return "account_is_manager", message
    if account.status not in {"ENABLED", "UNKNOWN", "UNSPECIFIED"}:
        status = account.status.lower()
        return f"account_{status}", f"account {customer_id} ({account.name}) is {status}: see Google Ads"
    return None

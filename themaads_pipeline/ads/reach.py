"""Which accounts our credentials reach, and through which manager account each."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from themaads_pipeline.ads import queries
from themaads_pipeline.ads.wire import Wire
from themaads_pipeline.exceptions import AccountStoppedError, AdsStoppedError
from themaads_pipeline.model.ads import Account

__all__ = ["accounts_in_reach"]

_log = logging.getLogger(__name__)


def accounts_in_reach(
    wire: Wire, *, configured: int | None
) -> tuple[dict[int, Account], dict[int, AccountStoppedError]]:
    """Every account within reach, by id; and those directly accessible ones that refused to be read.

    An account that the user has direct access to needs no manager. Any other is reached through the directly
    accessible manager that is nearest to it (ties: the `configured` one, then the lowest id).

    Raises:
        AdsStoppedError: No account at all can be reached.
        AdsError: Of other kinds, when Google cannot be asked.
    """
    direct = _accessible(wire)
    roots: list[tuple[int, int | None]] = [(root, None) for root in direct]
    if configured is not None and configured not in direct:
        roots.append((configured, configured))
    ways: dict[int, tuple[tuple[int, bool, int], Account]] = {}
    refused: dict[int, AccountStoppedError] = {}
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="accounts") as pool:
        answers = pool.map(lambda root: _below(wire, *root), roots)
        for (root, _), answer in zip(roots, answers, strict=True):
            if isinstance(answer, AccountStoppedError):
                _log.warning("account %d cannot be read: %s", root, answer)
                refused[root] = answer
                continue
            for level, account in answer:
                rank = (level, root != configured, root)
                known = ways.get(account.customer_id)
                if known is None or rank < known[0]:
                    ways[account.customer_id] = (rank, account)
    if not ways:
        reasons = "; ".join(str(error) for error in refused.values()) or "Google lists none"
        raise AdsStoppedError(
            f"No Google Ads account can be reached with these credentials: {reasons}. Give the user or "
            "service account of google-ads.yaml access to an account or manager account.",
            code="AuthorizationError.USER_PERMISSION_DENIED",
        )
    inaccessible = {root: error for root, error in refused.items() if root not in ways}
    return {customer_id: ways[customer_id][1] for customer_id in sorted(ways)}, inaccessible


def _accessible(wire: Wire) -> list[int]:
    from themaads_pipeline.ads.protobuf import ListAccessibleCustomersRequest  # noqa: PLC0415 - costly

    response = wire.get(
        "CustomerService",
        "ListAccessibleCustomers",
        ListAccessibleCustomersRequest(),
        where="listing the accessible accounts",
    )
    return sorted(int(name.rpartition("/")[2]) for name in response.resource_names)


def _below(
    wire: Wire, root: int, login_customer_id: int | None
) -> list[tuple[int, Account]] | AccountStoppedError:
    """The accounts below a directly accessible one, with their levels; itself (level 0) included."""

    def account_of(row: Any) -> tuple[int, Account]:
        client = row.customer_client
        return client.level, Account(
            customer_id=client.id,
            name=client.descriptive_name,
            login_customer_id=login_customer_id if client.id == root else root,
            time_zone=client.time_zone,
            status=queries.enum_name(client, "status"),
            manager=client.manager,
        )

    try:
        return wire.search(
            queries.REACHABLE_ACCOUNTS,
            account_of,
            customer_id=root,
            login_customer_id=login_customer_id,
            where=f"reading the accounts below {root}",
        )
    except AccountStoppedError as error:
        return error

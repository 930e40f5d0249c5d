"""FROM for links between accounts: who manages whom, and a manager's labels on customers."""

from collections.abc import Iterable
from dataclasses import dataclass

from themaads_pipeline.emulator.entities import Account, Label
from themaads_pipeline.emulator.gaql.sources import Source
from themaads_pipeline.emulator.messages import Message, enum_values, message_class


@dataclass(frozen=True, slots=True)
class CustomerClient:
    manager: Account
    client: Account
    level: int

    def message(self) -> Message:
        owned = [label for label in self.client.applied_labels if label.account is self.manager]
        return message_class("resources.CustomerClient")(
            resource_name=f"customers/{self.manager.customer_id}/customerClients/{self.client.customer_id}",
            client_customer=self.client.resource_name,
            hidden=self.client.hidden,
            level=self.level,
            time_zone=self.client.time_zone,
            test_account=False,
            manager=self.client.manager,
            descriptive_name=self.client.name,
            currency_code=self.client.currency_code,
            id=self.client.customer_id,
            applied_labels=[label.resource_name for label in owned],
            status=enum_values("CustomerStatus")[self.client.status],
        )


@dataclass(frozen=True, slots=True)
class ManagerLink:
    """A direct link, seen from the client or from the manager."""

    manager: Account
    client: Account

    @property
    def link_id(self) -> int:
        """The same on both sides; nothing else is known of Google's numbers."""
        return (self.manager.customer_id * 31 + self.client.customer_id) % 1_000_000_007


class ClientsView(ManagerLink):
    def message(self) -> Message:
        start = f"customers/{self.client.customer_id}/customerManagerLinks"
        return message_class("resources.CustomerManagerLink")(
            resource_name=f"{start}/{self.manager.customer_id}~{self.link_id}",
            manager_customer=self.manager.resource_name,
            manager_link_id=self.link_id,
            status=enum_values("ManagerLinkStatus")["ACTIVE"],
        )


class ManagersView(ManagerLink):
    def message(self) -> Message:
        start = f"customers/{self.manager.customer_id}/customerClientLinks"
        return message_class("resources.CustomerClientLink")(
            resource_name=f"{start}/{self.client.customer_id}~{self.link_id}",
            client_customer=self.client.resource_name,
            manager_link_id=self.link_id,
            status=enum_values("ManagerLinkStatus")["ACTIVE"],
            hidden=self.client.hidden,
        )


@dataclass(frozen=True, slots=True)
class CustomerLabel:
    customer: Account
    label: Label

    def message(self) -> Message:
        customer = self.customer.resource_name
        return message_class("resources.CustomerLabel")(
            resource_name=f"{customer}/customerLabels/{self.label.label_id}",
            customer=customer,
            label=self.label.resource_name,
        )


def _clients(account: Account) -> list[CustomerClient]:
    """The account itself and all below it, each once, at its shortest distance."""
    found = {account.customer_id: CustomerClient(account, account, 0)}
    waiting = [account]
    for above in waiting:
        level = found[above.customer_id].level + 1
        for client in above.clients:
            if client.customer_id not in found:
                found[client.customer_id] = CustomerClient(account, client, level)
                waiting.append(client)
    return list(found.values())


def _customer_labels(account: Account) -> Iterable[CustomerLabel]:
    return [CustomerLabel(account, label) for label in account.applied_labels]


ACCOUNT_SOURCES: dict[str, Source] = {
    "customer_client": Source(rows=_clients, attributed={"customer": lambda link: link.manager}),
    "customer_manager_link": Source(
        rows=lambda account: [ClientsView(manager, account) for manager in account.managers],
        attributed={"customer": lambda link: link.client},
    ),
    "customer_client_link": Source(
        rows=lambda account: [ManagersView(account, client) for client in account.clients],
        attributed={"customer": lambda link: link.manager},
    ),
    "customer_label": Source(
        rows=_customer_labels,
        attributed={"customer": lambda link: link.customer, "label": lambda link: link.label},
    ),
}

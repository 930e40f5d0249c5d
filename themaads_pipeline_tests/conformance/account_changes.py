"""Changes that tests make to the shop: budgets, campaigns and ad groups, one at a time."""

from typing import Any

from themaads_pipeline_tests.conformance.account import SHOP, codes, path_of, raw

CAMPAIGN = f"customers/{SHOP}/campaigns/1"


def mutate(client: Any, resource: str, customer_id: str = SHOP, **settings: Any) -> tuple[Any, Any]:
    """A request of a resource's own service (`Campaign`, `AdGroupLabel`) with one operation, and that."""
    request = client.get_type(f"Mutate{_plural(resource)}Request")
    request.customer_id = customer_id
    for name, value in settings.items():
        setattr(request, name, value)
    return request, request.operations.add()


def send(client: Any, resource: str, request: Any) -> Any:
    """The answer to such a request."""
    letters = (f"_{letter.lower()}" if letter.isupper() else letter for letter in _plural(resource))
    return getattr(client.get_service(f"{resource}Service"), f"mutate{''.join(letters)}")(request=request)


def _plural(resource: str) -> str:
    return f"{resource}s" if not resource.endswith("Criterion") else f"{resource[:-2]}a"


def create(client: Any, resource: str, customer_id: str = SHOP, **fields: Any) -> str:
    """Creates something with the fields, leaving out those that are None; gives its name."""
    request, operation = mutate(client, resource, customer_id)
    set_fields(operation.create, fields)
    return str(send(client, resource, request).results[0].resource_name)


def change(client: Any, resource: str, name: str, fields: dict[str, Any], *, also: Any = None) -> str:
    """Updates fields by their paths; one that is None is only named in the mask."""
    request, operation = mutate(client, resource)
    operation.update.resource_name = name
    set_fields(operation.update, fields)
    operation.update_mask.paths.extend(fields)
    if also is not None:
        also(operation)
    return str(send(client, resource, request).results[0].resource_name)


def remove(client: Any, resource: str, name: str, customer_id: str = SHOP) -> str:
    request, operation = mutate(client, resource, customer_id)
    operation.remove = name
    return str(send(client, resource, request).results[0].resource_name)


def set_fields(message: Any, fields: dict[str, Any]) -> None:
    """Sets fields by their paths; lists are appended to, and None is left out."""
    for path, value in fields.items():
        target, (*steps, last) = message, path.split(".")
        for step in steps:
            target = getattr(target, step)
        if isinstance(value, list):
            getattr(target, last).extend(value)
        elif value is not None:
            setattr(target, last, value)


def new_budget(client: Any, **fields: Any) -> str:
    return create(client, "CampaignBudget", **{"name": "Budget", "amount_micros": 5_000_000, **fields})


def campaign_fields(client: Any, **fields: Any) -> dict[str, Any]:
    """Those of a valid campaign but for its budget, replaced by the ones given."""
    political = client.enums.EuPoliticalAdvertisingStatusEnum.DOES_NOT_CONTAIN_EU_POLITICAL_ADVERTISING
    return {
        "name": "Nieuw",
        "advertising_channel_type": client.enums.AdvertisingChannelTypeEnum.SEARCH,
        "contains_eu_political_advertising": political,
        "manual_cpc.enhanced_cpc_enabled": False,
        **fields,
    }


def new_campaign(client: Any, **fields: Any) -> str:
    budget = fields.pop("campaign_budget", "") or new_budget(client)
    return create(client, "Campaign", **campaign_fields(client, campaign_budget=budget, **fields))


def errors_of(refused: Any) -> list[tuple[str, str]]:
    """The errors of a GoogleAdsException as `kind.NAME`, and the paths to what they are about."""
    failure = refused.value.failure
    return list(zip(codes(failure), map(path_of, raw(failure).errors), strict=True))

"""Places, languages and currencies, and the search for places by name."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import MANAGER, codes, raw, search


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _suggest(client: Any, *names: str, country: str = "", targets: tuple[str, ...] = ()) -> list[Any]:
    request = client.get_type("SuggestGeoTargetConstantsRequest")
    request.locale, request.country_code = "nl", country
    if names:
        request.location_names.names.extend(names)
    if targets:
        request.geo_targets.geo_target_constants.extend(targets)
    service = client.get_service("GeoTargetConstantService")
    return list(service.suggest_geo_target_constants(request=request).geo_target_constant_suggestions)


def test_places_are_found_by_name_in_their_country(client: Any) -> None:
    found = _suggest(client, "paris", "Deutschland", country="FR")
    assert [(item.geo_target_constant.name, item.search_term) for item in found] == [("Paris", "paris")]
    assert found[0].geo_target_constant.resource_name == "geoTargetConstants/1006094"
    assert [parent.name for parent in found[0].geo_target_constant_parents] == ["France"]
    assert found[0].reach > 0
    assert [item.geo_target_constant.name for item in _suggest(client, "Deutschland")] == ["Germany"]


def test_places_are_found_without_their_accents_and_biggest_first(client: Any) -> None:
    assert [item.geo_target_constant.country_code for item in _suggest(client, "Osterreich")] == ["AT"]
    types = [item.geo_target_constant.target_type for item in _suggest(client, "utrecht", country="NL")]
    assert types == ["Province", "City"]


def test_places_are_found_by_resource_name(client: Any) -> None:
    (found,) = _suggest(client, targets=("geoTargetConstants/21167", "geoTargetConstants/1"))
    assert (found.geo_target_constant.name, found.geo_target_constant.target_type) == ("New York", "State")


@pytest.mark.parametrize(
    ("names", "country", "error"),
    [
        ((), "NL", "REQUEST_PARAMETERS_UNSET"),
        (("x",) * 26, "", "LOCATION_NAME_LIMIT"),
        (("x" * 301,), "", "LOCATION_NAME_SIZE_LIMIT"),
        (("Utrecht",), "Nederland", "INVALID_COUNTRY_CODE"),
    ],
)
def test_a_wrong_search_for_places_is_refused(
    client: Any, names: tuple[str, ...], country: str, error: str
) -> None:
    with pytest.raises(GoogleAdsException) as refusal:
        _suggest(client, *names, country=country)
    assert codes(raw(refusal.value.failure)) == [f"geo_target_constant_suggestion_error.{error}"]


@pytest.mark.parametrize(
    ("resource", "condition", "name"),
    [
        ("geo_target_constant", "id = 2528", "Netherlands"),
        ("geo_target_constant", "resource_name = 'geoTargetConstants/1010543'", "Amsterdam"),
        ("language_constant", "code = 'nl'", "Dutch"),
        ("currency_constant", "code = 'EUR'", "Euro"),
    ],
)
def test_constants_can_be_queried_in_any_account(
    client: Any, resource: str, condition: str, name: str
) -> None:
    (row,) = search(client, f"SELECT {resource}.name FROM {resource} WHERE {resource}.{condition}")
    assert getattr(row, resource).name == name

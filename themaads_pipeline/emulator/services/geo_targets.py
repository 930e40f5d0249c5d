"""GeoTargetConstantService: places by name or by resource name."""

import unicodedata

from themaads_pipeline.emulator.calls import Call, Method
from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError
from themaads_pipeline.emulator.messages import Message, message_class
from themaads_pipeline.emulator.resources.constants import Place, places
from themaads_pipeline.emulator.world import World

_MAX_NAMES, _MAX_NAME = 25, 300
_LOCALE = "en"


def _suggest(_world: World, _call: Call, request: Message) -> Message:
    response = message_class("services.SuggestGeoTargetConstantsResponse")()
    country = request.country_code
    if country and not (len(country) == 2 and country.isalpha()):
        raise _refused("INVALID_COUNTRY_CODE", country)
    match request.WhichOneof("query"):
        case "location_names":
            names = list(request.location_names.names)
            _check_names(names)
            for name in names:
                for place in _called(name, country):
                    _add(response, place).search_term = name
        case "geo_targets":
            for name in request.geo_targets.geo_target_constants:
                named = places().get(name)
                if named is not None and country.upper() in {"", named.body.country_code}:
                    _add(response, named)
        case _:
            raise _refused("REQUEST_PARAMETERS_UNSET", "")
    return response


def _check_names(names: list[str]) -> None:
    if not names:
        raise _refused("REQUEST_PARAMETERS_UNSET", "")
    if len(names) > _MAX_NAMES:
        raise _refused("LOCATION_NAME_LIMIT", "")
    for name in names:
        if len(name) > _MAX_NAME:
            raise _refused("LOCATION_NAME_SIZE_LIMIT", name)


def _refused(name: str, trigger: str) -> RequestRefusedError:
    return RequestRefusedError(ApiError(code=f"GeoTargetConstantSuggestionError.{name}", trigger=trigger))


def _called(name: str, country: str) -> list[Place]:
    """The places of a name, in the country when one is given, those with most people first."""
    wanted = _plain(name)
    found = [
        place
        for place in places().values()
        if country.upper() in {"", place.body.country_code} and wanted in map(_plain, place.names)
    ]
    return sorted(found, key=lambda place: -place.reach)


def _plain(name: str) -> str:
    """Without accents and case."""
    decomposed = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _add(response: Message, place: Place) -> Message:
    """Adds a suggestion. Names are English, whatever locale was asked for, and the suggestion says so."""
    suggestion = response.geo_target_constant_suggestions.add(locale=_LOCALE, reach=place.reach)
    suggestion.geo_target_constant.CopyFrom(place.body)
    above = places().get(place.body.parent_geo_target)
    while above is not None:
        suggestion.geo_target_constant_parents.add().CopyFrom(above.body)
        above = places().get(above.body.parent_geo_target)
    return suggestion


METHODS = (
    Method(
        service="GeoTargetConstantService",
        name="SuggestGeoTargetConstants",
        request="services.SuggestGeoTargetConstantsRequest",
        run=_suggest,
        needs_account=False,
    ),
)

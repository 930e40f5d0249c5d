"""Places, languages and currencies: the same for every account, and here a small part of Google's.

The ids are Google's own. Criteria may name places that are not in the list; they are then taken as they are.
"""

from dataclasses import dataclass
from functools import cache

from themaads_pipeline.emulator.messages import Message, enum_values, message_class


@dataclass(frozen=True, slots=True)
class Constant:
    """A row of a constant's resource, for queries."""

    body: Message

    def message(self) -> Message:
        return self.body


# id, name, canonical name, parent, country, type, people it reaches (in thousands, made up), other names
_PLACES: tuple[tuple[int, str, str, int, str, str, int, tuple[str, ...]], ...] = (
    (2032, "Argentina", "Argentina", 0, "AR", "Country", 43_000, ()),
    (2040, "Austria", "Austria", 0, "AT", "Country", 9_000, ("Österreich", "Oostenrijk")),
    (2056, "Belgium", "Belgium", 0, "BE", "Country", 11_000, ("België", "Belgique")),
    (2124, "Canada", "Canada", 0, "CA", "Country", 39_000, ()),
    (2208, "Denmark", "Denmark", 0, "DK", "Country", 6_000, ("Danmark",)),
    (2250, "France", "France", 0, "FR", "Country", 64_000, ("Frankrijk", "Frankreich")),
    (2276, "Germany", "Germany", 0, "DE", "Country", 84_000, ("Deutschland", "Duitsland")),
    (2380, "Italy", "Italy", 0, "IT", "Country", 56_000, ("Italia", "Italië")),
    (2442, "Luxembourg", "Luxembourg", 0, "LU", "Country", 800, ("Luxemburg",)),
    (2528, "Netherlands", "Netherlands", 0, "NL", "Country", 18_000, ("Nederland",)),
    (2616, "Poland", "Poland", 0, "PL", "Country", 36_000, ("Polska", "Polen")),
    (2724, "Spain", "Spain", 0, "ES", "Country", 47_000, ("España", "Spanje")),
    (2752, "Sweden", "Sweden", 0, "SE", "Country", 10_000, ("Sverige", "Zweden")),
    (2756, "Switzerland", "Switzerland", 0, "CH", "Country", 9_000, ("Schweiz", "Suisse", "Zwitserland")),
    (2826, "United Kingdom", "United Kingdom", 0, "GB", "Country", 68_000, ("Verenigd Koninkrijk",)),
    (2840, "United States", "United States", 0, "US", "Country", 330_000, ("Verenigde Staten",)),
    (20763, "Groningen", "Groningen,Netherlands", 2528, "NL", "Province", 600, ()),
    (20766, "North Holland", "North Holland,Netherlands", 2528, "NL", "Province", 3_000, ("Noord-Holland",)),
    (20768, "Utrecht", "Utrecht,Netherlands", 2528, "NL", "Province", 1_400, ()),
    (20770, "South Holland", "South Holland,Netherlands", 2528, "NL", "Province", 3_800, ("Zuid-Holland",)),
    (20053, "Antwerp", "Antwerp,Belgium", 2056, "BE", "Province", 1_900, ("Antwerpen",)),
    (21167, "New York", "New York,United States", 2840, "US", "State", 20_000, ()),
    (1000042, "Mar del Plata", "Mar del Plata,Buenos Aires Province,Argentina", 2032, "AR", "City", 700, ()),
    (1000060, "San Isidro", "San Isidro,Buenos Aires Province,Argentina", 2032, "AR", "City", 300, ()),
    (1000073, "Buenos Aires", "Buenos Aires,Buenos Aires,Argentina", 2032, "AR", "City", 8_000, ()),
    (1001004, "Brussels", "Brussels,Brussels,Belgium", 2056, "BE", "City", 1_200, ("Brussel", "Bruxelles")),
    (1001021, "Antwerp", "Antwerp,Antwerp,Belgium", 20053, "BE", "City", 600, ("Antwerpen",)),
    (1006094, "Paris", "Paris,Ile-de-France,France", 2250, "FR", "City", 6_000, ("Parijs",)),
    (1010419, "Groningen", "Groningen,Groningen,Netherlands", 20763, "NL", "City", 250, ()),
    (1010543, "Amsterdam", "Amsterdam,North Holland,Netherlands", 20766, "NL", "City", 1_200, ()),
    (1010638, "Utrecht", "Utrecht,Utrecht,Netherlands", 20768, "NL", "City", 400, ()),
    (1010714, "The Hague", "The Hague,South Holland,Netherlands", 20770, "NL", "City", 600, ("Den Haag",)),
    (1010729, "Rotterdam", "Rotterdam,South Holland,Netherlands", 20770, "NL", "City", 700, ()),
    (1023191, "New York", "New York,New York,United States", 21167, "US", "City", 9_000, ()),
)
_LANGUAGES = {
    1000: ("en", "English"),
    1001: ("de", "German"),
    1002: ("fr", "French"),
    1003: ("es", "Spanish"),
    1004: ("it", "Italian"),
    1005: ("ja", "Japanese"),
    1009: ("da", "Danish"),
    1010: ("nl", "Dutch"),
    1011: ("fi", "Finnish"),
    1012: ("ko", "Korean"),
    1013: ("no", "Norwegian"),
    1014: ("pt", "Portuguese"),
    1015: ("sv", "Swedish"),
    1017: ("zh_CN", "Chinese (simplified)"),
    1018: ("zh_TW", "Chinese (traditional)"),
    1030: ("pl", "Polish"),
}
_CURRENCIES = {
    "CHF": ("Swiss Franc", "CHF"),
    "DKK": ("Danish Krone", "kr"),
    "EUR": ("Euro", "€"),
    "GBP": ("British Pound", "£"),
    "PLN": ("Polish Zloty", "zł"),
    "SEK": ("Swedish Krona", "kr"),
    "USD": ("US Dollar", "$"),
}
_BILLABLE_UNIT_MICROS = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A geo target constant, all names it is found by, and how many people it reaches."""

    body: Message
    names: frozenset[str]
    reach: int


@cache
def places() -> dict[str, Place]:
    """Geo target constants by resource name."""
    kept = {}
    for number, name, canonical, parent, country, kind, reach, others in _PLACES:
        body = message_class("resources.GeoTargetConstant")(
            resource_name=f"geoTargetConstants/{number}",
            id=number,
            name=name,
            canonical_name=canonical,
            country_code=country,
            target_type=kind,
            status=enum_values("GeoTargetConstantStatus")["ENABLED"],
        )
        if parent:
            body.parent_geo_target = f"geoTargetConstants/{parent}"
        names = frozenset(text.casefold() for text in (name, canonical, *others))
        kept[body.resource_name] = Place(body, names, reach * 1_000)
    return kept


@cache
def geo_targets() -> tuple[Constant, ...]:
    return tuple(Constant(place.body) for place in places().values())


@cache
def languages() -> tuple[Constant, ...]:
    make = message_class("resources.LanguageConstant")
    return tuple(
        Constant(
            make(
                resource_name=f"languageConstants/{number}", id=number, code=code, name=name, targetable=True
            )
        )
        for number, (code, name) in _LANGUAGES.items()
    )


@cache
def currencies() -> tuple[Constant, ...]:
    make = message_class("resources.CurrencyConstant")
    return tuple(
        Constant(
            make(
                resource_name=f"currencyConstants/{code}",
                code=code,
                name=name,
                symbol=symbol,
                billable_unit_micros=_BILLABLE_UNIT_MICROS,
            )
        )
        for code, (name, symbol) in _CURRENCIES.items()
    )

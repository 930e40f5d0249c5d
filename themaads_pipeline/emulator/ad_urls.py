"""Rules for an ad's URLs and its custom parameters."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message, enum_values

_MAX_URL_BYTES = 2_084
_MAX_PARAMETERS, _MAX_KEY, _MAX_VALUE = 8, 16, 250
_KEY = re.compile(r"[A-Za-z0-9]+")
_START = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:/*)?[^/?#]*")
_HOST = re.compile(
    r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE
)
_LANDING_PAGE = re.compile(r"\{(?:escaped|unescaped)?lpurl(?:\+\d)?\}", re.IGNORECASE)
_NESTED = re.compile(r"\{(if[a-z]+):[^}]*\{\1:", re.IGNORECASE)
_UNENCODED = re.compile(r"[\s\x00-\x1f\x7f]")
_APP_URL = re.compile(r"(?P<scheme>[a-z]+)-app://(?P<app>[^/\s]+)(?:/\S*)?")


@lru_cache(maxsize=10_000)
def _start_problem(start: str) -> str:
    """What is wrong with a URL's scheme and host: the start of Google's error name, empty for nothing."""
    try:
        parts = urlsplit(start)
        host = (parts.hostname or "").encode("idna").decode()
        _ = parts.port
    except ValueError:
        return "MALFORMED"
    if "://" not in start:
        return "MISSING_PROTOCOL_IN"
    if parts.scheme.lower() not in {"http", "https"}:
        return "INVALID_PROTOCOL_IN"
    if not host:
        return "MISSING_HOST_IN"
    return "" if _HOST.fullmatch(host) else "INVALID_TLD_IN" if "." not in host else "MALFORMED"


def url_problem(url: str, kind: str) -> str:
    """The error of a URL of a kind (`FINAL_URL`, `FINAL_MOBILE_URL`), empty for a good one."""
    if len(url) > _MAX_URL_BYTES // 4 and len(url.encode()) > _MAX_URL_BYTES:
        return "StringLengthError.TOO_LONG"
    if _UNENCODED.search(url):
        return f"UrlFieldError.MALFORMED_{kind}"
    start = _START.match(url)[0]  # type: ignore[index] # every text matches
    if problem := _start_problem(start):
        return f"UrlFieldError.{problem}_{kind}"
    if "{" in url or "}" in url:
        return _tag_problem(url, kind)
    return ""


def _tag_problem(url: str, kind: str) -> str:
    """What is wrong with ValueTrack parameters (`{keyword}`) in a URL. The landing page itself is none."""
    if _NESTED.search(url):
        return f"UrlFieldError.REDUNDANT_NESTED_{kind}_TAG"
    if not _pairs(url) or "{}" in url or _LANDING_PAGE.search(url):
        value = "_VALUE" if kind == "URL_CUSTOM_PARAMETER" else ""
        return f"UrlFieldError.INVALID_TAG_IN_{kind}{value}"
    return ""


@lru_cache(maxsize=10_000)
def _pairs(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def check_urls(ad: Message, errors: Errors, path: Path) -> None:
    if not ad.final_urls:
        errors.add(
            "FieldError.REQUIRED_NONEMPTY_LIST",
            (*path, ("final_urls", None)),
            message="Final URL is required.",
        )
    for field, kind in (("final_urls", "FINAL_URL"), ("final_mobile_urls", "FINAL_MOBILE_URL")):
        for index, url in enumerate(getattr(ad, field)):
            if problem := url_problem(url, kind):
                errors.add(problem, (*path, (field, index)), trigger=url)
    check_url_settings(ad, errors, path)
    if ad.url_custom_parameters:
        check_parameters(ad, errors, path)


def check_url_settings(message: Message, errors: Errors, path: Path) -> None:
    """The tracking template and the suffix of an ad, an ad group, a campaign or a customer."""
    if message.tracking_url_template:
        _check_template(message.tracking_url_template, errors, path)
    if message.final_url_suffix:
        _check_suffix(message.final_url_suffix, errors, (*path, ("final_url_suffix", None)))


def _check_template(template: str, errors: Errors, path: Path) -> None:
    at = (*path, ("tracking_url_template", None))
    kind = "TRACKING_URL_TEMPLATE"
    problem = ""
    if len(template.encode()) > _MAX_URL_BYTES:
        problem = "StringLengthError.TOO_LONG"
    elif _UNENCODED.search(template):
        problem = f"UrlFieldError.MALFORMED_{kind}"
    elif _NESTED.search(template):
        problem = f"UrlFieldError.REDUNDANT_NESTED_{kind}_TAG"
    elif not _pairs(template) or "{}" in template:
        problem = f"UrlFieldError.INVALID_TAG_IN_{kind}"
    elif not _LANDING_PAGE.search(template):
        problem = f"UrlFieldError.MISSING_{kind}_TAG"
    elif not template.startswith("{"):
        found = _start_problem(_START.match(template)[0])  # type: ignore[index] # every text matches
        problem = f"UrlFieldError.{found}_{kind}" if found else ""
    if problem:
        errors.add(problem, at, trigger=template)


def _check_suffix(suffix: str, errors: Errors, at: Path) -> None:
    if len(suffix.encode()) > _MAX_URL_BYTES:
        errors.add("StringLengthError.TOO_LONG", at, trigger=suffix)
    elif suffix[0] in "?&#" or _UNENCODED.search(suffix):
        errors.add("UrlFieldError.FINAL_URL_SUFFIX_MALFORMED", at, trigger=suffix)
    elif not _pairs(suffix) or "{}" in suffix or _LANDING_PAGE.search(suffix):
        errors.add("UrlFieldError.INVALID_TAG_IN_FINAL_URL_SUFFIX", at, trigger=suffix)


def check_parameters(ad: Message, errors: Errors, path: Path) -> None:
    """The custom parameters of an ad or of anything else that has them."""
    if len(ad.url_custom_parameters) > _MAX_PARAMETERS:
        errors.add(
            "UrlFieldError.URL_CUSTOM_PARAMETERS_COUNT_EXCEEDS_LIMIT",
            (*path, ("url_custom_parameters", None)),
        )
    for index, parameter in enumerate(ad.url_custom_parameters):
        at = (*path, ("url_custom_parameters", index))
        if problem := _key_problem(parameter.key):
            errors.add(problem, (*at, ("key", None)), trigger=parameter.key)
        given = parameter.HasField("value")
        problem = _value_problem(parameter.value) if given else "UrlFieldError.NULL_CUSTOM_PARAMETER_VALUE"
        if problem:
            errors.add(problem, (*at, ("value", None)), trigger=parameter.value)


@lru_cache(maxsize=10_000)
def _key_problem(key: str) -> str:
    if not _KEY.fullmatch(key):
        return "UrlFieldError.INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_KEY"
    return "StringLengthError.TOO_LONG" if len(key) > _MAX_KEY else ""


@lru_cache(maxsize=10_000)
def _value_problem(value: str) -> str:
    if len(value) > _MAX_VALUE:
        return "StringLengthError.TOO_LONG"
    if "<" in value or ">" in value or _UNENCODED.search(value):
        return "UrlFieldError.INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_VALUE"
    if "{" in value or "}" in value:
        return _tag_problem(value, "URL_CUSTOM_PARAMETER")
    return ""


def check_app_urls(ad: Message, errors: Errors, path: Path) -> None:
    """At most one deep link an operating system: `android-app://com.example/...`, `ios-app://123/...`."""
    systems = enum_values("AppUrlOperatingSystemType")
    schemes = {systems["ANDROID"]: "android", systems["IOS"]: "ios"}
    seen = set()
    for index, link in enumerate(ad.final_app_urls):
        at = (*path, ("final_app_urls", index))
        scheme = schemes.get(link.os_type)
        match = _APP_URL.fullmatch(link.url)
        if scheme is None:
            errors.add("UrlFieldError.INVALID_OSTYPE", (*at, ("os_type", None)))
            continue
        if link.os_type in seen:
            errors.add("UrlFieldError.MULTIPLE_APP_URLS_FOR_OSTYPE", at, trigger=link.url)
        seen.add(link.os_type)
        if match is None or match["scheme"] != scheme:
            errors.add("UrlFieldError.INVALID_PROTOCOL_FOR_APP_URL", (*at, ("url", None)), trigger=link.url)
        elif not (match["app"].isdecimal() if scheme == "ios" else "." in match["app"]):
            errors.add("UrlFieldError.INVALID_PACKAGE_ID_FOR_APP_URL", (*at, ("url", None)), trigger=link.url)


def check_collections(ad: Message, errors: Errors, path: Path) -> None:
    seen = set()
    for index, collection in enumerate(ad.url_collections):
        at = (*path, ("url_collections", index))
        key = collection.url_collection_id
        if not key or key in seen:
            code = "UrlFieldError.DUPLICATE_URL_ID" if key else "UrlFieldError.INVALID_URL_ID"
            errors.add(code, (*at, ("url_collection_id", None)), trigger=key)
        seen.add(key)
        for place, url in enumerate(collection.final_urls):
            if problem := url_problem(url, "FINAL_URL"):
                errors.add(problem, (*at, ("final_urls", place)), trigger=url)
        for place, url in enumerate(collection.final_mobile_urls):
            if problem := url_problem(url, "FINAL_MOBILE_URL"):
                errors.add(problem, (*at, ("final_mobile_urls", place)), trigger=url)

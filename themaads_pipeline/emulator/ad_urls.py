"""Rules for an ad's URLs and its custom parameters."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message

_MAX_URL_BYTES = 2_084
_MAX_PARAMETERS, _MAX_KEY, _MAX_VALUE = 8, 16, 250
_KEY = re.compile(r"[A-Za-z0-9]+")
_START = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:/*)?[^/?#]*")
_HOST = re.compile(
    r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE
)


@lru_cache(maxsize=10_000)
def _start_problem(start: str) -> str:
    """What is wrong with a URL's scheme and host: the suffix of Google's error name, empty for nothing."""
    try:
        parts = urlsplit(start)
        host = (parts.hostname or "").encode("idna").decode()
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
    """The UrlFieldError of a URL of a kind (`FINAL_URL`, `FINAL_MOBILE_URL`), empty for a good one."""
    if len(url) > _MAX_URL_BYTES // 4 and len(url.encode()) > _MAX_URL_BYTES:
        return "StringLengthError.TOO_LONG"
    if " " in url or "\n" in url or "\t" in url:
        return (
            f"UrlFieldError.MALFORMED_{kind}"
            if kind == "FINAL_URL"
            else "UrlFieldError.MALFORMED_FINAL_MOBILE_URL"
        )
    start = _START.match(url)[0]  # type: ignore[index] # every text matches
    problem = _start_problem(start)
    if problem == "MALFORMED":
        return f"UrlFieldError.MALFORMED_{kind}"
    if problem:
        return f"UrlFieldError.{problem}_{kind}"
    if url.count("{") != url.count("}"):
        return f"UrlFieldError.INVALID_TAG_IN_{kind}"
    return ""


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
    if ad.tracking_url_template:
        _check_template(ad.tracking_url_template, errors, path)
    if ad.final_url_suffix and (ad.final_url_suffix[0] in "?&" or " " in ad.final_url_suffix):
        errors.add(
            "UrlFieldError.FINAL_URL_SUFFIX_MALFORMED",
            (*path, ("final_url_suffix", None)),
            trigger=ad.final_url_suffix,
        )
    if ad.url_custom_parameters:
        _check_parameters(ad, errors, path)


def _check_template(template: str, errors: Errors, path: Path) -> None:
    at = (*path, ("tracking_url_template", None))
    if len(template.encode()) > _MAX_URL_BYTES:
        errors.add("StringLengthError.TOO_LONG", at, trigger=template)
    elif not re.search(r"\{(?:lpurl|escapedlpurl|unescapedlpurl)", template.lower()):
        errors.add("UrlFieldError.MISSING_TRACKING_URL_TEMPLATE_TAG", at, trigger=template)
    elif not template.startswith("{") and "://" not in template:
        errors.add("UrlFieldError.MISSING_PROTOCOL_IN_TRACKING_URL_TEMPLATE", at, trigger=template)


def _check_parameters(ad: Message, errors: Errors, path: Path) -> None:
    if len(ad.url_custom_parameters) > _MAX_PARAMETERS:
        errors.add(
            "UrlFieldError.URL_CUSTOM_PARAMETERS_COUNT_EXCEEDS_LIMIT",
            (*path, ("url_custom_parameters", None)),
        )
    for index, parameter in enumerate(ad.url_custom_parameters):
        at = (*path, ("url_custom_parameters", index))
        if not _KEY.fullmatch(parameter.key):
            name = "UrlFieldError.INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_KEY"
            errors.add(name, (*at, ("key", None)), trigger=parameter.key)
        elif len(parameter.key) > _MAX_KEY:
            errors.add("StringLengthError.TOO_LONG", (*at, ("key", None)), trigger=parameter.key)
        if not parameter.HasField("value"):
            errors.add("UrlFieldError.NULL_CUSTOM_PARAMETER_VALUE", (*at, ("value", None)))
        elif len(parameter.value) > _MAX_VALUE:
            errors.add("StringLengthError.TOO_LONG", (*at, ("value", None)), trigger=parameter.value)
        elif any(character in parameter.value for character in " \n\t<>"):
            name = "UrlFieldError.INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_VALUE"
            errors.add(name, (*at, ("value", None)), trigger=parameter.value)

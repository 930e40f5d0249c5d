"""Names of campaigns and ad groups."""

import re

from themaads_pipeline.emulator.failures import Errors, Path

_MAX_NAME = 255
_FORBIDDEN = re.compile(r"[\0\n\r]")


def check_name(name: str, errors: Errors, at: Path, *, invalid: str) -> None:
    """A name is given, is not too long, and has no line ends or null characters: `invalid` if it has."""
    if not name.strip():
        errors.add("StringLengthError.EMPTY" if name else "FieldError.REQUIRED", at, trigger=name)
    elif _FORBIDDEN.search(name):
        errors.add(invalid, at, trigger=name)
    elif len(name) > _MAX_NAME:
        errors.add("StringLengthError.TOO_LONG", at, message="Too long.", trigger=name)

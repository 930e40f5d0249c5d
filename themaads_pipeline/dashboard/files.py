"""A file that somebody hands in through the browser: its kind, and a name that can do no harm. Pure."""

import re
import unicodedata
from pathlib import PurePosixPath

from themaads_pipeline.exceptions import UnusableFileError

__all__ = ["ACCEPTED", "expect_usable", "safe_name"]

# As the intake reads them.
ACCEPTED = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".xlsx")
_BEGINNINGS = {".xlsx": b"PK", ".gz": b"\x1f\x8b"}
_LONGEST = 120
_NOT_IN_NAMES = re.compile(r"[^\w .()+@-]")


def safe_name(given: str) -> str:
    r"""What a browser says the file is called, as a plain name: no path, nothing hidden, nothing odd.

    >>> safe_name("C:\\lists\\black friday.csv"), safe_name("../../etc/passwd"), safe_name("~$<b>.CSV")
    ('black friday.csv', 'passwd', 'b_.CSV')
    """
    last = PurePosixPath(given.replace("\\", "/")).name
    plain = _NOT_IN_NAMES.sub("_", unicodedata.normalize("NFC", last)).rstrip(". ")
    ending = _ending(plain)
    stem = plain[: len(plain) - len(ending)].lstrip("._~$ -").rstrip(" ")
    return (stem[:_LONGEST] or "list") + ending


def expect_usable(name: str, beginning: bytes) -> None:
    """Refuse what the intake would not read.

    Args:
        name: Of the file, made safe.
        beginning: Its first bytes.

    Raises:
        UnusableFileError: It is of another kind, or empty, or not what its name says.
    """
    ending = _ending(name)
    if not ending:
        raise UnusableFileError(
            f"{name}: files of this kind cannot be read. Save the list as CSV UTF-8 (.csv) or as an Excel "
            "workbook (.xlsx)."
        )
    if not beginning:
        raise UnusableFileError(f"{name}: the file is empty. Choose the list itself.")
    for kind, wanted in _BEGINNINGS.items():
        if ending.endswith(kind) and not beginning.startswith(wanted):
            raise UnusableFileError(
                f"{name}: this is no {kind} file, whatever it is called. Save it anew as that, or as CSV."
            )


def _ending(name: str) -> str:
    lower = name.lower()
    found = max((ending for ending in ACCEPTED if lower.endswith(ending)), key=len, default="")
    return name[len(name) - len(found) :] if found else ""

"""Which encoding a text file is in: told by its bytes, never asked."""

import codecs
import re
from collections.abc import Callable
from pathlib import Path

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.sources import MAX_LINE, Unpacked, shown
from themaads_pipeline.model.telling import Tell, tell_nobody

_BLOCK = 1024**2
_LONG = 4 * MAX_LINE  # bytes that are more than one line in any case
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# A letter beyond ASCII in UTF-8.
_MULTI_BYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_KNOWN_KINDS = (
    (b"PK\x03\x04", "a workbook or a zip archive. If it is an Excel workbook, give it the ending .xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel workbook. Save it as .xlsx"),
    (b"%PDF", "a PDF. Export the list as CSV or XLSX"),
    (b"\x1f\x8b", "compressed. Give it the ending .csv.gz"),
)


def encoding_of(path: Path, *, compressed: bool, tell: Tell = tell_nobody) -> str:
    """The encoding to read `path` with, errors replaced: the file is read to its end for it.

    A mark at the beginning decides; without one it is UTF-8 unless what breaks UTF-8 outnumbers what only
    UTF-8 explains, which is how Windows-1252 (Excel's plain "CSV") looks.

    Raises:
        UnusableFileError: it is no text.
    """
    with Unpacked(path, compressed=compressed) as stream:
        head = stream.read(65536) or b""
        if not head:
            raise UnusableFileError(
                f"{shown(path)}: is empty. Export it again, with a header and at least one row."
            )
        for signature, what in _KNOWN_KINDS:
            if head.startswith(signature):
                raise UnusableFileError(f"{shown(path)}: is no text, but {what}, and upload it again.")
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        if b"\0" in head:
            return _utf_16_without_mark(head, path)

    def on_read(share: float) -> None:
        tell(f"looking at how {shown(path)} is encoded: {share:.0%}")

    if _is_utf_8(path, compressed, on_read) or _mostly_utf_8(path, compressed, on_read):
        return "utf-8"
    return "cp1252"


def _utf_16_without_mark(head: bytes, path: Path) -> str:
    """Every second byte of western text in UTF-16 is zero; in anything else with zeros it is not."""
    pairs = len(head) // 2
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs and odd > 0.7 * pairs and even == 0:
        return "utf-16-le"
    if pairs and even > 0.7 * pairs and odd == 0:
        return "utf-16-be"
    message = (
        f"{shown(path)}: is no text file (it contains binary data). Export the list as CSV UTF-8 or as XLSX."
    )
    raise UnusableFileError(message)


def _is_utf_8(path: Path, compressed: bool, on_read: Callable[[float], None]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with Unpacked(path, compressed=compressed, on_read=on_read) as stream:
        try:
            while block := stream.read(_LONG):
                decoder.decode(block)
                if len(block) == _LONG and b"\n" not in block and b"\r" not in block:
                    return True  # a line without an end: its reader says so, without the rest of it
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _mostly_utf_8(path: Path, compressed: bool, on_read: Callable[[float], None]) -> bool:
    """A letter cut by the end of a block counts as broken: one in a million, and only the balance counts."""
    balance = 0
    with Unpacked(path, compressed=compressed, on_read=on_read) as stream:
        while block := stream.read(_BLOCK):
            letters = _MULTI_BYTE.findall(block)
            balance += len(letters) - (len(_HIGH.findall(block)) - sum(map(len, letters)))
    return balance > 0

r"""Cells that are safe to open in a spreadsheet, and that say the same when they come back.

A cell that begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet, and an ad group's name, a rejected
line or an answer of an API can hold one. What OWASP advises ("CSV Injection") is done: an apostrophe goes in
front. Spaces, quotes and apostrophes before the sign count as nothing, because programs drop them; so do
the signs' full-width twins. The same after `;`, because where the list separator is a semicolon (all of the
Netherlands), a spreadsheet begins a new cell there, whatever quotes stand around it. Line breaks, tabs and
other control characters, which could begin a new row, are written as a person writes them: `\n`.
"""

import re

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_DANGEROUS = re.compile(rf"(?P<before>^|;)(?=[\s\"'\u2018\u2019\u201c\u201d\u00a0\ufeff]*[{_SIGNS}])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_SPELLED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Up to 11 digits are shown as they are; the 12th makes Excel write 1.76256E+11, also when it saves a CSV.
_EXCEL_DIGITS = 11


def safe(text: object) -> str:
    """`text` as a cell that no spreadsheet takes for a formula; None is an empty cell.

    >>> safe("=1+1"), safe(" -2"), safe("Schoenen; =cmd"), safe("Schoenen -20%")
    ("'=1+1", "' -2", "Schoenen;' =cmd", 'Schoenen -20%')
    """
    if text is None or text == "":
        return ""
    if isinstance(text, str) and text[0].isalnum() and ";" not in text and text.isprintable():
        return text  # nearly all of a million
    spelled = _CONTROLS.sub(lambda match: _SPELLED.get(match[0], f"\\x{ord(match[0]):02x}"), str(text))
    return _DANGEROUS.sub(r"\g<before>'", spelled)


def kept_id(number: int | None) -> str:
    """An id whose digits survive a spreadsheet: longer ones get the apostrophe that our intake takes off.

    >>> kept_id(12345678901), kept_id(123456789012)
    ('12345678901', "'123456789012")
    """
    if number is None:
        return ""
    return f"'{number}" if len(str(number)) > _EXCEL_DIGITS else str(number)


def comes_back(name: str | None) -> bool:
    """Whether the intake reads the name as it is: a cell that had to be made safe, or that it takes for none
    or damaged, is no way back to the ad group.
    """
    return (
        name is not None
        and name == name.strip()
        and name == safe(name)
        and any(character.isalnum() for character in name)
        and not name.startswith("#")
        and "\ufffd" not in name
    )

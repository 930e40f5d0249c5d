"""Splits a query into tokens, lazily: a list of 20,000 ids is read in one step by the parser, not token by
token.
"""

import re
from dataclasses import dataclass

from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<word>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<number>[-+]?\d+(?:\.\d+)?)
      | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
      | (?P<symbol>!=|<=|>=|=|<|>|\(|\)|,|;)
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
_NUMBERS = re.compile(r"\s*\(\s*([-+]?\d+(?:\s*,\s*[-+]?\d+)*)\s*\)")
_STRINGS = re.compile(
    r"""\s*\(\s*((?:'[^'\\\n]*'|"[^"\\\n]*")(?:\s*,\s*(?:'[^'\\\n]*'|"[^"\\\n]*"))*)\s*\)"""
)
_STRING = re.compile(r"""'([^']*)'|"([^"]*)\"""")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # word, number, string, symbol, end
    text: str
    position: int

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text if self.kind == "symbol" else ""


def query_error(name: str, message: str, trigger: str = "") -> RequestRefusedError:
    return RequestRefusedError(
        ApiError(code=f"QueryError.{name}", message=f"Error in query: {message}.", trigger=trigger)
    )


class Tokens:
    """The tokens of one query, with one token of look-ahead."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._position = 0
        self.next = self._read()

    def take(self) -> Token:
        token = self.next
        self.next = self._read()
        return token

    def take_keyword(self, keyword: str) -> bool:
        if self.next.keyword != keyword:
            return False
        self.take()
        return True

    def take_list(self) -> list[str] | None:
        """All values of a plain list in brackets at once; None when the list needs its tokens read one by
        one.
        """
        if self.next.text != "(":
            return None
        start = self.next.position
        if match := _NUMBERS.match(self._query, start):
            values = [part.strip() for part in match[1].split(",")]
        elif match := _STRINGS.match(self._query, start):
            values = [single or double for single, double in _STRING.findall(match[1])]
        else:
            return None
        self._position = match.end()
        self.next = self._read()
        return values

    def _read(self) -> Token:
        match = _TOKEN.match(self._query, self._position)
        if match is None:
            rest = self._query[self._position :].lstrip()
            if rest[:1] in "'\"":
                raise query_error("STRING_NOT_TERMINATED", "a string is not terminated", rest[:40])
            raise query_error("BAD_SYMBOL", f"invalid symbol '{rest[:1]}'", rest[:1])
        self._position = match.end()
        kind = match.lastgroup or "end"
        return Token(kind, match[kind], match.start(kind))


def unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])

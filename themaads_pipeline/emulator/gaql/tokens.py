"""Splits a query into tokens, lazily: a list of 20,000 ids is read in one step by the parser, not token by
token.
"""

import re
from dataclasses import dataclass

from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError

# Possessive (`++`, `*+`), so that no text, however made, costs more than one pass.
_TOKEN = re.compile(
    r"""[ \t\r\n\f\v]*+(?:
        (?P<number>-?[0-9]++(?:\.[0-9]++)?+(?![A-Za-z0-9_.]))
      | (?P<word>[A-Za-z0-9_][A-Za-z0-9_.]*+)
      | (?P<string>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
      | (?P<symbol>!=|<=|>=|=|<|>|\(|\)|,)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBERS = re.compile(r"\s*+\(\s*+(-?[0-9]++(?:\s*+,\s*+-?[0-9]++)*+)\s*+\)", re.ASCII)
_STRINGS = re.compile(
    r"""\s*+\(\s*+((?:'[^'\\\n]*+'|"[^"\\\n]*+")(?:\s*+,\s*+(?:'[^'\\\n]*+'|"[^"\\\n]*+"))*+)\s*+\)""",
    re.ASCII,
)
_STRING = re.compile(r"""'[^']*+'|"[^"]*+\"""")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LONGEST_MESSAGE, _LONGEST_TRIGGER = 400, 100
_ESCAPED = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # word, number, string, symbol, end
    text: str
    position: int

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text if self.kind == "symbol" else ""


def query_error(name: str, message: str, trigger: str = "") -> RequestRefusedError:
    """A mistake in a query. Cut short, since errors travel in headers and a client refuses long ones."""
    return RequestRefusedError(
        ApiError(
            code=f"QueryError.{name}",
            message=f"Error in query: {message[:_LONGEST_MESSAGE]}.",
            trigger=trigger[:_LONGEST_TRIGGER],
        )
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

    def take_list(self) -> tuple[str, list[str]] | None:
        """The kind and all values of a plain list in brackets at once; None when the list needs its tokens
        read one by one.
        """
        if self.next.text != "(":
            return None
        start = self.next.position
        if match := _NUMBERS.match(self._query, start):
            kind, values = "number", match[1].split(",")  # int() minds no spaces
        elif match := _STRINGS.match(self._query, start):
            kind, values = "string", [text[1:-1] for text in _STRING.findall(match[1])]
        else:
            return None
        self._position = match.end()
        self.next = self._read()
        return kind, values

    def _read(self) -> Token:
        match = _TOKEN.match(self._query, self._position)
        if match is None:
            raise _unreadable(self._query[self._position :].lstrip(" \t\r\n\f\v"))
        self._position = match.end()
        kind = match.lastgroup or "end"
        return Token(kind, match[kind], match.start(kind))


def _unreadable(rest: str) -> RequestRefusedError:
    if rest[:1] in {"'", '"'}:
        return query_error("STRING_NOT_TERMINATED", "a string is not terminated", rest[:40])
    if not rest[:1].isascii():
        return query_error("BAD_SYMBOL", f"invalid symbol '{rest[:1]}'", rest[:1])
    return query_error("UNEXPECTED_INPUT", f"unexpected input {rest[:1]}", rest[:1])


def unquote(text: str) -> str:
    """What a quoted string says.

    Raises:
        RequestRefusedError: It has a line break, or a backslash before something that needs none.
    """
    inner = text[1:-1]
    if "\n" in inner or "\r" in inner:
        raise query_error("PROHIBITED_NEWLINE_IN_STRING", "a string has a line break", text[:40])
    if "\\" not in inner:
        return inner

    def meant(escape: re.Match[str]) -> str:
        if escape[1] not in _ESCAPED:
            raise query_error("BAD_ESCAPE_SEQUENCE", f"invalid escape sequence '{escape[0]}'", escape[0])
        return _ESCAPED[escape[1]]

    return _ESCAPE.sub(meant, inner)

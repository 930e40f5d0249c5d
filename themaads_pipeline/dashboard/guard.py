"""What stands before every page: who may look, who may act, and what a browser may do with the answer."""

import base64
import binascii
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from themaads_pipeline.exceptions import PermanentError

__all__ = ["HEADERS", "Access", "Guard", "is_loopback"]

# Everything comes from here, nothing is inline, and nobody frames it or is sent a form.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer, with which a browser hides a form's origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_LOOKING: Final = frozenset({"GET", "HEAD"})
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
ALIVE_PATH: Final = "/alive"  # for whoever watches the process: no login, no figures
_STATIC: Final = "/static/"

Refuse = Callable[[int, str, str], Response]


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Who may come in, under which names.

    `hosts`: names that a browser may use for us, beside loopback's; without the check, a page elsewhere could
    give our address a name of its own and then act as if it was ours. `proxies`: addresses whose
    `user_header` is believed.
    """

    user: str = "themaads"
    password: str | None = field(default=None, repr=False)
    user_header: str | None = None
    proxies: frozenset[str] = frozenset({"127.0.0.1", "::1"})
    hosts: frozenset[str] = frozenset()
    is_read_only: bool = False

    @property
    def needs_login(self) -> bool:
        """Whether anybody who reaches the port may look."""
        return self.password is not None or self.user_header is not None

    def expect_safe(self, host: str) -> None:
        """Refuse to listen where others reach it, unless there is a login.

        Raises:
            PermanentError: There is none.
        """
        if not is_loopback(host) and not self.needs_login:
            raise PermanentError(
                f"{host} is reached from other machines, and there is no login: set "
                "THEMAADS_DASHBOARD_PASSWORD_FILE or THEMAADS_DASHBOARD_USER_HEADER (see docs/dashboard.md), "
                "or leave --host away"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused(Exception):  # noqa: N818 - control flow within this module
    status: int
    title: str
    words: str
    headers: dict[str, str] = field(default_factory=dict)


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, access: Access, refuse: Refuse) -> None:
        """Guard `app`.

        Args:
            app: The application.
            access: Who may come in.
            refuse: Makes the page of a refusal, from status, title and words.
        """
        self._app = app
        self._access = access
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sends = _with_headers(send, is_static=scope["path"].startswith(_STATIC))
        try:
            self._let_in(scope)
        except _Refused as refused:
            answer = self._refuse(refused.status, refused.title, refused.words)
            answer.headers.update(refused.headers)
            await answer(scope, receive, sends)
            return
        await self._app(scope, receive, sends)

    def _let_in(self, scope: Scope) -> None:
        if scope["path"] == ALIVE_PATH:
            return
        headers = Headers(scope=scope)
        self._expect_our_name(headers)
        scope.setdefault("state", {})["user"] = self._user(scope, headers)
        if scope["method"] in _LOOKING:
            return
        _expect_own_page(headers)
        if self._access.is_read_only:
            raise _Refused(
                status=403,
                title="Nothing can be changed here",
                words="This dashboard is read-only. Whoever started it can start one that is not.",
            )

    def _expect_our_name(self, headers: Headers) -> None:
        if _host_of(headers.get("host", "")) not in _LOOPBACK_NAMES | self._access.hosts:
            raise _Refused(
                status=400,
                title="Not under this name",
                words="This dashboard does not go by the name in the address. If it should, its name belongs "
                "into THEMAADS_DASHBOARD_HOSTS.",
            )

    def _user(self, scope: Scope, headers: Headers) -> str:
        access = self._access
        if access.user_header is not None:
            return self._told_by_proxy(scope, headers, access.user_header)
        if access.password is not None:
            return self._logged_in(headers, access.password)
        return ""

    def _told_by_proxy(self, scope: Scope, headers: Headers, name: str) -> str:
        peer = (scope.get("client") or ("", 0))[0]
        told = headers.getlist(name)
        if peer not in self._access.proxies or len(told) != 1 or not told[0].strip():
            raise _Refused(
                status=401,
                title="Not logged in",
                words="Come through the proxy that logs people in.",
            )
        return _printable(told[0])

    def _logged_in(self, headers: Headers, password: str) -> str:
        user, given = _basic(headers.get("authorization", ""))
        # Both are always compared, and each in a time that does not tell how much of it was right.
        is_user = secrets.compare_digest(user.encode(), self._access.user.encode())
        is_password = secrets.compare_digest(given.encode(), password.encode())
        if not (is_user and is_password):
            raise _Refused(
                status=401,
                title="Not logged in",
                words="Give the dashboard's user name and password.",
                headers={"WWW-Authenticate": 'Basic realm="Themed ads", charset="UTF-8"'},
            )
        return user


def _expect_own_page(headers: Headers) -> None:
    """A change comes from a page of ours, by the browser's own word: cookies or a login prove nothing.

    `Sec-Fetch-Site` where there is one, and `Origin`; who sends neither is no browser of these years, and
    says by the `Origin` header that it knows what it does.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_ours = origin is not None and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    if site not in {None, "same-origin"} or not is_ours:
        raise _Refused(
            status=403,
            title="Not from here",
            words="That did not come from a page of this dashboard, and nothing was changed. Open the page "
            "again, and press the button there.",
        )


def _with_headers(send: Send, *, is_static: bool) -> Callable[[Message], Awaitable[None]]:
    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                if not (is_static and name == "Cache-Control"):
                    headers.setdefault(name, value)
        await send(message)

    return sends


def _basic(header: str) -> tuple[str, str]:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def _host_of(header: str) -> str:
    return (urlsplit(f"//{header}").hostname or "").lower()


def _printable(name: str) -> str:
    return "".join(c for c in name.strip() if c.isprintable())[:100]

"""The control port: plain HTTP that shows the state, scripts faults, seeds, and issues OAuth
tokens.
"""

import csv
import io
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.plain import (
    plain_account,
    plain_ad,
    plain_ad_group,
    plain_label,
    plain_request,
)
from themaads_pipeline.emulator.profiles import profile_from
from themaads_pipeline.emulator.seed import plant
from themaads_pipeline.emulator.services.registry import METHODS
from themaads_pipeline.emulator.tokens import TokenIssuer, TokenRefusedError, TokenScript
from themaads_pipeline.emulator.world import World

Answer = tuple[int, str, bytes]


def _json(content: Any, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(content, ensure_ascii=False).encode()


class Control:
    """What each path of the control port does."""

    def __init__(self, world: World, tokens: TokenIssuer) -> None:
        self._world = world
        self._tokens = tokens
        self.on_new_accounts: Callable[[], None] = lambda: None
        self._overviews: dict[str, Callable[[dict[str, str]], Any]] = {
            "health": lambda _: {"status": "ok"},
            "methods": lambda _: {name: method.request for name, method in METHODS.items()},
            "stats": lambda _: self._stats(),
            "accounts": lambda _: [plain_account(account) for account in world.accounts.values()],
            "requests": self._requests,
            "faults": lambda _: world.faults.listed(),
            "snapshots": lambda _: world.history.snapshots(),
        }
        self._commands: dict[str, Callable[[Any], Any]] = {
            "faults": self._add_faults,
            "seed": self._seed,
            "reset": lambda _: self._reset(),
            "profile": lambda content: world.behave(profile_from(content)),
            "clock": lambda content: world.set_clock(float(content.get("offset_s", 0.0))),
            "snapshots": lambda content: world.history.snapshot(str(content["name"]), world.now()),
            "revoke_tokens": lambda _: tokens.revoke_all(),
            "expire_tokens": lambda _: tokens.expire_all(),
            "tokens": lambda content: tokens.behave(TokenScript(**content)),
        }

    def get(self, path: list[str], query: dict[str, str]) -> Answer:
        world = self._world
        match path:
            case ["ad_groups.csv"]:
                return self._upload_file()
            case ["accounts", customer_id, "diff"]:
                account = world.accounts[int(customer_id.replace("-", ""))]
                text, fields = query.get("since", "0"), query.get("fields") not in {"0", "false"}
                since = text if world.history.has_snapshot(text) else _since(text)
                return _json(world.history.diff(account, since, fields=fields))
            case ["accounts", customer_id, what] if what in _ACCOUNT_PARTS:
                account = world.accounts[int(customer_id.replace("-", ""))]
                with account.lock:
                    return _json(_ACCOUNT_PARTS[what](account))
            case [name] if name in self._overviews:
                return _json(self._overviews[name](query))
        return _json({"error": "no such path"}, 404)

    def _requests(self, query: dict[str, str]) -> list[dict[str, Any]]:
        entries = self._world.log.entries(query.get("account", "").replace("-", ""), query.get("method", ""))
        if query.get("full") in {"1", "true"}:
            return [plain_request(entry, self._world.accounts) for entry in entries]
        return [entry.described() for entry in entries]

    def post(self, path: list[str], body: bytes) -> Answer:
        if path == ["token"]:
            try:
                return _json(self._tokens.grant(dict(parse_qsl(body.decode()))))
            except TokenRefusedError as error:
                refusal = {"error": str(error), "error_description": "Bad Request"}
                return _json(refusal, error.http_status)
        content = json.loads(body) if body else {}
        if len(path) != 1 or path[0] not in self._commands:
            return _json({"error": "no such path"}, 404)
        answer = self._commands[path[0]](content)
        return _json({"status": "ok"} if answer is None else answer)

    def _add_faults(self, content: Any) -> list[dict[str, Any]]:
        faults = content if isinstance(content, list) else content.get("faults", [content])
        return [self._world.faults.add(fault).described() for fault in faults]

    def _seed(self, content: Any) -> None:
        plant(self._world, content)
        self.on_new_accounts()

    def _reset(self) -> None:
        world = self._world
        world.faults.forget()
        world.log.clear()
        world.set_clock(0.0)
        self._tokens.behave(TokenScript())
        world.behave(world.profile)
        self._seed(world.seed or {})

    def delete(self, path: list[str]) -> Answer:
        if path != ["faults"]:
            return _json({"error": "no such path"}, 404)
        self._world.faults.clear()
        return _json({"status": "ok"})

    def _stats(self) -> dict[str, Any]:
        log = self._world.log
        return {
            "calls": dict(log.calls),
            "statuses": dict(log.statuses),
            "operations": dict(log.operations),
            "ads_created": log.ads_created,
            "crashes": log.crashes,
            "faults_fired": self._world.faults.fired(),
            "peak_in_flight": log.peak_in_flight_total,
            "peak_in_flight_by_account": {
                str(key): value for key, value in log.peak_in_flight.items() if key
            },
            "peak_mutates_in_flight_by_account": {
                str(key): value for key, value in log.peak_mutates_in_flight.items()
            },
            "profile": self._world.profile.name,
            "accounts": len(self._world.accounts),
        }

    def _upload_file(self) -> Answer:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["customer_id", "ad_group_id", "ad_group_name", "campaign_id", "campaign_name"])
        writer.writerows(_ad_groups(self._world.generated or self._world.accounts.values()))
        return 200, "text/csv; charset=utf-8", text.getvalue().encode()


def _ad_groups(accounts: Iterable[Account]) -> Iterator[tuple[int, int, str, int, str]]:
    return (
        (account.customer_id, group.ad_group_id, group.name, group.campaign.campaign_id, group.campaign.name)
        for account in accounts
        for group in list(account.ad_groups.values())
    )


def _since(text: str) -> str | float:
    """Seconds since the epoch, an ISO time (UTC where it names no zone), or else the name of a snapshot."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_ACCOUNT_PARTS: dict[str, Callable[[Account], list[dict[str, Any]]]] = {
    "ads": lambda account: [plain_ad(ad) for ad in account.ads.values()],
    "labels": lambda account: [plain_label(label) for label in account.labels.values()],
    "ad_groups": lambda account: [plain_ad_group(ad_group) for ad_group in account.ad_groups.values()],
}


def control_server(control: Control, host: str, port: int) -> ThreadingHTTPServer:
    """The HTTP server, bound and not yet serving. Whoever reaches this port owns the emulator."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._reply(lambda: control.get(_split(parts.path), dict(parse_qsl(parts.query))))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._reply(lambda: control.post(_split(urlsplit(self.path).path), body))

        def do_DELETE(self) -> None:
            self._reply(lambda: control.delete(_split(urlsplit(self.path).path)))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

        def _reply(self, answer: Callable[[], Answer]) -> None:
            try:
                status, kind, body = answer()
            except (KeyError, TypeError, ValueError) as error:
                status, kind, body = _json({"error": f"{type(error).__name__}: {error}"}, 400)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True
        request_queue_size = 128

    return Server((host, port), Handler)


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part]

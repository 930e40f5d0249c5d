"""`themaads dashboard`."""

import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import click

from themaads_pipeline.cli.opened import now, open_gateway, open_ledger
from themaads_pipeline.cli.parts import DEFAULT_DASHBOARD_PORT
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.masking import hide
from themaads_pipeline.push.lines import show_lines
from themaads_pipeline.settings import Settings, settings
from themaads_pipeline.themes.catalogue import load_catalogue

if TYPE_CHECKING:
    from themaads_pipeline.dashboard.guard import Access

_LOOKS_FOR_S = 5.0
_GATHERS_FOR_S = 900.0  # a file of a million outcomes takes seconds; whoever loads it may be slow
_GRACE_S = 5  # for answers that are under way at the end


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens; others need a login.")
@click.option(
    "--port", type=int, default=DEFAULT_DASHBOARD_PORT, show_default=True, help="0: any that is free."
)
@click.option("--read-only", is_flag=True, help="Nothing can be changed, by nobody.")
def dashboard(host: str, port: int, read_only: bool) -> None:
    """Job health in a browser: what runs, how far, how fast, what failed; and pause, resume, retry, hand in.

    `themaads up` starts one, too. It needs nothing of Dagster to show it, and stays up while that is
    restarted. Who may come in, and how it is put behind a proxy: docs/dashboard.md.

    Each action is written to THEMAADS_HOME/logs/dashboard.log.
    """
    from themaads_pipeline.dashboard.guard import Access  # noqa: PLC0415 - Starlette costs a moment

    ours = settings()
    access = Access(
        user=ours.dashboard_user,
        password=_password(ours),
        user_header=ours.dashboard_user_header,
        proxies=frozenset(ours.dashboard_proxies.split()),
        hosts=frozenset(ours.dashboard_hosts.lower().split()),
        is_read_only=read_only or ours.dashboard_read_only,
    )
    access.expect_safe(host)
    show_lines("INFO", ours.home / "logs" / "dashboard.log")
    _serve(ours, access, host, port)


def _serve(ours: Settings, access: "Access", host: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415 - as above

    from themaads_pipeline.dashboard.app import create_app  # noqa: PLC0415 - loads the official client
    from themaads_pipeline.dashboard.site import Site  # noqa: PLC0415 - as above

    with ExitStack() as stack:
        site = Site(
            settings=ours,
            access=access,
            looking=stack.enter_context(open_ledger(ours, connections=6, looks_for_s=_LOOKS_FOR_S)),
            gathering=stack.enter_context(open_ledger(ours, connections=6, looks_for_s=_GATHERS_FOR_S)),
            acting=stack.enter_context(open_ledger(ours, connections=4)),
            open_gateway=lambda: open_gateway(ours),
            catalogue=lambda: load_catalogue(ours.theme_dir),
            clock=now,
        )
        site.looking.uploads.progress()  # a schema that is not this release's is said here, and not on a page
        listener = stack.enter_context(_listener(host, port))
        configuration = uvicorn.Config(
            create_app(site),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the peer is the peer: whose header is believed hangs on it
            timeout_graceful_shutdown=_GRACE_S,
        )
        click.echo(f"dashboard: http://{host}:{listener.getsockname()[1]}{_kind(access)}; Ctrl-C ends it")
        with suppress(KeyboardInterrupt):  # it has ended in order by then
            uvicorn.Server(configuration).run(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise PermanentError(
            f"{host}:{port} cannot be listened on ({error.strerror}): choose another with --port"
        ) from error


def _kind(access: "Access") -> str:
    login = " (with a login)" if access.needs_login else ""
    return f"{login} (read-only)" if access.is_read_only else login


def _password(ours: Settings) -> str | None:
    """From the environment, or the first line of a file.

    Raises:
        PermanentError: The file cannot be read, or is empty.
    """
    path = ours.dashboard_password_file
    if path is None:
        return ours.dashboard_password
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PermanentError(f"THEMAADS_DASHBOARD_PASSWORD_FILE: {path} cannot be read ({error})") from error
    if not password:
        raise PermanentError(f"THEMAADS_DASHBOARD_PASSWORD_FILE: {path} is empty: write the password into it")
    hide(password)
    return password

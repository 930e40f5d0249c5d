"""The running emulator: the gRPC server, the control port, and the files that lead a client there."""

import ipaddress
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread, get_ident
from typing import Any

import grpc
import yaml

from themaads_pipeline.emulator.certificates import server_certificate
from themaads_pipeline.emulator.control import Control, control_server
from themaads_pipeline.emulator.profiles import profile_from
from themaads_pipeline.emulator.rpc import Dispatcher
from themaads_pipeline.emulator.seed import plant
from themaads_pipeline.emulator.state import StateStore
from themaads_pipeline.emulator.tokens import IMPERSONATED_USER, TokenIssuer
from themaads_pipeline.emulator.world import World

LOOPBACK = "127.0.0.1"
# A call that waits (a slow fault, a profile's latency) holds a thread that does nothing: there are enough for
# hundreds of them beside those that work. Threads are made when they are needed.
_THREADS = 1_000
_OPTIONS = (
    ("grpc.max_receive_message_length", 128 * 1024 * 1024),
    ("grpc.max_send_message_length", 128 * 1024 * 1024),
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A started emulator. `stop` it when done."""

    host: str
    port: int
    control_port: int
    folder: Path
    world: World
    _grpc: Any
    _http: Any

    def stop(self) -> None:
        self.world.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(grace=0.2).wait()
        if self.world.history.store is not None:
            self.world.history.store.close()

    def wait(self) -> None:
        self._grpc.wait_for_termination()


def serve(
    folder: Path,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    control_port: int = 0,
    profile: str = "instant",
    seed: dict[str, Any] | None = None,
    state: Path | None = None,
) -> Emulator:
    """Starts an emulator that keeps its keys and the clients' configuration in the folder; port 0 is any
    free port. With a `state` folder it goes on where the last one with that folder ended; the seed is for a
    folder that holds nothing yet. `host` is the name or address that it listens on, its certificate is for,
    and clients are told.

    Afterwards the folder holds `google-ads.yaml`, `service-account.json`, `ca.pem` and `emulator.json` (the
    ports). Clients
    have to set GRPC_DEFAULT_SSL_ROOTS_FILE_PATH to `ca.pem` before they open their first channel.

    Raises:
        ValueError: The seed is wrong.
        RuntimeError: A port is taken, or another emulator has the state's folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = World(profile=profile_from({"name": profile}))
    _populate(world, seed or {}, state)
    tokens = TokenIssuer(folder)
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=_OPTIONS)
    server.add_generic_rpc_handlers((Dispatcher(world, tokens),))
    credentials = grpc.ssl_server_credentials([server_certificate(folder, host)])
    bound = server.add_secure_port(f"{_in_url(host)}:{port}", credentials)
    control = Control(world, tokens)
    http = control_server(control, host, control_port)
    server.start()
    Thread(target=http.serve_forever, name="control", daemon=True).start()
    emulator = Emulator(
        host=host,
        port=bound,
        control_port=http.server_address[1],
        folder=folder,
        world=world,
        _grpc=server,
        _http=http,
    )
    control.on_new_accounts = partial(_write_configuration, emulator)
    _write_client_files(emulator, tokens)
    return emulator


def _populate(world: World, seed: dict[str, Any], state: Path | None) -> None:
    if state is None:
        plant(world, seed)
        return
    store = StateStore(state)
    kept = store.fact("seed")
    if kept is None:
        world.history.store = store
        plant(world, seed)
        return
    world.clock_offset_s = store.fact("clock_offset_s") or 0.0
    plant(world, kept)
    store.restore(world.accounts)
    world.ids_above(store.fact("next_id") or 0)
    world.history.store = store


def _write_client_files(emulator: Emulator, tokens: TokenIssuer) -> None:
    folder = emulator.folder.resolve()
    host = _in_url(emulator.host)
    control_url = f"http://{host}:{emulator.control_port}"
    tokens.write_key_file(f"{control_url}/token")
    _write_configuration(emulator)
    facts = {
        "pid": os.getpid(),
        "endpoint": f"{host}:{emulator.port}",
        "port": emulator.port,
        "control_port": emulator.control_port,
        "control_url": control_url,
        "google_ads_yaml": str(folder / "google-ads.yaml"),
        "ca_file": str(folder / "ca.pem"),
        "refresh_token": tokens.refresh_token,
        "token_uri": f"{control_url}/token",
    }
    _replace(folder / "emulator.json", json.dumps(facts, indent=2))


def _write_configuration(emulator: Emulator) -> None:
    """The official client's configuration: which manager it logs in as depends on the accounts."""
    folder = emulator.folder.resolve()
    configuration: dict[str, Any] = {
        "endpoint": f"{_in_url(emulator.host)}:{emulator.port}",
        "json_key_file_path": str(folder / "service-account.json"),
        "impersonated_email": IMPERSONATED_USER,
        "use_proto_plus": False,
    }
    managers = [
        account for account in emulator.world.accounts.values() if account.manager and not account.managers
    ]
    if len(managers) == 1:
        configuration["login_customer_id"] = str(managers[0].customer_id)
    _replace(folder / "google-ads.yaml", yaml.safe_dump(configuration, sort_keys=False))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _replace(file: Path, text: str) -> None:
    """Write in one step: a reader sees the old file or the new one, never half of one."""
    temporary = file.with_suffix(f".{os.getpid()}.{get_ident()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)

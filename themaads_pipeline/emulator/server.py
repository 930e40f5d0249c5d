"""The running emulator: the gRPC server, the control port, and the files that lead a client there."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
import yaml

from themaads_pipeline.emulator.certificates import server_certificate
from themaads_pipeline.emulator.control import Control, control_server
from themaads_pipeline.emulator.profiles import profile_from
from themaads_pipeline.emulator.rpc import Dispatcher
from themaads_pipeline.emulator.seed import plant
from themaads_pipeline.emulator.tokens import IMPERSONATED_USER, TokenIssuer
from themaads_pipeline.emulator.world import World

_HOST = "127.0.0.1"
_THREADS = 64
_OPTIONS = (
    ("grpc.max_receive_message_length", 128 * 1024 * 1024),
    ("grpc.max_send_message_length", 128 * 1024 * 1024),
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A started emulator. `stop` it when done."""

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

    def wait(self) -> None:
        self._grpc.wait_for_termination()


def serve(
    folder: Path,
    *,
    port: int = 0,
    control_port: int = 0,
    profile: str = "instant",
    seed: dict[str, Any] | None = None,
) -> Emulator:
    """Starts an emulator that keeps its keys and the clients' configuration in the folder; port 0 is any
    free port.

    Afterwards the folder holds `google-ads.yaml`, `service-account.json`, `ca.pem` and `emulator.json` (the
    ports). Clients
    have to set GRPC_DEFAULT_SSL_ROOTS_FILE_PATH to `ca.pem` before they open their first channel.

    Raises:
        ValueError: The seed is wrong.
        RuntimeError: A port is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = World(profile=profile_from({"name": profile}))
    plant(world, seed or {})
    tokens = TokenIssuer(folder)
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=_OPTIONS)
    server.add_generic_rpc_handlers((Dispatcher(world, tokens),))
    credentials = grpc.ssl_server_credentials([server_certificate(folder)])
    bound = server.add_secure_port(f"{_HOST}:{port}", credentials)
    http = control_server(Control(world, tokens), _HOST, control_port)
    server.start()
    Thread(target=http.serve_forever, name="control", daemon=True).start()
    emulator = Emulator(
        port=bound, control_port=http.server_address[1], folder=folder, world=world, _grpc=server, _http=http
    )
    _write_client_files(emulator, tokens)
    return emulator


def _write_client_files(emulator: Emulator, tokens: TokenIssuer) -> None:
    folder = emulator.folder.resolve()
    control_url = f"http://{_HOST}:{emulator.control_port}"
    key_file = tokens.write_key_file(f"{control_url}/token")
    configuration: dict[str, Any] = {
        "endpoint": f"{_HOST}:{emulator.port}",
        "json_key_file_path": str(key_file.resolve()),
        "impersonated_email": IMPERSONATED_USER,
        "use_proto_plus": False,
    }
    managers = [
        account for account in emulator.world.accounts.values() if account.manager and not account.managers
    ]
    if len(managers) == 1:
        configuration["login_customer_id"] = str(managers[0].customer_id)
    _replace(folder / "google-ads.yaml", yaml.safe_dump(configuration, sort_keys=False))
    facts = {
        "pid": os.getpid(),
        "endpoint": configuration["endpoint"],
        "port": emulator.port,
        "control_port": emulator.control_port,
        "control_url": control_url,
        "google_ads_yaml": str(folder / "google-ads.yaml"),
        "ca_file": str(folder / "ca.pem"),
        "refresh_token": tokens.refresh_token,
        "token_uri": f"{control_url}/token",
    }
    _replace(folder / "emulator.json", json.dumps(facts, indent=2))


def _replace(file: Path, text: str) -> None:
    """Write in one step: a reader sees the old file or the new one, never half of one."""
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)

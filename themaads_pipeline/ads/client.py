"""The official client, set up once: credentials, one TLS connection, and who we log in as.

Built from the official client's own parts (its service clients, its interceptors, its reading of
google-ads.yaml) rather than `GoogleAdsClient.get_service`, which opens a connection for each service and
manager, copies every row that is read in order to log it, and loses the request id of a success.
Importing google.ads costs over a second, so this module imports it where a client is opened.
"""

import threading
from pathlib import Path
from typing import Any, Final

from themaads_pipeline.ads.configuration import credentials_of, must_stay_here, read_config
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.masking import hide

API_VERSION: Final = "v26"  # `protobuf.py` imports the same one
DEFAULT_ENDPOINT: Final = "googleads.googleapis.com"
_TOKEN_TIMEOUT_S: Final = 10.0
_MEGABYTE: Final = 1024 * 1024


class AdsClient:
    """Service clients for each manager account; safe for threads, and silent about its secrets."""

    def __init__(
        self,
        *,
        endpoint: str,
        credentials: Any,
        token_request: Any,
        channel: Any,
        developer_token: str | None = None,
        login_customer_id: int | None = None,
        linked_customer_id: str | None = None,
    ) -> None:
        """Use `open_client`."""
        self.endpoint = endpoint
        self.login_customer_id = login_customer_id  # the configuration's: the manager that is preferred
        self._credentials = credentials
        self._token_request = token_request
        self._channel = channel
        self._developer_token = developer_token
        self._linked_customer_id = linked_customer_id
        self._services: dict[tuple[str, int | None], Any] = {}
        self._channels: dict[int | None, Any] = {}
        self._lock = threading.Lock()
        self._token_lock = threading.Lock()
        self._answer = threading.local()

    def __repr__(self) -> str:
        """Where it talks to, and nothing else."""
        return f"AdsClient(endpoint={self.endpoint!r})"

    def service(self, name: str, login_customer_id: int | None) -> Any:
        """The official service client (`AdGroupAdService`), logging in through that manager account."""
        key = (name, login_customer_id)
        service = self._services.get(key)
        if service is None:
            with self._lock:
                service = self._services.get(key) or self._new_service(name, login_customer_id)
                self._services[key] = service
        return service

    def ensure_token(self) -> None:
        """Have a valid access token before a request is sent, so that a refused one is no gRPC error.

        Raises:
            google.auth.exceptions.GoogleAuthError: No token could be had.
        """
        from google.auth.credentials import TokenState  # noqa: PLC0415 - see the module's docstring
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - see the module's docstring

        if self._credentials.token_state is TokenState.FRESH:
            return
        with self._token_lock:
            state = self._credentials.token_state
            if state is TokenState.FRESH:
                return
            try:
                self._credentials.refresh(self._token_request)
            except GoogleAuthError:
                if state is TokenState.INVALID:
                    raise  # a stale token is good for minutes: the next call tries again
            hide(self._credentials.token)

    def last_request_id(self) -> str:
        """The request id of this thread's last answer; empty when there was none."""
        return getattr(self._answer, "request_id", "")

    def close(self) -> None:
        """End the connection; requests in flight fail."""
        self._channel.close()

    def _new_service(self, name: str, login_customer_id: int | None) -> Any:
        from importlib import import_module  # noqa: PLC0415 - beside its use

        from google.ads.googleads import util  # noqa: PLC0415 - see the module's docstring
        from google.api_core.gapic_v1.client_info import (  # noqa: PLC0415 - see the module's docstring
            ClientInfo,
        )

        snaked = util.convert_upper_case_to_snake_case(name)
        module = import_module(f"google.ads.googleads.{API_VERSION}.services.services.{snaked}")
        client_class = getattr(module, f"{name}Client")
        transport_class = client_class.get_transport_class("grpc")
        channel = self._channels.get(login_customer_id)
        if channel is None:
            channel = self._channels[login_customer_id] = self._intercepted(login_customer_id)
        return client_class(transport=transport_class(channel=channel, client_info=ClientInfo()))

    def _intercepted(self, login_customer_id: int | None) -> Any:
        import grpc  # noqa: PLC0415 - see the module's docstring
        from google.ads.googleads.interceptors import (  # noqa: PLC0415 - see the module's docstring
            ExceptionInterceptor,
            MetadataInterceptor,
        )

        answer = self._answer

        class RequestIds(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # grpc has no types
            def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
                answer.request_id = ""
                call = continuation(details, request)
                answer.request_id = str(dict(call.trailing_metadata() or ()).get("request-id", ""))
                return call

        return grpc.intercept_channel(
            self._channel,
            MetadataInterceptor(
                self._developer_token,
                str(login_customer_id) if login_customer_id is not None else None,
                self._linked_customer_id,
            ),
            ExceptionInterceptor(API_VERSION, use_proto_plus=False),
            RequestIds(),
        )


def open_client(
    config_path: Path, *, trusted_roots: Path | None, emulator_host: str | None = None
) -> AdsClient:
    """The client that a google-ads.yaml describes. Nothing is sent yet.

    Args:
        config_path: A google-ads.yaml with a service account's key file, an installed app's refresh token, or
            application default credentials. The developer token is optional.
        trusted_roots: The emulator's CA. Given, it is the only one that is trusted, and the endpoint and the
            token endpoint must be on this machine or the emulator's: with it no Google host is ever called.
        emulator_host: Where the emulator is, if not on this machine.

    Raises:
        PermanentError: The configuration is missing, unreadable or incomplete, or points away from the
            emulator. The message never quotes the file.
    """
    config = read_config(config_path)
    endpoint = str(config.get("endpoint") or DEFAULT_ENDPOINT)
    if trusted_roots is not None:
        must_stay_here(config, endpoint, config_path=config_path, emulator_host=emulator_host)
    session = _session(config, trusted_roots)
    credentials = credentials_of(config, config_path=config_path)
    return _connect(config, endpoint, credentials, session, trusted_roots)


def _connect(
    config: dict[str, Any], endpoint: str, credentials: Any, session: Any, trusted_roots: Path | None
) -> AdsClient:
    from functools import partial  # noqa: PLC0415 - beside its use

    import grpc  # noqa: PLC0415 - see the module's docstring
    from google.auth.transport.grpc import (  # noqa: PLC0415 - see the module's docstring
        secure_authorized_channel,
    )
    from google.auth.transport.requests import Request  # noqa: PLC0415 - see the module's docstring

    token_request = partial(Request(session=session), timeout=_TOKEN_TIMEOUT_S)
    options: list[tuple[str, Any]] = [
        ("grpc.max_metadata_size", 16 * _MEGABYTE),
        ("grpc.max_receive_message_length", 64 * _MEGABYTE),  # Google's limit for a response
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),  # nothing is ever sent twice behind our back
        # A connection that died silently is noticed in a minute, not after the kernel's quarter of an hour;
        # slower than every server's patience with pings.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
    ssl_credentials = None
    if trusted_roots is not None:
        ssl_credentials = grpc.ssl_channel_credentials(root_certificates=_bytes_of(trusted_roots))
        options.append(("grpc.enable_http_proxy", 0))
    elif config.get("http_proxy"):
        options.append(("grpc.http_proxy", str(config["http_proxy"])))
    target = endpoint if ":" in endpoint else f"{endpoint}:443"
    channel = secure_authorized_channel(
        credentials, token_request, target, ssl_credentials=ssl_credentials, options=options
    )
    login = config.get("login_customer_id")
    return AdsClient(
        endpoint=endpoint,
        credentials=credentials,
        token_request=token_request,
        channel=channel,
        developer_token=config.get("developer_token"),
        login_customer_id=int(login) if login else None,
        linked_customer_id=config.get("linked_customer_id"),
    )


def _session(config: dict[str, Any], trusted_roots: Path | None) -> Any:
    import requests  # noqa: PLC0415 - comes with google-auth

    session = requests.Session()
    if trusted_roots is not None:
        session.trust_env = False  # no proxy between this machine and itself
        session.verify = str(trusted_roots)
    elif config.get("http_proxy"):
        session.proxies.update({"http": config["http_proxy"], "https": config["http_proxy"]})
    return session


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PermanentError(
            f"{path}: the emulator's certificate cannot be read ({error.strerror}). Start the emulator first."
        ) from error

"""The configuration: clear refusals, no secret quoted, and no way out of this machine with the emulator."""

import json
import sys
from pathlib import Path
from subprocess import run

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from themaads_pipeline.ads.client import API_VERSION, open_client
from themaads_pipeline.ads.protobuf import GoogleAdsFailure
from themaads_pipeline.exceptions import PermanentError

CANARY = "canary-d41d8cd98f"


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("not read before the endpoint is judged")
    return path


def write_config(folder: Path, **values: object) -> Path:
    path = folder / "google-ads.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def write_key(folder: Path, private_key: str, token_uri: str) -> str:
    path = folder / "key.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "a@b.example",
                "private_key": private_key,
                "token_uri": token_uri,
            }
        )
    )
    return str(path)


@pytest.mark.parametrize(
    "endpoint",
    [
        "googleads.googleapis.com",
        "googleads.googleapis.com:443",
        "192.0.2.7:50051",
        "localhost.example.com:1",
        "127.0.0.1.example.com:1",
    ],
)
def test_with_the_emulator_no_other_host_is_ever_called(
    tmp_path: Path, ca: Path, private_key: str, endpoint: str
) -> None:
    key = write_key(tmp_path, private_key, "http://127.0.0.1:1/token")
    config = write_config(tmp_path, endpoint=endpoint, json_key_file_path=key)
    with pytest.raises(PermanentError, match="not this machine"):
        open_client(config, trusted_roots=ca)


@pytest.mark.parametrize("endpoint", ["googleads.googleapis.com:443", "emulator.example.com:1", "other:1"])
def test_with_an_emulator_elsewhere_no_third_host_is_called(
    tmp_path: Path, ca: Path, private_key: str, endpoint: str
) -> None:
    key = write_key(tmp_path, private_key, "http://emulator:1/token")
    config = write_config(tmp_path, endpoint=endpoint, json_key_file_path=key)
    with pytest.raises(PermanentError, match="not this machine or emulator"):
        open_client(config, trusted_roots=ca, emulator_host="emulator")


def test_an_emulator_elsewhere_is_called_and_gives_the_token(
    tmp_path: Path, ca: Path, private_key: str
) -> None:
    key = write_key(tmp_path, private_key, "http://emulator:1/token")
    config = write_config(tmp_path, endpoint="emulator:2", json_key_file_path=key)
    client = open_client(config, trusted_roots=ca, emulator_host="emulator")
    client.close()
    assert client.endpoint == "emulator:2"


def test_an_emulator_elsewhere_gives_no_token_of_a_third_host(
    tmp_path: Path, ca: Path, private_key: str
) -> None:
    key = write_key(tmp_path, private_key, "https://oauth2.googleapis.com/token")
    config = write_config(tmp_path, endpoint="emulator:2", json_key_file_path=key)
    with pytest.raises(PermanentError, match="token_uri"):
        open_client(config, trusted_roots=ca, emulator_host="emulator")


def test_with_the_emulator_a_missing_endpoint_does_not_mean_google(
    tmp_path: Path, ca: Path, private_key: str
) -> None:
    key = write_key(tmp_path, private_key, "http://127.0.0.1:1/token")
    with pytest.raises(PermanentError, match="not this machine"):
        open_client(write_config(tmp_path, json_key_file_path=key), trusted_roots=ca)


def test_with_the_emulator_no_token_is_asked_of_google(tmp_path: Path, ca: Path, private_key: str) -> None:
    key = write_key(tmp_path, private_key, "https://oauth2.googleapis.com/token")
    config = write_config(tmp_path, endpoint="localhost:1", json_key_file_path=key)
    with pytest.raises(PermanentError, match="token_uri"):
        open_client(config, trusted_roots=ca)


def test_with_the_emulator_a_refresh_token_is_not_used(tmp_path: Path, ca: Path) -> None:
    config = write_config(
        tmp_path, endpoint="localhost:1", client_id="a", client_secret=CANARY, refresh_token=CANARY
    )
    with pytest.raises(PermanentError, match="not its key file") as raised:
        open_client(config, trusted_roots=ca)
    assert CANARY not in str(raised.value)


def test_a_missing_configuration_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="THEMAADS_GOOGLE_ADS_CONFIG"):
        open_client(tmp_path / "google-ads.yaml", trusted_roots=None)


@pytest.mark.parametrize(
    "text",
    [
        f"refresh_token: {CANARY}\n  client_id: [",
        f"- {CANARY}",
        CANARY,
        f"client_id: a\nclient_secret: {CANARY}\n",
        f"login_customer_id: abc\nrefresh_token: {CANARY}\n",
        f"json_key_file_path: /nowhere/key.json\nrefresh_token: {CANARY}\n",
    ],
    ids=["no yaml", "a list", "a word", "incomplete", "a wrong manager id", "a missing key file"],
)
def test_a_bad_configuration_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "google-ads.yaml"
    path.write_text(text)
    with pytest.raises(PermanentError) as raised:
        open_client(path, trusted_roots=None)
    assert CANARY not in str(raised.value)
    assert CANARY not in repr(raised.value.__cause__)


@pytest.mark.parametrize("text", [f"{{ {CANARY}", f'{{"private_key": "{CANARY}"}}', f'["{CANARY}"]'])
def test_a_bad_key_file_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    key = tmp_path / "key.json"
    key.write_text(text)
    with pytest.raises(PermanentError, match="key file") as raised:
        open_client(write_config(tmp_path, json_key_file_path=str(key)), trusted_roots=None)
    assert CANARY not in str(raised.value)
    assert CANARY not in repr(raised.value.__cause__)


def test_a_client_shows_where_it_talks_to_and_no_secret(tmp_path: Path) -> None:
    config = write_config(
        tmp_path,
        developer_token=CANARY,
        client_id=CANARY,
        client_secret=CANARY,
        refresh_token=CANARY,
        login_customer_id="123-456-7890",
    )
    client = open_client(config, trusted_roots=None)
    try:
        assert repr(client) == "AdsClient(endpoint='googleads.googleapis.com')"
        assert client.login_customer_id == 1234567890
    finally:
        client.close()


def test_messages_and_services_are_of_one_api_version() -> None:
    assert GoogleAdsFailure.DESCRIPTOR.full_name.split(".")[3] == API_VERSION


def test_importing_the_gateway_loads_nothing_of_google() -> None:
    program = (
        "import sys, themaads_pipeline.ads.gateway, themaads_pipeline.ads.failures\n"
        "sys.exit(any(name.split('.')[0] in ('google', 'grpc') for name in sys.modules))"
    )
    assert run([sys.executable, "-c", program], check=False).returncode == 0

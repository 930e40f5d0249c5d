"""A google-ads.yaml, read and checked: never quoted, because it holds secrets.

Importing google.ads costs over a second, so it is imported where it is used.
"""

import ipaddress
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.masking import hide

_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, no token
_SCOPE: Final = "https://www.googleapis.com/auth/adwords"
_INSTALLED_APP_KEYS: Final = ("client_id", "client_secret", "refresh_token")
_SECRETS: Final = ("developer_token", "client_secret", "refresh_token")


def read_config(path: Path) -> dict[str, Any]:
    from google.ads.googleads.config import load_from_dict  # noqa: PLC0415 - see the module's docstring

    try:
        raw = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise PermanentError(
            f"{path}: the Google Ads configuration cannot be read ({error.strerror}). "
            "Set THEMAADS_GOOGLE_ADS_CONFIG to a google-ads.yaml, or unset it to use the emulator."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise PermanentError(f"{path}: not valid YAML{line}. Correct the file.") from None  # it holds secrets
    if not isinstance(raw, dict):
        raise PermanentError(f"{path}: not a google-ads.yaml: it must hold `key: value` lines.")
    hide(*(str(raw[key]) for key in _SECRETS if raw.get(key)), _password_in(raw.get("http_proxy")))
    for key in ("login_customer_id", "linked_customer_id"):
        if raw.get(key):
            raw[key] = str(raw[key]).replace("-", "")
    try:
        config: dict[str, Any] = load_from_dict({"use_proto_plus": False} | raw)
    except ValueError as error:
        raise PermanentError(f"{path}: {error}") from None
    return config


def must_stay_here(
    config: dict[str, Any], endpoint: str, *, config_path: Path, emulator_host: str | None
) -> None:
    """Invariant 9: with the emulator no Google host is ever called, not even for a token."""
    here = f"this machine or {emulator_host}" if emulator_host else "this machine"
    if not _is_there(endpoint, emulator_host):
        raise PermanentError(
            f"{config_path}: the emulator was chosen, and `endpoint` is {endpoint}, not {here}. "
            "Nothing was sent. Let `themaads emulator` write the file anew."
        )
    key_file = config.get("json_key_file_path")
    if not key_file:
        raise PermanentError(
            f"{config_path}: the emulator was chosen, and the credentials are not its key file. "
            "Nothing was sent. Let `themaads emulator` write the file anew."
        )
    token_uri = urlsplit(str(_key_of(Path(key_file), config_path=config_path).get("token_uri", ""))).netloc
    if not _is_there(token_uri, emulator_host):
        raise PermanentError(
            f"{config_path}: the emulator was chosen, and its key file's token_uri is not on {here}. "
            "Nothing was sent. Let `themaads emulator` write the file anew."
        )


def _is_there(address: str, emulator_host: str | None) -> bool:
    host = urlsplit(f"//{address}").hostname
    return is_loopback(address) or (emulator_host is not None and host == emulator_host.lower())


def is_loopback(address: str) -> bool:
    host = urlsplit(f"//{address}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key_of(path: Path, *, config_path: Path) -> dict[str, Any]:
    try:
        key = json.loads(path.read_bytes())
    except OSError as error:
        raise PermanentError(
            f"{path}: the key file that {config_path} names cannot be read ({error.strerror})."
        ) from error
    except ValueError:
        raise PermanentError(f"{path}: not a service account's key file (JSON).") from None  # it is secret
    if not isinstance(key, dict):
        raise PermanentError(f"{path}: not a service account's key file (JSON).")
    hide(str(key.get("private_key_id") or ""), *str(key.get("private_key") or "").splitlines()[1:-1])
    return key


def _password_in(url: Any) -> str:
    return str(url or "").rpartition("@")[0].rpartition(":")[2]


def credentials_of(config: dict[str, Any], *, config_path: Path) -> Any:
    from google import auth  # noqa: PLC0415 - see the module's docstring
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - see the module's docstring
    from google.oauth2 import credentials, service_account  # noqa: PLC0415 - see the module's docstring

    if config.get("use_application_default_credentials"):
        try:
            found = auth.default(scopes=[_SCOPE])[0]
        except GoogleAuthError as error:
            raise PermanentError(
                f"{config_path}: there are no application default credentials. "
                "Run `gcloud auth application-default login`."
            ) from error
        hide(*(getattr(found, name, None) for name in ("client_secret", "refresh_token")))
        return found
    if all(config.get(key) for key in _INSTALLED_APP_KEYS):
        return credentials.Credentials(
            None, token_uri=_TOKEN_URI, **{key: str(config[key]) for key in _INSTALLED_APP_KEYS}
        )
    if config.get("json_key_file_path"):
        key_path = Path(config["json_key_file_path"])
        key = _key_of(key_path, config_path=config_path)
        try:
            return service_account.Credentials.from_service_account_info(
                key, subject=config.get("impersonated_email"), scopes=[_SCOPE]
            )
        except (ValueError, GoogleAuthError):
            raise PermanentError(  # `from None`: the cause may quote the key
                f"{key_path}: not a complete service account key file. Download it again."
            ) from None
    raise PermanentError(
        f"{config_path}: no credentials. Give json_key_file_path, or client_id, client_secret and "
        "refresh_token, or use_application_default_credentials."
    )

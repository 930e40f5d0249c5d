"""OAuth: the token endpoint behind the service-account key and the refresh token that the emulator hands
out, and what becomes of its access tokens.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError, error_info
from themaads_pipeline.emulator.messages import error_code_field

SCOPE = "https://www.googleapis.com/auth/adwords"
SERVICE_ACCOUNT = "emulator@google-ads-emulator.iam.gserviceaccount.com"
IMPERSONATED_USER = "someone@example.com"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 3600
_FOR_ADS, _FOR_OTHERS = "ads", "other"
_MISSING = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or "
    "other valid authentication credential."
)


class TokenRefusedError(Exception):
    """The grant is no good; the message is OAuth's error code."""

    @property
    def http_status(self) -> int:
        return 401 if str(self) in {"invalid_client", "unauthorized_client"} else 400


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScript:
    """How tokens misbehave until the next script.

    `refuse`: an AuthenticationError (`OAUTH_TOKEN_DISABLED`), or any other error
    (`AuthorizationError.MISSING_TOS`), that every call gets. `grant_error`: OAuth's code for every grant
    (`invalid_grant`). `lifetime_s`: of tokens from now on. `without_scope`: tokens from now on are not
    meant for Google Ads.
    """

    refuse: str = ""
    grant_error: str = ""
    lifetime_s: float = _LIFETIME_S
    without_scope: bool = False

    def __post_init__(self) -> None:
        """Refuse errors that Google does not have.

        Raises:
            ValueError: There is no such error.
        """
        kind, _, name = self.error_code.partition(".")
        try:
            known = not self.refuse or name in error_code_field(kind)[1]
        except KeyError:
            known = False
        if not known:
            raise ValueError(f"refuse {self.refuse!r}: expected an error of Google's: OAUTH_TOKEN_DISABLED")

    @property
    def error_code(self) -> str:
        return self.refuse if "." in self.refuse else f"AuthenticationError.{self.refuse}"


class TokenIssuer:
    """Issues and checks access tokens. They carry their own expiry and signature, so they outlive a restart.

    The times in an assertion are not checked: a client under a test's clock must still get in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        key_file = folder / "token-key.pem"
        if not key_file.exists():
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            key_file.touch(mode=0o600)
            key_file.write_bytes(
                made.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        self._key_pem = key_file.read_text()
        key = serialization.load_pem_private_key(self._key_pem.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{key_file} holds no RSA key; delete it and start again")
        self._public_key = key.public_key()
        self._secret = hashlib.sha256(self._key_pem.encode()).digest()
        self.refresh_token = hmac.new(self._secret, b"refresh token", "sha256").hexdigest()
        self._revoked_before = 0.0
        self._expired_before = 0.0
        self.script = TokenScript()

    def write_key_file(self, token_uri: str) -> Path:
        """A service-account key file as Google Cloud gives it, with this token endpoint in it."""
        file = self._folder / "service-account.json"
        file.touch(mode=0o600)
        content = {
            "type": "service_account",
            "project_id": "google-ads-emulator",
            "private_key_id": hashlib.sha256(self._secret).hexdigest()[:40],
            "private_key": self._key_pem,
            "client_email": SERVICE_ACCOUNT,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
        }
        file.write_text(json.dumps(content, indent=2))
        return file

    def grant(self, form: dict[str, str]) -> dict[str, Any]:
        """The token endpoint's answer.

        Raises:
            TokenRefusedError: Wrong grant type, signature or refresh token.
        """
        if self.script.grant_error:
            raise TokenRefusedError(self.script.grant_error)
        kind = form.get("grant_type", "")
        scopes = form.get("scope", SCOPE)
        if kind == _JWT_GRANT:
            scopes = self._asserted_scopes(form.get("assertion", ""))
        elif kind == "refresh_token":
            if not hmac.compare_digest(form.get("refresh_token", ""), self.refresh_token):
                raise TokenRefusedError("invalid_grant")
        else:
            raise TokenRefusedError("unsupported_grant_type")
        for_ads = SCOPE in scopes.split() and not self.script.without_scope
        token = self._issue(self.script.lifetime_s, for_ads=for_ads)
        return {"access_token": token, "expires_in": int(self.script.lifetime_s), "token_type": "Bearer"}

    def behave(self, script: TokenScript) -> None:
        self.script = script

    def revoke_all(self) -> None:
        """From now on every token issued so far is refused as revoked."""
        self._revoked_before = time.time()

    def expire_all(self) -> None:
        """From now on every token issued so far is refused as expired."""
        self._expired_before = time.time()

    def check(self, token: str) -> None:
        """Let a good token pass.

        Raises:
            RequestRefusedError: Missing, forged, revoked, expired, not meant for Google Ads, or scripted so.
        """
        if not token:
            raise RequestRefusedError(
                status=grpc.StatusCode.UNAUTHENTICATED,
                message=_MISSING,
                details=(error_info("CREDENTIALS_MISSING"),),
            )
        if self.script.refuse:
            raise RequestRefusedError(ApiError(code=self.script.error_code))
        if problem := self._problem(token):
            raise RequestRefusedError(ApiError(code=f"AuthenticationError.{problem}"))
        if token.split(".")[3] != _FOR_ADS:
            raise RequestRefusedError(
                status=grpc.StatusCode.PERMISSION_DENIED,
                message="Request had insufficient authentication scopes.",
                details=(error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),),
            )

    def _problem(self, token: str) -> str:
        try:
            issued, lifetime, scope, nonce, signature = token.removeprefix("ya29.").split(".")
            issued_at, lifetime_s = (float.fromhex(part.replace("_", ".")) for part in (issued, lifetime))
        except ValueError:
            return "OAUTH_TOKEN_INVALID"
        if not hmac.compare_digest(
            signature.encode(), self._sign(f"{issued}.{lifetime}.{scope}.{nonce}").encode()
        ):
            return "OAUTH_TOKEN_INVALID"
        if issued_at <= self._revoked_before:
            return "OAUTH_TOKEN_REVOKED"
        if issued_at <= self._expired_before or issued_at + lifetime_s < time.time():
            return "OAUTH_TOKEN_EXPIRED"
        return ""

    def _issue(self, lifetime_s: float, *, for_ads: bool) -> str:
        times = (number.hex().replace(".", "_") for number in (time.time(), float(lifetime_s)))
        body = ".".join((*times, _FOR_ADS if for_ads else _FOR_OTHERS, secrets.token_hex(8)))
        return f"ya29.{body}.{self._sign(body)}"

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()

    def _asserted_scopes(self, assertion: str) -> str:
        """The scopes that a service account asks for, separated by spaces."""
        try:
            signed, _, signature = assertion.rpartition(".")
            self._public_key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            claims = json.loads(_decoded(signed.partition(".")[2]))
            return str(claims.get("scope", ""))
        except (ValueError, AttributeError, InvalidSignature) as error:
            raise TokenRefusedError("invalid_grant") from error


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

"""OAuth: the token endpoint behind the service-account key and the refresh token that the emulator hands
out.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SERVICE_ACCOUNT = "emulator@google-ads-emulator.iam.gserviceaccount.com"
IMPERSONATED_USER = "someone@example.com"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 3600


class TokenRefusedError(Exception):
    """The grant is no good; the message is OAuth's error code."""


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
        kind = form.get("grant_type", "")
        if kind == _JWT_GRANT:
            self._check_assertion(form.get("assertion", ""))
        elif kind == "refresh_token":
            if not hmac.compare_digest(form.get("refresh_token", ""), self.refresh_token):
                raise TokenRefusedError("invalid_grant")
        else:
            raise TokenRefusedError("unsupported_grant_type")
        return {"access_token": self._issue(), "expires_in": _LIFETIME_S, "token_type": "Bearer"}

    def revoke_all(self) -> None:
        """From now on every token issued so far is refused as revoked."""
        self._revoked_before = time.time()

    def check(self, token: str) -> str | None:
        """None for a good token, else the name of the AuthenticationError."""
        try:
            issued, nonce, signature = token.removeprefix("ya29.").split(".")
            issued_at = float.fromhex(issued.replace("_", "."))
        except ValueError:
            return "OAUTH_TOKEN_INVALID"
        if not hmac.compare_digest(signature, self._sign(f"{issued}.{nonce}")):
            return "OAUTH_TOKEN_INVALID"
        if issued_at <= self._revoked_before:
            return "OAUTH_TOKEN_REVOKED"
        if issued_at + _LIFETIME_S < time.time():
            return "OAUTH_TOKEN_EXPIRED"
        return None

    def _issue(self) -> str:
        body = f"{time.time().hex().replace('.', '_')}.{secrets.token_hex(8)}"
        return f"ya29.{body}.{self._sign(body)}"

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()

    def _check_assertion(self, assertion: str) -> None:
        try:
            signed, _, signature = assertion.rpartition(".")
            self._public_key.verify(
                base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)),
                signed.encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except (ValueError, InvalidSignature) as error:
            raise TokenRefusedError("invalid_grant") from error

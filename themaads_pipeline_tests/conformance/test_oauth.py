"""Access tokens through the official client: how it gets them, and what becomes of them."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads import oauth2
from google.ads.googleads.client import GoogleAdsClient
from google.ads.googleads.errors import GoogleAdsException
from google.api_core.exceptions import Forbidden, GoogleAPICallError, Unauthenticated
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.oauth2.service_account import Credentials

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, codes, search
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

ClientFor = Callable[..., Any]


def _refusal(client: Any) -> list[str]:
    with pytest.raises(GoogleAdsException) as refused:
        search(client, "SELECT customer.id FROM customer")
    assert refused.value.request_id
    return codes(refused.value.failure)


def _reason(error: GoogleAPICallError) -> str:
    """The reason in the ErrorInfo that Google's front door gives instead of a GoogleAdsFailure."""
    return str(error.reason)


def _installed_app(emulator: RunningEmulator, refresh_token: str = "") -> Any:
    """A client with a refresh token, as the installed-app flow gives one."""
    credentials = oauth2.get_installed_app_credentials(
        "id.apps.googleusercontent.com",
        "not a secret",
        refresh_token or emulator.facts["refresh_token"],
        token_uri=emulator.facts["token_uri"],
    )
    return GoogleAdsClient(
        credentials, endpoint=emulator.facts["endpoint"], login_customer_id=MANAGER, use_proto_plus=False
    )


def test_a_service_account_and_a_refresh_token_get_in(
    client_for: ClientFor, emulator: RunningEmulator
) -> None:
    for client in (client_for(login_customer_id=MANAGER), _installed_app(emulator)):
        (row,) = search(client, "SELECT customer.id FROM customer")
        assert row.customer.id == int(SHOP)


def test_a_wrong_refresh_token_is_an_invalid_grant(emulator: RunningEmulator) -> None:
    with pytest.raises(RefreshError, match="invalid_grant"):
        _installed_app(emulator, "1//nonsense")


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client"])
def test_grants_can_be_refused(error: str, client_for: ClientFor, emulator: RunningEmulator) -> None:
    emulator.tokens(grant_error=error)
    with pytest.raises(RefreshError, match=error):
        client_for()
    with pytest.raises(RefreshError, match=error):
        _installed_app(emulator)


def test_a_refresh_token_that_is_revoked_in_mid_run_stops_the_client(
    client_for: ClientFor, emulator: RunningEmulator
) -> None:
    client = client_for(login_customer_id=MANAGER)
    emulator.tokens(grant_error="invalid_grant")
    assert search(client, "SELECT customer.id FROM customer")
    client.credentials.token = None
    with pytest.raises(GoogleAPICallError, match="invalid_grant"):
        search(client, "SELECT customer.id FROM customer")


@pytest.mark.parametrize(
    ("refuse", "expected"),
    [
        ("OAUTH_TOKEN_INVALID", "authentication_error.OAUTH_TOKEN_INVALID"),
        ("OAUTH_TOKEN_DISABLED", "authentication_error.OAUTH_TOKEN_DISABLED"),
        ("NOT_ADS_USER", "authentication_error.NOT_ADS_USER"),
        ("CUSTOMER_NOT_FOUND", "authentication_error.CUSTOMER_NOT_FOUND"),
        ("TWO_STEP_VERIFICATION_NOT_ENROLLED", "authentication_error.TWO_STEP_VERIFICATION_NOT_ENROLLED"),
        ("AuthorizationError.PROJECT_DISABLED", "authorization_error.PROJECT_DISABLED"),
        ("AuthorizationError.MISSING_TOS", "authorization_error.MISSING_TOS"),
    ],
)
def test_every_call_can_be_refused_for_its_user_or_project(
    refuse: str, expected: str, client_for: ClientFor, emulator: RunningEmulator
) -> None:
    client = client_for(login_customer_id=MANAGER)
    emulator.tokens(refuse=refuse)
    assert _refusal(client) == [expected]
    emulator.tokens()
    assert search(client, "SELECT customer.id FROM customer")


def test_an_error_that_google_does_not_have_is_no_script(emulator: RunningEmulator) -> None:
    with pytest.raises(EmulatorError, match="expected an error of Google's"):
        emulator.tokens(refuse="OAUTH_TOKEN_LOST")


def test_a_token_expires_and_the_client_gets_another_one(
    client_for: ClientFor, emulator: RunningEmulator
) -> None:
    emulator.tokens(lifetime_s=0)
    client = client_for(login_customer_id=MANAGER)
    spent = client.credentials.token
    emulator.tokens()
    assert search(client, "SELECT customer.id FROM customer")  # its expiry is over, so it is renewed
    assert client.credentials.token != spent
    client.credentials.token = spent
    assert _refusal(client) == ["authentication_error.OAUTH_TOKEN_EXPIRED"]


def test_revoked_tokens_are_refused_and_new_ones_are_not(
    client_for: ClientFor, emulator: RunningEmulator
) -> None:
    client = client_for(login_customer_id=MANAGER)
    emulator.revoke_tokens()
    assert _refusal(client) == ["authentication_error.OAUTH_TOKEN_REVOKED"]
    assert search(client_for(login_customer_id=MANAGER), "SELECT customer.id FROM customer")


@pytest.mark.parametrize("token", ["nonsense", "ya29.a.b.c.d.e", "ya29.0x1p+1.0x1p+1.ads.ff.é"])
def test_a_forged_token_is_invalid(token: str, client_for: ClientFor) -> None:
    client = client_for(login_customer_id=MANAGER)
    client.credentials.token = token.encode("ascii", "ignore").decode()
    assert _refusal(client) == ["authentication_error.OAUTH_TOKEN_INVALID"]


def test_a_token_for_another_api_lacks_the_scope(client_for: ClientFor, emulator: RunningEmulator) -> None:
    client = client_for(login_customer_id=MANAGER)
    key = json.loads((emulator.folder / "service-account.json").read_text())
    client.credentials = Credentials.from_service_account_info(
        key, scopes=["https://www.googleapis.com/auth/drive"]
    )
    with pytest.raises(Forbidden) as refused:
        search(client, "SELECT customer.id FROM customer")
    assert _reason(refused.value) == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_a_call_without_a_token_never_gets_to_google_ads(client_for: ClientFor) -> None:
    client = client_for(login_customer_id=MANAGER)
    client.credentials = AnonymousCredentials()
    with pytest.raises(Unauthenticated) as refused:
        search(client, "SELECT customer.id FROM customer")
    assert _reason(refused.value) == "CREDENTIALS_MISSING"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
        (
            {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"},
            "invalid_grant",
        ),
    ],
)
def test_the_token_endpoint_refuses_what_is_no_grant(
    form: dict[str, str], error: str, emulator: RunningEmulator
) -> None:
    body = urllib.parse.urlencode(form).encode()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(emulator.facts["token_uri"], data=body, timeout=10)
    assert json.loads(refused.value.read())["error"] == error

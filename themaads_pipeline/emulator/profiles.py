"""How fast and how touchy the emulator is."""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Times are seconds. A figure of 0 switches its rule off."""

    name: str
    request_s: float = 0.0
    ad_s: float = 0.0
    label_s: float = 0.0
    one_mutate_per_account: bool = False
    site_checks_per_s: float = 0.0
    site_verdict_s: float = 0.0  # until ads that a site could not bear are disapproved of; 0: refused at once
    review_s: float = 0.0
    change_lag_s: float = 0.0  # until changes show in change_event and change_status: up to 180 at Google
    error_share: float = 0.0  # of requests that fail with a transient error, half of them after the commit
    seed: int = 1  # of the choice which ones fail


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="instant"),
        # Measured against Google: 500 ads in about 6.5 s; two mutates on an account collide.
        Profile(
            name="realistic",
            request_s=0.150,
            ad_s=0.013,
            label_s=0.001,
            one_mutate_per_account=True,
            site_checks_per_s=200,
            review_s=60,
        ),
        Profile(
            name="stormy",
            request_s=0.150,
            ad_s=0.013,
            label_s=0.001,
            one_mutate_per_account=True,
            site_checks_per_s=200,
            review_s=60,
            error_share=0.05,
        ),
    )
}


def profile_from(values: dict[str, Any]) -> Profile:
    """A profile by name, with any of its figures changed.

    Raises:
        KeyError: No profile of that name.
        TypeError: No such figure.
    """
    changes = {key: value for key, value in values.items() if key != "name"}
    return replace(PROFILES[values.get("name", "instant")], **changes)

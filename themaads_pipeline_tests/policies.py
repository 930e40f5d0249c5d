"""Accounts of the emulator with a policy, for tests."""

import csv
import io
from typing import Any

from themaads_pipeline_tests.pushing import AdGroupRef
from themaads_pipeline_tests.running_emulator import RunningEmulator


def seeded(
    emulator: RunningEmulator, *policy: dict[str, Any], accounts: int = 1, ad_groups: int = 6
) -> list[AdGroupRef]:
    """Accounts of ordinary ad groups in which policy forbids something; returns them all."""
    emulator.seed(
        {
            "generate": {"accounts": accounts, "ad_groups": ad_groups},
            "policy": [dict(rule) for rule in policy],
        }
    )
    rows = csv.DictReader(io.StringIO(emulator.upload_file()))
    return [(int(row["customer_id"].replace("-", "")), int(row["ad_group_id"])) for row in rows]


def products(emulator: RunningEmulator, customer_id: int) -> dict[int, str]:
    """The product that each ad group of an account is about, which its first headline names."""
    return {group["ad_group_id"]: group["name"].split()[1] for group in emulator.ad_groups(customer_id)}

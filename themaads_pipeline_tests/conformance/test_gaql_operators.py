"""What each operator means for each type of field."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import MANAGER, search
from themaads_pipeline_tests.running_emulator import RunningEmulator

_LABEL = "'customers/2000000001/labels/1'"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _ids(client: Any, where: str) -> list[int]:
    return [row.ad_group.id for row in search(client, f"SELECT ad_group.id FROM ad_group WHERE {where}")]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "numbers",
            {
                "ad_group.id = 11": [11],
                "ad_group.id = '11'": [11],
                "ad_group.id != 11 AND ad_group.id < 14": [12, 13],
                "ad_group.id IN (12, 11, 99)": [12, 11],
                "ad_group.id IN (12)": [12],
                "ad_group.id NOT IN (11, 12, 13)": [14, 15, 16],
                "ad_group.id > 14": [15, 16],
                "ad_group.id >= 15 AND ad_group.id <= 15": [15],
                "ad_group.id BETWEEN 12 AND 13": [12, 13],
                "ad_group.id > -5 AND ad_group.id < 12": [11],
            },
        ),
        (
            "enums",
            {
                "ad_group.status = PAUSED": [12],
                "ad_group.status = 'PAUSED'": [12],
                "ad_group.status IN ('PAUSED', 'REMOVED')": [12, 13],
                "ad_group.status NOT IN (ENABLED, PAUSED)": [13],
                "ad_group.status != 'ENABLED'": [12, 13],
                "ad_group.type != SEARCH_STANDARD": [14],
                "campaign.status = REMOVED": [16],
            },
        ),
        (
            "strings, with regard to case",
            {
                "ad_group.name = 'Laarzen'": [],
                "ad_group.name = 'laarzen'": [12],
                "ad_group.name IN ('Laarzen', 'Vol')": [15],
                "ad_group.name NOT IN ('laarzen', 'Vol', 'Sandalen')": [11, 14, 16],
            },
        ),
        (
            "LIKE, without regard to case",
            {
                "ad_group.name LIKE 'LAAR%'": [12],
                "ad_group.name LIKE 'laarzen'": [12],
                "ad_group.name LIKE 'aarze'": [],
                "ad_group.name LIKE '%50[%]%'": [11],
                "ad_group.name LIKE '%50[%]'": [],
                "ad_group.name LIKE 'V_l'": [15],
                "ad_group.name LIKE 'V[_]l'": [],
                "ad_group.name LIKE '%.%'": [],
                "ad_group.name NOT LIKE '%a%'": [11, 15],
            },
        ),
        (
            "REGEXP_MATCH, of the whole text",
            {
                "ad_group.name REGEXP_MATCH 'S.*en'": [13],
                "ad_group.name REGEXP_MATCH 'Sand'": [],
                "ad_group.name REGEXP_MATCH '.*sand.*'": [],
                "ad_group.name REGEXP_MATCH '(?i).*sand.*'": [13],
                "ad_group.name REGEXP_MATCH 'Vol|laarzen'": [12, 15],
                r"ad_group.name REGEXP_MATCH '.*\\d+%.*'": [11],
                "ad_group.name NOT REGEXP_MATCH '.*e.*'": [14, 15],
            },
        ),
        (
            "what is not set",
            {
                "campaign.end_date_time IS NULL AND ad_group.id = 11": [11],
                "campaign.end_date_time IS NOT NULL": [],
                "ad_group.labels IS NOT NULL": [11],
            },
        ),
        (
            "lists",
            {
                f"ad_group.labels CONTAINS ANY ({_LABEL})": [11],
                f"ad_group.labels CONTAINS ANY ({_LABEL}, 'customers/2000000001/labels/9')": [11],
                f"ad_group.labels CONTAINS ALL ({_LABEL}, 'customers/2000000001/labels/9')": [],
                f"ad_group.labels CONTAINS ALL ({_LABEL})": [11],
                f"ad_group.labels CONTAINS NONE ({_LABEL}) AND ad_group.id < 13": [12],
            },
        ),
        (
            "resource names",
            {
                "ad_group.resource_name = 'customers/2000000001/adGroups/14'": [14],
                "ad_group.campaign = 'customers/2000000001/campaigns/2'": [16],
                "ad_group.campaign != 'customers/2000000001/campaigns/1'": [16],
                "ad_group.campaign IN ('customers/2000000001/campaigns/2')": [16],
            },
        ),
        (
            "dates",
            {
                "campaign.start_date_time = '2020-01-01' AND ad_group.id = 11": [11],
                "campaign.start_date_time = '2020-01-01 00:00:00' AND ad_group.id = 11": [11],
                "campaign.start_date_time < '2020-01-01'": [],
                "campaign.start_date_time <= '2020-01-01' AND ad_group.id = 11": [11],
                "campaign.start_date_time BETWEEN '2019-12-31' AND '2020-01-01' AND ad_group.id = 12": [12],
                "campaign.start_date_time > '2020-01-01'": [],
                "campaign.start_date_time DURING LAST_7_DAYS": [],
            },
        ),
        (
            "booleans",
            {
                "customer.manager = false AND ad_group.id = 11": [11],
                "customer.manager = TRUE": [],
                "customer.manager != true AND ad_group.id = 12": [12],
            },
        ),
    ],
)
def test_conditions_select(kind: str, expected: dict[str, list[int]], client: Any) -> None:
    found = {where: _ids(client, where) for where in expected}
    assert found == expected, kind


def test_a_regular_expression_that_backtracks_for_ever_elsewhere_is_answered_at_once(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.seed(
        {
            "managers": [{"customer_id": MANAGER}],
            "accounts": [
                {
                    "customer_id": 2000000001,
                    "campaigns": [{"id": 1}],
                    "ad_groups": [{"id": 21, "name": "a" * 200 + "!", "campaign_id": 1}],
                }
            ],
        }
    )
    started = time.monotonic()
    assert _ids(client, "ad_group.name REGEXP_MATCH '(a+)+(a|aa)+(.*a){20}b'") == []
    assert _ids(client, f"ad_group.name LIKE '{'%a' * 60}%b'") == []
    assert time.monotonic() - started < 20

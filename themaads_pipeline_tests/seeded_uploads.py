"""A ledger with a season's uploads in every state that there is, for what is shown of them."""

from dataclasses import dataclass, replace
from typing import Any

import psycopg

__all__ = ["SEEDED", "seed_uploads"]


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """An upload: so much of its `items` is final, and its last run was seen `quiet_s` seconds ago."""

    number: int
    key: str
    file: str
    status: str
    message: str = ""
    items: int
    accounts: int
    progress: float
    rejected: int = 0
    hours_ago: float
    quiet_s: float = 0
    failed: int = 40  # of a thousand
    deaths: int = 0


SEEDED = (
    Seeded(number=205, key="halloween-2026@5c1d90aa", file="halloween 2026 NL-BE.csv", status="finished",
           items=12_400, accounts=9, progress=1, hours_ago=700, failed=6),
    Seeded(number=206, key="singles-day-2026@77ab01c3", file="singles day alle accounts.xlsx",
           status="finished", items=38_150, accounts=24, progress=1, rejected=212, hours_ago=430),
    Seeded(number=207, key="black-friday-2026@90ff13e2", file="bf trial 500.csv", status="finished",
           items=500, accounts=3, progress=1, hours_ago=60, failed=2),
    Seeded(number=208, key="black-friday-2026@0aa4be71", file="black friday DE.csv", status="finished",
           items=21_870, accounts=14, progress=1, rejected=37, hours_ago=31),
    Seeded(number=209, key="sinterklaas-2026@3be5d1f0", file="Sinterklaas wave 1.xlsx", status="failed",
           message="listing the accessible accounts: the refresh token or key was revoked or has expired. "
           "Sign in again and put the new refresh token, or a valid key file, into google-ads.yaml.",
           items=9_600, accounts=7, progress=0.12, hours_ago=20),
    Seeded(number=211, key="black-friday-2026@c29d5e84", file="bf long tail.csv", status="paused",
           message="paused by anna: `themaads resume 211` goes on",
           items=64_000, accounts=28, progress=0.61, hours_ago=12),
    Seeded(number=212, key="cyber-monday-2026@b4410d9e", file="cyber monday UK.csv", status="interrupted",
           message="its process was killed (signal 9), worker pid 4711 on host ads-worker-1",
           items=18_300, accounts=11, progress=0.274, hours_ago=2, quiet_s=6),
    Seeded(number=213, key="black-friday-2026@1f3a9c2e", file="black friday NL.csv", status="running",
           items=50_000, accounts=28, progress=0.432, rejected=143, hours_ago=0.55, quiet_s=1, deaths=1),
    Seeded(number=214, key="kerstmis-2026@6d0e77b5", file="kerst-lijst december.xlsx", status="waiting",
           items=0, accounts=0, progress=0, hours_ago=0.1),
)  # fmt: skip

_UPLOAD = """
insert into themaads.upload (number, key, file_path, file_name, content_sha256, edition, status, message,
  epoch, read_at, created_at, finished_at, rejected)
overriding system value
values (%(number)s, %(key)s, '/uploads/' || %(file)s, %(file)s, md5(%(key)s),
  replace(split_part(%(key)s, '@', 1), '-', '_'), %(status)s, %(message)s, %(epoch)s,
  case when %(items)s > 0 then clock_timestamp() - make_interval(secs => %(ago)s - 20) end,
  clock_timestamp() - make_interval(secs => %(ago)s),
  case when %(status)s = 'finished' then clock_timestamp() - make_interval(secs => %(ago)s * 0.9) end,
  %(rejected)s)
"""

_ITEMS = """
insert into themaads.item (upload, customer_id, ad_group_id, edition, state, attempts, ad_group_name,
  campaign_name,
  new_ad_id, copied_ad_id, category, code, message, policy_topics, policy_types, trigger, settled_at)
select %(number)s, customer_id, 100000000 + place, replace(split_part(%(key)s, '@', 1), '-', '_'), state,
  (state <> 'pending')::int,
  (array['Hardloopschoenen', 'Regenjassen', 'Winterjassen heren', 'Koffiebonen', 'Laptops 14 inch',
         'Tuinmeubelen', 'Bedden 160x200', 'Espressomachines'])[1 + place %% 8] || ' ' || place,
  (array['NL | Search | Generic', 'NL | Search | Brand', 'BE | Search | Generic'])[1 + place %% 3],
  case when state in ('applied', 'done') then 7000000000 + place end,
  case when state <> 'pending' then 500000 + place end,
  case when state = 'failed' then reason.category end,
  case when state = 'failed' then reason.code when state = 'skipped'
       then (array['already_present', 'no_ad_to_copy', 'no_final_url'])[1 + place %% 3] end,
  case when state = 'failed' then reason.message when state = 'skipped' then 'ad 4711 is there already' end,
  case when state = 'failed' then reason.topics end, case when state = 'failed' then reason.types end,
  case when state = 'failed' then reason.trigger end,
  case when state in ('done', 'skipped', 'failed') then clock_timestamp() end
from (
  select *, case when place > %(done_to)s + %(flight)s then 'pending'
              when place > %(done_to)s + %(flight)s / 2 then 'sending'
              when place > %(done_to)s then 'applied' when luck < %(failed)s then 'failed'
              when luck < %(failed)s + 45 then 'skipped' else 'done' end as state
  from (
    select place,
      2147000000 + 7919 * (1 + floor(power((hashint8(place * 13) & 65535) / 65536.0, 1.7) * %(accounts)s))
        ::bigint as customer_id, (hashint8(place * 31 + %(number)s) & 1048575) %% 1000 as luck
    from generate_series(1, %(items)s) as place
  ) as thrown
) as placed
cross join lateral (select * from (values
  (0, 'policy', 'PolicyFindingError.POLICY_FINDING', 'Google refuses the text: trademarks in ad text.',
   array['TRADEMARKS_IN_AD_TEXT'], array['PROHIBITED'], 'Officiële Dyson dealer'),
  (1, 'policy', 'PolicyFindingError.POLICY_FINDING', 'Google could not open the page.',
   array['DESTINATION_NOT_WORKING'], array['PROHIBITED'], 'https://www.voorbeeldwinkel.nl/sale/black-friday'),
  (2, 'policy', 'PolicyFindingError.POLICY_FINDING', 'Google refuses the text: capitals.',
   array['CAPITALIZATION'], array['PROHIBITED'], 'NU TOT 70%% KORTING'),
  (3, 'invalid', 'ResourceCountLimitExceededError.RESOURCE_LIMIT',
   'the ad group has three responsive search ads already, and a fourth does not fit. Remove one, then try '
   'again.',
   null, null, null),
  (4, 'account', 'AuthorizationError.CUSTOMER_NOT_ENABLED', 'the account is not enabled yet, or closed. '
   'Reactivate it in Google Ads, or take it out of the file.', null, null, null),
  (5, 'technical', 'worker_died', 'its worker died three times while it was in flight; it may be the cause.',
   null, null, null)
  ) as known (kind, category, code, message, topics, types, trigger)
  where known.kind = case when customer_id < 2147000000 + 7919 * 3 and place %% 2 = 0 then 4
    else (array[0,0,0,0,1,1,1,2,2,3,3,5])[1 + (hashint8(placed.place * 7) & 65535) %% 12] end) as reason
"""

_REJECTED = """
insert into themaads.rejected_row (upload, line, reason, message, raw)
select %(number)s, 17 + 31 * place, (array['digits_lost', 'no_theme', 'ambiguous_name'])[1 + place %% 3],
  (array['the ad group id 1.49202E+11 has lost its last digits: take the list from Google Ads again',
         'no theme: fill the column in, or choose the theme when you hand the list in',
         'two ad groups of account 214-700-7919 are called Regenjassen: name the campaign as well'])
    [1 + place %% 3],
  (array['214-700-7919;1.49202E+11;Winterjassen heren', '214-701-5838;149202331871;;',
         '214-700-7919;;Regenjassen'])[1 + place %% 3]
from generate_series(1, %(rejected)s) as place
"""

_STAGE = """
insert into themaads.ownership (upload, epoch, run_id, stage, host, pid, started_at, progress_at, ended_at,
  ended_how, ended_why, final_at_start, doing)
values (%(number)s, %(epoch)s, %(run_id)s, %(stage)s, 'ads-worker-1', %(pid)s,
  clock_timestamp() - make_interval(secs => %(began)s), clock_timestamp() - make_interval(secs => %(seen)s),
  case when %(how)s::text is not null then clock_timestamp() - make_interval(secs => %(seen)s) end, %(how)s,
  %(why)s, %(final)s, %(doing)s)
"""

_ATTEMPTS = """
insert into themaads.attempt (upload, epoch, customer_id, kind, operations, state, created_at, deadline_at,
  settled_at)
select %(number)s, 2, 2147007919, 'ads',
  %(done_to)s * 0.95 / %(batches)s * (0.7 + (hashint8(place) & 255) / 400.0), 'settled',
  at - interval '1 second',
  at + interval '2 minutes', at
from (
  select place, clock_timestamp()
    - make_interval(secs => %(began)s - (%(began)s - %(seen)s) * place / %(batches)s::float8) as at
  from generate_series(1, %(batches)s) as place
  where not (%(deaths)s > 0 and place between %(batches)s * 0.46 and %(batches)s * 0.52)
) as placed
"""


def seed_uploads(url: str, *, share: float = 1) -> None:
    """Write `SEEDED`, with so much of their items, into an empty ledger; their times count from now."""
    with psycopg.connect(url, autocommit=True) as connection:
        for upload in SEEDED:
            _seed(connection, replace(upload, items=int(share * upload.items)))
        connection.execute(
            "insert into themaads.operations (hour, operations) values"
            " (date_trunc('hour', clock_timestamp()), 6210),"
            " (date_trunc('hour', clock_timestamp()) - interval '2 hours', 4870)"
        )
        connection.execute("select setval(pg_get_serial_sequence('themaads.upload', 'number'), 214)")
        connection.execute("analyze")


def _seed(connection: "psycopg.Connection[Any]", upload: Seeded) -> None:
    done_to = int(upload.items * upload.progress)
    flight = min(1_200, upload.items // 20) if upload.status == "running" else 0
    ago = 3600 * upload.hours_ago
    facts = {
        "number": upload.number,
        "key": upload.key,
        "file": upload.file,
        "status": upload.status,
        "message": upload.message,
        "items": upload.items,
        "accounts": upload.accounts,
        "rejected": upload.rejected,
        "failed": upload.failed,
        "done_to": done_to,
        "flight": flight,
        "ago": ago,
        "epoch": 0 if upload.status == "waiting" else 2 + 2 * upload.deaths,
        "began": ago - 25,
        "seen": upload.quiet_s or ago * 0.1,
        "batches": 260,
        "deaths": upload.deaths,
    }
    connection.execute(_UPLOAD, facts)
    if not upload.items:
        return
    connection.execute(_ITEMS, facts)
    connection.execute(_REJECTED, facts)
    connection.execute(_ATTEMPTS, facts)
    for stage in _stages(upload, facts):
        connection.execute(
            _STAGE, {"final": 0, "doing": "", "how": "finished", "why": None, **facts, **stage}
        )


def _stages(upload: Seeded, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Reading, pushing; after a death the same again, by another run, up to where it is now."""
    ago, seen = facts["ago"], facts["seen"]
    run = f"{upload.number:08x}-4a15-9598-2b56-5f3d8468e0c1"
    reading = {"epoch": 1, "stage": "reading", "run_id": run, "pid": 4711, "began": ago - 5, "seen": ago - 24}
    ends = {"running": None, "paused": "paused", "failed": "failed", "interrupted": "died"}
    last = {
        "stage": "pushing",
        "seen": seen,
        "how": ends.get(upload.status, "finished"),
        "why": upload.message or None,
    }
    if upload.status == "running":
        last["doing"] = "creating 1,000 ads in account 214-702-3757"
    if not upload.deaths:
        return [reading, {**last, "epoch": 2, "run_id": run, "pid": 4711, "began": ago - 25}]
    middle = ago * 0.5
    how_far = f"{int(facts['done_to'] / 2):,} of {upload.items:,} items"
    died = f"no progress for 312 s at {how_far}, worker pid 4711 on host ads-worker-1"
    again = f"{upload.number + 9000:08x}-77b0-41d2-9a3e-c0ffee00a1b2"
    return [
        reading,
        {
            "epoch": 2,
            "stage": "pushing",
            "run_id": run,
            "pid": 4711,
            "began": ago - 25,
            "seen": middle,
            "how": "died",
            "why": died,
        },
        {
            "epoch": 3,
            "stage": "reading",
            "run_id": again,
            "pid": 5230,
            "began": middle - 12,
            "seen": middle - 13,
            "final": facts["done_to"] // 2,
        },
        {
            **last,
            "epoch": 4,
            "run_id": again,
            "pid": 5230,
            "began": middle - 13,
            "final": facts["done_to"] // 2,
        },
    ]

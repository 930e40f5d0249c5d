"""A ledger as it is after some years: many uploads are over, a few are not, and one of those is huge."""

from dataclasses import dataclass
from typing import Any

import psycopg

__all__ = ["BigLedger", "fill"]

ACCOUNTS = 28
UPLOADS = 200
_LARGEST = 0.2  # of all items: the share of each of the two large uploads
_BATCH = 1_000

# How far the uploads are that are not finished, the newest first. Beside it their status.
_UNFINISHED = (
    ("running", 0.5),  # large
    ("waiting", 0.0),  # large
    ("running", 0.9),
    ("running", 0.05),
    ("interrupted", 0.3),
    ("interrupted", 0.7),
    ("paused", 0.6),
    ("failed", 0.2),
)

# `place`: of the item in its account's share of the upload, which is worked off in order. Of a hundred
# outcomes 91 are done, 4 skipped, 5 failed; behind them one batch is labelled and one is in flight,
# if a run is at work.
_SHARES = """
create temporary table share as
select upload, status, key, progress, customer_id, size, max(size) over () as ad_groups,
       1 + sum(ceil(size / %(batch)s::float8)::bigint) over (order by upload, customer_id)
         - ceil(size / %(batch)s::float8)::bigint as first_attempt
from (
  select upload.number as upload, upload.status, upload.key, wanted.progress,
    2000000000::bigint + account as customer_id,
         floor(wanted.size * (sqrt(account / %(accounts)s::float8)
                              - sqrt((account - 1) / %(accounts)s::float8)))::bigint as size
  from unnest(%(numbers)s::bigint[], %(sizes)s::bigint[], %(progress)s::float8[]) as wanted (number, size,
    progress)
  join themaads.upload on upload.number = wanted.number
  cross join generate_series(1, %(accounts)s) as account
) as sizes
where size > 0;
analyze share;
"""

_ITEMS = """
insert into themaads.item
  (upload, customer_id, ad_group_id, edition, state, attempts, attempt_id, ad_group_name, campaign_id,
    campaign_name,
   copied_ad_id, copied_ad_status, new_ad_id, edition_label_id, original_label_id, category, code, message,
   policy_topics, policy_types, trigger, settled_at, not_before, refusals, deaths)
select upload, customer_id, ad_group_id, edition, state, (state not in ('pending', 'skipped'))::int,
       case when state not in ('pending', 'skipped') then first_attempt + (place - 1) / 1000 end,
       'Ad group ' || ad_group_id || ' of this account', campaign_id,
         'Campaign ' || campaign_id || ' | search | nl',
       case when state not in ('pending', 'skipped') then ad_group_id * 10 end,
       case when state not in ('pending', 'skipped') then 'ENABLED' end,
       case when state in ('applied', 'done') then upload * 100000000 + place end,
       case when state = 'done' then customer_id + 1 end, case when state = 'done' then customer_id + 2 end,
       case when state = 'failed' then (array['policy', 'policy', 'policy', 'invalid',
         'technical'])[1 + luck %% 5] end,
       case when state = 'skipped' then (array['already_present', 'no_ad_to_copy',
         'no_final_url'])[1 + luck %% 3]
            when state = 'failed' then (array['PolicyFindingError.POLICY_FINDING',
              'PolicyFindingError.POLICY_FINDING',
              'PolicyViolationError.POLICY_ERROR', 'AdError.LINE_TOO_WIDE',
                'worker_died'])[1 + luck %% 5] end,
       case when state in ('skipped', 'failed')
         then 'ad group ' || ad_group_id || ': a sentence that says why, as Google does' end,
       case when state = 'failed' and luck %% 5 < 3 then array['DESTINATION_NOT_WORKING'] end,
       case when state = 'failed' and luck %% 5 < 3 then array['PROHIBITED'] end,
       case when state = 'failed' and luck %% 5 < 3
         then 'https://www.example' || luck %% 50 || '.nl/page/' || place end,
       case when state in ('done', 'skipped', 'failed') then clock_timestamp() - interval '30 days' end,
       case when state = 'pending' and place %% 2000 = 0 then clock_timestamp() + interval '1 hour' end,
       (state = 'pending' and place %% 2000 = 0)::int, (state = 'pending' and place %% 5000 = 0)::int
from (
  select share.*, place, luck, customer_id * 10000000 + (upload * 7919 + place) %% ad_groups as ad_group_id,
         split_part(key, '@', 1) as edition, customer_id * 10000 + place / 200 as campaign_id,
         case when place > progress * size + 2000 or (place > progress * size and status <> 'running')
           then 'pending'
              when place > progress * size + 1000 then 'sending'
              when place > progress * size then 'applied'
              when luck < 910 then 'done' when luck < 950 then 'skipped' else 'failed' end as state
  from share cross join lateral generate_series(1, size) as place
  cross join lateral (select (hashint8(upload * 1000003 + place) & 1048575) %% 1000 as luck) as thrown
  where upload = %(upload)s
) as planned
order by customer_id, place;
"""

_COUNTS = """
insert into themaads.item_count (upload, customer_id, state, items)
select upload, customer_id, each.state, count(item.state) from (select distinct upload, customer_id
  from themaads.item) as share
cross join unnest(array['pending', 'sending', 'applied', 'done', 'skipped', 'failed']) as each (state)
left join themaads.item using (upload, customer_id, state)
group by 1, 2, 3 order by 1, 2, 3
"""

# What the push wrote down of its requests, and what a file leaves behind.
_AROUND = """
insert into themaads.source_row (upload, line, customer_id, ad_group_id, edition)
select upload, 1 + row_number() over (partition by upload order by item_id), customer_id, ad_group_id, edition
from themaads.item;

insert into themaads.rejected_row (upload, line, reason, message, raw)
select upload, line, (array['no_theme', 'ambiguous_name', 'bad_customer_id'])[1 + line %% 3],
       'a sentence that says what is wrong with this line, and what to do', '123-456-7890;some group;' || line
from (select upload, sum(size) as size from share group by upload) as sizes
cross join lateral generate_series(1, (size / 50)::bigint) as line;

update themaads.upload set rejected = (select count(*) from themaads.rejected_row where upload = number);

insert into themaads.attempt (attempt_id, upload, epoch, customer_id, kind, operations, state, created_at,
  deadline_at,
                              settled_at, request_id)
overriding system value
select attempt_id, upload, 2, customer_id, 'ads', count(*), min(case state when 'sending' then 'open'
  else 'settled' end),
       clock_timestamp(), clock_timestamp() + interval '2 minutes', clock_timestamp(),
         'request-' || attempt_id
from themaads.item where attempt_id is not null group by attempt_id, upload, customer_id;
insert into themaads.attempt (attempt_id, upload, epoch, customer_id, kind, operations, state, created_at,
  deadline_at,
                              settled_at, request_id)
overriding system value
select attempt_id + (select max(attempt_id) from themaads.attempt), upload, epoch, customer_id, 'labels',
  2 * operations,
       'settled', created_at, deadline_at, settled_at, request_id
from themaads.attempt where state = 'settled';
select setval(pg_get_serial_sequence('themaads.attempt', 'attempt_id'), max(attempt_id))
  from themaads.attempt;

insert into themaads.attempt_item (attempt_id, item_id, fingerprint, seen_ad_ids)
select attempt_id, item_id, md5(item_id::text) || md5(ad_group_id::text), array[ad_group_id * 10,
  ad_group_id * 10 + 1]
from themaads.item where attempt_id is not null;

insert into themaads.failure_count (upload, customer_id, category, code, items)
select upload, customer_id, category, code, count(*) from themaads.item where state = 'failed' group by 1,
  2, 3, 4;

insert into themaads.account_lease (customer_id, generation, upload, epoch, acquired_at, expires_at)
select customer_id, 1000, %(large)s::bigint, 2, clock_timestamp(), clock_timestamp() + interval '1 hour'
from share group by customer_id;

insert into themaads.account_progress (upload, customer_id, epoch, doing)
select upload, customer_id, 2, 'working' from share where status = 'running';

insert into themaads.operations (hour, operations)
select date_trunc('hour', clock_timestamp()) - make_interval(hours => ago), 10000 from generate_series(0,
  10000) as ago;

insert into themaads.lesson (customer_id, kind, value, topic, code, message, upload, expires_at)
select customer_id, 'text', 'a text ' || place, 'TRADEMARKS', 'PolicyFindingError.POLICY_FINDING',
  'refused', upload,
       clock_timestamp() + make_interval(days => place)
from share cross join generate_series(-20, 20) as place where upload = %(large)s;

insert into themaads.alert (upload, event, occasion, channel, told_at, tries)
select number, event, status_at::text, channel, clock_timestamp(), 1 from themaads.upload
cross join unnest(array['recovered', 'failures_over_bound', 'finished']) as event
cross join unnest(array['slack-1', 'mail-1']) as channel;

-- Each of these was ended and taken over a few times.
insert into themaads.ownership (upload, epoch, run_id, stage, host, pid, final_at_start, ended_at, ended_how)
select number, turn, 'run-' || number || '-' || turn / 4, (array['reading', 'pushing', 'reporting',
  'checking'])[1 + turn %% 4],
       'host-a', 4711, 0, case when is_over then clock_timestamp() end,
       case when is_over then case when turn %% 4 = 3 then 'died' else 'finished' end end
from themaads.upload cross join lateral generate_series(1, epoch) as turn
cross join lateral (select status <> 'running' or turn < epoch as is_over) as ended;

insert into themaads.upload_file (path, size, mtime_ns, upload)
select file_path || copy, 1000000, 1, number from themaads.upload cross join generate_series(1, 5) as copy;
"""


@dataclass(frozen=True, kw_only=True)
class BigLedger:
    """What is in it. `large`: the upload that is half done; `untouched`: the large one that waits."""

    large: int
    untouched: int
    longest: int  # the account with the most items
    running: tuple[int, ...]
    finished: int  # the largest of those
    files: tuple[str, ...]


def fill(url: str, items: int) -> BigLedger:
    """Write so many items, and what belongs to them, into an empty ledger, a statement an upload."""
    large, untouched = UPLOADS, UPLOADS - 1
    sizes = _sizes(items)
    with psycopg.connect(url, autocommit=True) as connection:
        # Statistics stay as they are until somebody asks for new ones.
        connection.execute("alter system set autovacuum = off")
        connection.execute("select pg_reload_conf()")
        # Not one by one: neither foreign keys nor counts, which are put right at the end.
        connection.execute("set session_replication_role = replica")
        connection.execute("set work_mem = '256MB'")
        connection.execute("set synchronous_commit = off")
        facts = [_upload(number) for number in range(1, UPLOADS + 1)]
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into themaads.upload (key, file_path, file_name, content_sha256, status, epoch,"
                " read_at, finished_at, status_at)"
                " values (%(key)s, %(path)s, %(name)s, %(key)s, %(status)s, 9,"
                " clock_timestamp() - interval '30 days', clock_timestamp(),"
                " clock_timestamp() - %(age)s * interval '1 day')",
                facts,
            )
        parameters: dict[str, Any] = {
            "accounts": ACCOUNTS,
            "batch": _BATCH,
            "numbers": list(sizes),
            "sizes": list(sizes.values()),
            "progress": [fact["progress"] for fact in facts],
            "large": large,
        }
        _all(connection, _SHARES, parameters)
        _as_of_old(connection)
        for number in sizes:
            connection.execute(_ITEMS, {"upload": number})
        connection.execute(_COUNTS)
        _all(connection, _AROUND, parameters)
        [(longest,)] = connection.execute("select customer_id from share order by size desc limit 1")
    return BigLedger(
        large=large,
        untouched=untouched,
        longest=longest,
        running=tuple(number for number in sizes if facts[number - 1]["status"] == "running"),
        finished=max(
            (number for number in sizes if facts[number - 1]["status"] == "finished"), key=sizes.__getitem__
        ),
        files=tuple(f"{fact['path']}1" for fact in facts),
    )


def _as_of_old(connection: "psycopg.Connection[Any]") -> None:
    """Leave the statistics of a ledger that had one upload, which had just been read."""
    connection.execute("update share set progress = 0, status = 'waiting' where upload = 1")
    connection.execute(_ITEMS, {"upload": 1})
    connection.execute(_COUNTS)
    connection.execute("analyze")
    connection.execute("delete from themaads.item")
    connection.execute("delete from themaads.item_count")
    connection.execute("update share set progress = 1, status = 'finished' where upload = 1")


def _sizes(items: int) -> dict[int, int]:
    """Of each upload by its number: two large ones, and the others unequal."""
    others = range(1, UPLOADS - 1)
    weights = {number: 1 / (1 + (number * 37) % UPLOADS) ** 0.5 for number in others}
    left = items * (1 - 2 * _LARGEST) / sum(weights.values())
    sizes = {number: int(weight * left) for number, weight in weights.items()}
    return sizes | {number: int(items * _LARGEST) for number in (UPLOADS - 1, UPLOADS)}


def _upload(number: int) -> dict[str, Any]:
    newest_first = UPLOADS - number
    status, progress = _UNFINISHED[newest_first] if newest_first < len(_UNFINISHED) else ("finished", 1.0)
    key = f"black-friday-{2020 + number % 7}@{number:08x}"
    return {
        "key": key,
        "path": f"/uploads/{key}.csv",
        "name": f"{key}.csv",
        "status": status,
        "progress": progress,
        "age": newest_first / 25,
    }


def _all(connection: "psycopg.Connection[Any]", statements: str, parameters: dict[str, Any]) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement, parameters)

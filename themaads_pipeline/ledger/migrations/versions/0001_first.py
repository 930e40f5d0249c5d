"""Uploads, items, rows, attempts, account leases: what the invariants need from the first day."""

from alembic import op

revision = "0001"
down_revision = None

UPLOADS = """
create table themaads.upload (
  number          bigint generated always as identity primary key,
  key             text not null unique,
  file_path       text not null,
  file_name       text not null,
  content_sha256  text not null,
  edition         text,                                   -- for rows without a theme of their own
  item_limit      integer check (item_limit > 0),         -- a trial: each run stops after so many items
  status          text not null default 'waiting'
                  check (status in ('waiting', 'running', 'interrupted', 'paused', 'failed', 'finished')),
  message         text not null default '',
  epoch           bigint not null default 0,              -- of its owner; every write is guarded by it
  read_at         timestamptz,                            -- its items and rejected rows are written
  created_at      timestamptz not null default clock_timestamp(),
  finished_at     timestamptz
);

-- Every file that was ever seen in the upload folder, so that each is hashed once.
create table themaads.upload_file (
  path      text primary key,
  size      bigint not null,
  mtime_ns  bigint not null,
  upload    bigint not null references themaads.upload on delete cascade
);

-- Who works on an upload, one row an epoch: the timeline of its runs.
create table themaads.ownership (
  upload          bigint not null references themaads.upload on delete cascade,
  epoch           bigint not null,
  run_id          text not null,
  stage           text not null,
  host            text not null,
  pid             integer not null,
  started_at      timestamptz not null default clock_timestamp(),
  final_at_start  bigint not null,                        -- items final then: the rate counts from here
  progress_at     timestamptz not null default clock_timestamp(),
  doing           text not null default '',
  waiting_until   timestamptz,                            -- a wait has an end
  ended_at        timestamptz,
  ended_how       text check (ended_how in ('finished', 'interrupted', 'paused', 'failed', 'fenced')),
  ended_why       text,
  primary key (upload, epoch)
);
"""

ROWS = """
create table themaads.source_row (
  upload         bigint not null references themaads.upload on delete cascade,
  line           bigint not null,
  customer_id    bigint not null,
  ad_group_id    bigint not null,
  edition        text not null,
  primary key (upload, line)
);

create table themaads.rejected_row (
  upload   bigint not null references themaads.upload on delete cascade,
  line     bigint not null,
  reason   text not null,
  message  text not null,
  raw      text not null
);
create index rejected_row_upload on themaads.rejected_row (upload, line);
"""

ITEMS = """
create table themaads.item (
  item_id            bigint generated always as identity primary key,
  upload             bigint not null references themaads.upload on delete cascade,
  customer_id        bigint not null,
  ad_group_id        bigint not null,
  edition            text not null,
  action             text not null default 'create' check (action in ('create')),
  state              text not null default 'pending'
                     check (state in ('pending', 'sending', 'applied', 'done', 'skipped', 'failed')),
  attempts           integer not null default 0,
  attempt_id         bigint,                              -- the last request it travelled in
  ad_group_name      text,
  campaign_id        bigint,
  campaign_name      text,
  copied_ad_id       bigint,
  copied_ad_status   text,
  new_ad_id          bigint,
  edition_label_id   bigint,                              -- these three: labels that *we* attached
  original_label_id  bigint,
  done_label_id      bigint,
  category           text check (category in ('policy', 'invalid', 'account', 'temporary', 'technical')),
  code               text,                                -- Google's own code, or the reason of a skip
  message            text,
  policy_topics      text[],
  trigger            text,
  settled_at         timestamptz,
  unique (upload, customer_id, ad_group_id, edition),
  check ((state = 'failed') = (category is not null)),
  check (state <> 'skipped' or code is not null),
  check (state not in ('applied', 'done') or new_ad_id is not null)
);
create index item_open on themaads.item (upload, customer_id, item_id)
  where state in ('pending', 'sending', 'applied');
-- No ad group has two requests for one edition under way, in whatever uploads.
create unique index item_sending_once on themaads.item (customer_id, ad_group_id, edition)
  where state = 'sending';
create index item_new_ad on themaads.item (customer_id, ad_group_id) where new_ad_id is not null;

-- How many items of each account are in each state: kept by triggers, so it cannot disagree with the items.
create table themaads.item_count (
  upload       bigint not null references themaads.upload on delete cascade,
  customer_id  bigint not null,
  state        text not null,
  items        bigint not null,
  primary key (upload, customer_id, state)
) with (fillfactor = 50);

create function themaads.count_inserted_items() returns trigger language plpgsql as $$
begin
  insert into themaads.item_count as c (upload, customer_id, state, items)
  select upload, customer_id, state, count(*) from inserted group by 1, 2, 3 order by 1, 2, 3
  on conflict (upload, customer_id, state) do update set items = c.items + excluded.items;
  return null;
end $$;
create function themaads.count_updated_items() returns trigger language plpgsql as $$
begin
  insert into themaads.item_count as c (upload, customer_id, state, items)
  select upload, customer_id, state, sum(change) from (
    select upload, customer_id, state, -1 as change from before
    union all
    select upload, customer_id, state, 1 from after
  ) as changes
  group by 1, 2, 3 having sum(change) <> 0 order by 1, 2, 3
  on conflict (upload, customer_id, state) do update set items = c.items + excluded.items;
  return null;
end $$;
create trigger count_inserted_items after insert on themaads.item
  referencing new table as inserted for each statement execute function themaads.count_inserted_items();
create trigger count_updated_items after update on themaads.item
  referencing old table as before new table as after
  for each statement execute function themaads.count_updated_items();
"""

ATTEMPTS = """
create table themaads.attempt (
  attempt_id   bigint generated always as identity primary key,
  upload       bigint not null references themaads.upload on delete cascade,
  epoch        bigint not null,
  customer_id  bigint not null,
  kind         text not null check (kind in ('ads', 'labels', 'label_names')),
  operations   integer not null,
  state        text not null default 'open' check (state in ('open', 'settled', 'in_doubt')),
  created_at   timestamptz not null default clock_timestamp(),
  deadline_at  timestamptz not null,                      -- the request's timeout ends before it
  settled_at   timestamptz,
  request_id   text,
  error        text
);
create index attempt_unsettled on themaads.attempt (customer_id) where state <> 'settled';

-- What was written down before the request left: enough to find the ad again.
create table themaads.attempt_item (
  attempt_id       bigint not null references themaads.attempt on delete cascade,
  item_id          bigint not null references themaads.item on delete cascade,
  fingerprint      text not null,
  seen_ad_ids      bigint[] not null,                     -- in the ad group before, removed ones included
  first_absent_at  timestamptz,                           -- the first of the two reads that prove absence
  primary key (attempt_id, item_id)
);
create index attempt_item_item on themaads.attempt_item (item_id);

-- One writer an account, over all uploads. The generation outlives no request sent under it.
create table themaads.account_lease (
  customer_id  bigint primary key,
  generation   bigint not null,
  upload       bigint not null,
  epoch        bigint not null,
  acquired_at  timestamptz not null,
  expires_at   timestamptz not null
);
"""


def upgrade() -> None:
    for part in (UPLOADS, ROWS, ITEMS, ATTEMPTS):
        op.execute(part)

"""What is waited for: items, uploads, operations of a day. What was learned of refusals; what was told of."""

from alembic import op

revision = "0003"
down_revision = "0002"

WAITING = """
-- Refused for a while: not sent again before then, whichever run it is. How often it was refused so.
alter table themaads.item add column not_before timestamptz;
alter table themaads.item add column refusals smallint not null default 0;
alter table themaads.item add column policy_types text[];  -- of each topic: PROHIBITED, LIMITED ...
-- No run is launched for it before then (the day's operations are used up).
alter table themaads.upload add column due_at timestamptz;
"""

OPERATIONS = """
-- Operations that were sent, by hour: Google counts those of a day, refused ones too.
create table themaads.operations (
  hour        timestamptz primary key,
  operations  bigint not null
);
-- The day's quota is gone, by Google's own words: one row, or none.
create table themaads.quota_gone (
  only_one    boolean primary key default true check (only_one),
  until       timestamptz not null,
  message     text not null
);
"""

LESSONS = """
-- What an account's policy refused: a text, or a domain. Ads that have it are not sent, until it expires.
create table themaads.lesson (
  lesson       bigint generated always as identity primary key,
  customer_id  bigint not null,
  kind         text not null check (kind in ('text', 'domain')),
  value        text not null,                             -- lower case
  topic        text not null,
  code         text not null,
  message      text not null,
  upload       bigint references themaads.upload on delete set null,
  learned_at   timestamptz not null default clock_timestamp(),
  expires_at   timestamptz not null,
  unique (customer_id, kind, value, topic)
);
-- What policy refused is asked for among millions of items that it did not.
create index item_policy on themaads.item (upload) where category = 'policy';
"""

ALERTS = """
-- What somebody was, or has to be, told of: one row an occasion and channel, however often it was tried.
create table themaads.alert (
  alert       bigint generated always as identity primary key,
  upload      bigint not null references themaads.upload on delete cascade,
  event       text not null,
  occasion    text not null,                              -- tells one finish, failure or wait from the next
  channel     text not null,                              -- slack-1: never its address
  created_at  timestamptz not null default clock_timestamp(),
  told_at     timestamptz,
  tries       integer not null default 0,
  error       text,
  unique (upload, event, occasion, channel)
);
create index alert_untold on themaads.alert (created_at) where told_at is null;
"""


def upgrade() -> None:
    for part in (WAITING, OPERATIONS, LESSONS, ALERTS):
        op.execute(part)

"""Questions and transitions whose cost does not follow the number of items in the ledger."""

from alembic import op

revision = "0004"
down_revision = "0003"

REJECTED = """
-- How many of its rows became no item: final once the upload is read, and not counted anew at each look.
alter table themaads.upload add column rejected bigint not null default 0;
update themaads.upload set rejected = counted.rows
from (select upload, count(*) as rows from themaads.rejected_row group by upload) as counted
where number = counted.upload;
"""

OPEN = """
-- One state after the other: who asks for the few that are applied does not go through all that are pending.
drop index themaads.item_open;
create index item_open on themaads.item (upload, customer_id, state, item_id)
  where state in ('pending', 'sending', 'applied');
-- The few that wait for their time, or were in flight when a worker died, among all that are pending.
create index item_held_back on themaads.item (upload, customer_id, not_before, deaths)
  where state = 'pending' and (not_before is not null or deaths > 0);
"""

FAILED = """
-- Failures are found by their reason among millions of items that did not fail; those of policy among them.
create index item_failed on themaads.item (upload, category, code) where state = 'failed';
drop index themaads.item_policy;

-- How many items of each account failed for which reason: kept as `item_count` is, and by the same triggers.
create table themaads.failure_count (
  upload       bigint not null references themaads.upload on delete cascade,
  customer_id  bigint not null,
  category     text not null,
  code         text not null,
  items        bigint not null,
  primary key (upload, customer_id, category, code)
) with (fillfactor = 50);
insert into themaads.failure_count (upload, customer_id, category, code, items)
select upload, customer_id, category, coalesce(code, ''), count(*) from themaads.item
where state = 'failed' group by 1, 2, 3, 4;

create or replace function themaads.count_inserted_items() returns trigger language plpgsql as $$
begin
  insert into themaads.item_count as c (upload, customer_id, state, items)
  select upload, customer_id, state, count(*) from inserted group by 1, 2, 3 order by 1, 2, 3
  on conflict (upload, customer_id, state) do update set items = c.items + excluded.items;
  insert into themaads.failure_count as c (upload, customer_id, category, code, items)
  select upload, customer_id, category, coalesce(code, ''), count(*) from inserted where state = 'failed'
  group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (upload, customer_id, category, code) do update set items = c.items + excluded.items;
  return null;
end $$;
create or replace function themaads.count_updated_items() returns trigger language plpgsql as $$
begin
  insert into themaads.item_count as c (upload, customer_id, state, items)
  select upload, customer_id, state, sum(change) from (
    select upload, customer_id, state, -1 as change from before
    union all
    select upload, customer_id, state, 1 from after
  ) as changes
  group by 1, 2, 3 having sum(change) <> 0 order by 1, 2, 3
  on conflict (upload, customer_id, state) do update set items = c.items + excluded.items;
  insert into themaads.failure_count as c (upload, customer_id, category, code, items)
  select upload, customer_id, category, code, sum(change) from (
    select upload, customer_id, category, coalesce(code, '') as code, -1 as change
    from before where state = 'failed'
    union all
    select upload, customer_id, category, coalesce(code, ''), 1
    from after where state = 'failed'
  ) as changes
  group by 1, 2, 3, 4 having sum(change) <> 0 order by 1, 2, 3, 4
  on conflict (upload, customer_id, category, code) do update set items = c.items + excluded.items;
  return null;
end $$;
"""

# A third of a claim's time in Postgres went into looking each of these up: the transaction that writes them
# has just written the attempt, and updates as many items, or is undone.
ATTEMPT_ITEMS = """
alter table themaads.attempt_item drop constraint attempt_item_item_id_fkey;
alter table themaads.attempt_item drop constraint attempt_item_attempt_id_fkey;
drop index themaads.attempt_item_item;  -- for deletions of items by the first of them, and nothing else
create function themaads.forget_attempt_items() returns trigger language plpgsql as $$
begin
  delete from themaads.attempt_item using gone where attempt_item.attempt_id = gone.attempt_id;
  return null;
end $$;
create trigger forget_attempt_items after delete on themaads.attempt
  referencing old table as gone for each statement execute function themaads.forget_attempt_items();
"""

PAGES = """
-- Every item is written four times (pending, sending, applied, done): each version finds room in the page of
-- the last, which is pruned when it comes by again.
alter table themaads.item set (fillfactor = 50);
"""


def upgrade() -> None:
    for part in (REJECTED, OPEN, FAILED, ATTEMPT_ITEMS, PAGES):
        op.execute(part)

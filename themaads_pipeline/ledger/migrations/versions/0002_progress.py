"""Progress account by account, the wish to stop, and what died with whom."""

from alembic import op

revision = "0002"
down_revision = "0001"

PROGRESS = """
-- What each account that is being worked on was last seen doing; those that wait for their turn have no row.
create table themaads.account_progress (
  upload         bigint not null references themaads.upload on delete cascade,
  customer_id    bigint not null,
  epoch          bigint not null,
  progress_at    timestamptz not null default clock_timestamp(),
  doing          text not null default '',
  waiting_until  timestamptz,                             -- a wait has an end; one without is a stall
  primary key (upload, customer_id)
);

-- Set before the worker is told: from then on it begins nothing, and settles what is in flight.
alter table themaads.ownership add column stop_asked_at timestamptz;
alter table themaads.ownership add column stop_asked_by text check (stop_asked_by in ('person', 'machine'));
create index ownership_run on themaads.ownership (run_id);
-- died: declared dead by who watches runs, with the reason; fenced: taken over by another run.
alter table themaads.ownership drop constraint ownership_ended_how_check;
alter table themaads.ownership add constraint ownership_ended_how_check
  check (ended_how in ('finished', 'interrupted', 'paused', 'failed', 'fenced', 'died'));

-- Until when the owner of each upload was seen alive: a wait counts until its end, and the slowest account
-- for all. Postgres away proves nothing, so its own start counts, too.
create view themaads.owner_progress as
select ownership.upload, ownership.epoch, ownership.run_id, ownership.stage, ownership.host, ownership.pid,
       ownership.ended_at is not null as stage_ended, ownership.stop_asked_at, ownership.stop_asked_by,
       slowest.customer_id, coalesce(slowest.doing, ownership.doing) as doing,
       case when slowest.customer_id is null then ownership.waiting_until else slowest.waiting_until end
         as waiting_until,
       greatest(
         pg_postmaster_start_time(),
         coalesce(
           ownership.ended_at, slowest.alive_at, greatest(ownership.progress_at, ownership.waiting_until))
       ) as alive_at
from themaads.ownership
left join lateral (
  select account.customer_id, account.doing, account.waiting_until,
         greatest(account.progress_at, account.waiting_until) as alive_at
  from themaads.account_progress as account
  where account.upload = ownership.upload and account.epoch = ownership.epoch
  order by alive_at limit 1
) as slowest on ownership.ended_at is null;
"""

DEATHS = """
-- Its worker died while it was in flight.
alter table themaads.attempt add column died boolean not null default false;
-- In how many such attempts the item was, without its ad having come to be: one of them may be the cause.
alter table themaads.item add column deaths smallint not null default 0;
-- When a person resumed it: deaths before that are forgiven.
alter table themaads.upload add column resumed_at timestamptz;
"""

STATUS_AT = """
alter table themaads.upload add column status_at timestamptz not null default clock_timestamp();
create function themaads.note_status_change() returns trigger language plpgsql as $$
begin
  new.status_at := clock_timestamp();
  return new;
end $$;
create trigger note_status_change before update of status on themaads.upload
  for each row when (old.status is distinct from new.status) execute function themaads.note_status_change();
"""


def upgrade() -> None:
    for part in (PROGRESS, DEATHS, STATUS_AT):
        op.execute(part)

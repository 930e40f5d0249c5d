"""Progress account by account, the wish to stop, and since when an upload is what it is."""

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

-- Until when the owner of each upload was seen alive: a wait counts until its end, and the slowest account
-- for all. Postgres away proves nothing, so its own start counts, too.
create view themaads.owner_progress as
select ownership.upload, ownership.epoch, ownership.run_id, ownership.stage, ownership.host, ownership.pid,
       ownership.ended_at is not null as stage_ended, ownership.stop_asked_at, ownership.stop_asked_by,
       slowest.customer_id, coalesce(slowest.doing, ownership.doing) as doing,
       greatest(
         pg_postmaster_start_time(),
         coalesce(
           ownership.ended_at, slowest.alive_at, greatest(ownership.progress_at, ownership.waiting_until))
       ) as alive_at
from themaads.ownership
left join lateral (
  select account.customer_id, account.doing, greatest(account.progress_at, account.waiting_until) as alive_at
  from themaads.account_progress as account
  where account.upload = ownership.upload and account.epoch = ownership.epoch
  order by 3 limit 1
) as slowest on ownership.ended_at is null;
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
    for part in (PROGRESS, STATUS_AT):
        op.execute(part)

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
-- One state after the other: whoever asks for the few that are applied does not go through all that are pending.
drop index themaads.item_open;
create index item_open on themaads.item (upload, customer_id, state, item_id)
  where state in ('pending', 'sending', 'applied');
-- The few that wait for their time, or were in flight when a worker died, among all that are pending.
create index item_held_back on themaads.item (upload, customer_id, not_before, deaths)
  where state = 'pending' and (not_before is not null or deaths > 0);
"""

FAILED = """
-- Failures by their reason, without a look at the items; those of policy among them.
create index item_failed on themaads.item (upload, category, code) where state = 'failed';
drop index themaads.item_policy;
"""


def upgrade() -> None:
    for part in (REJECTED, OPEN, FAILED):
        op.execute(part)

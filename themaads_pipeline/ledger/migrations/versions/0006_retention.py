"""Uploads of the past keep their counts, and give up their items."""

from alembic import op

revision = "0006"
down_revision = "0005"

PRUNED = """
-- When a person began to prune it: its items, rows and attempts go; the upload and its counts stay.
alter table themaads.upload add column pruned_at timestamptz;
"""


def upgrade() -> None:
    op.execute(PRUNED)

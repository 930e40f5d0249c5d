"""A million rows of a file belong to one upload: that is looked up once a statement, and not once a row."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Half of Postgres's work for a large file was asking, row by row, whether the upload is there.
REFERENCES = """
alter table themaads.source_row drop constraint source_row_upload_fkey;
alter table themaads.item drop constraint item_upload_fkey;

-- What the foreign keys did: the upload is there, and stays until we are done. Its number never changes.
create function themaads.belong_to_an_upload() returns trigger language plpgsql as $$
declare
  stray bigint;
begin
  perform from themaads.upload where number in (select upload from inserted) for key share;
  select upload into stray from inserted
  where upload not in (select number from themaads.upload) limit 1;
  if found then
    raise foreign_key_violation using message = format('%s: there is no upload %s', tg_table_name, stray);
  end if;
  return null;
end $$;
create trigger belongs_to_an_upload after insert on themaads.source_row
  referencing new table as inserted for each statement execute function themaads.belong_to_an_upload();
create trigger belongs_to_an_upload after insert on themaads.item
  referencing new table as inserted for each statement execute function themaads.belong_to_an_upload();

create function themaads.go_with_the_upload() returns trigger language plpgsql as $$
begin
  delete from themaads.source_row where upload in (select number from gone);
  delete from themaads.item where upload in (select number from gone);
  return null;
end $$;
create trigger rows_and_items_go_with_it after delete on themaads.upload
  referencing old table as gone for each statement execute function themaads.go_with_the_upload();
"""


def upgrade() -> None:
    op.execute(REFERENCES)

-- The whole state machine in one place. Every write below a guard happens only while its epoch is the upload's.
-- Suffixes of the names are aiosql's: ^ one row or none, $ one value, ! how many rows, none: all rows.
--
-- A batch's items change by their ids. Upload, state and attempt are looked at within `coalesce`, of which the planner
-- believes that half of all rows pass. Its statistics, if there are any, are older than the states: where it believes
-- that hardly an item is `applied`, it looks for those first, and goes through the batch once for each one it finds.

-- name: now$
-- The clock that everything is measured by.
select clock_timestamp();

-- name: has_schema$
select to_regclass('themaads.schema_version') is not null;

-- name: schema_version$
select version_num from themaads.schema_version;

-- name: guard^
-- True while `epoch` owns the upload. The share lock holds a take-over back until this transaction ends.
select true as owned from themaads.upload where number = :upload and epoch = :epoch for share;


-- ---------------------------------------------------------------- uploads

-- name: register_upload^
-- A new upload, or the one that has this key already (then `is_new` is false).
with inserted as (
  insert into themaads.upload (key, file_path, file_name, content_sha256, edition, item_limit)
  values (:key, :file_path, :file_name, :content_sha256, :edition, :item_limit)
  on conflict (key) do nothing
  returning *
)
select inserted.*, true as is_new from inserted
union all
select upload.*, false as is_new from themaads.upload where key = :key and not exists (select from inserted);

-- name: relocate_upload!
-- What was read needs no file any more.
update themaads.upload set file_path = :file_path, file_name = :file_name where number = :number and read_at is null;

-- name: remember_file!
insert into themaads.upload_file (path, size, mtime_ns, upload) values (:path, :size, :mtime_ns, :upload)
on conflict (path) do update set size = excluded.size, mtime_ns = excluded.mtime_ns, upload = excluded.upload;

-- name: remembered_files
select path, size, mtime_ns, upload from themaads.upload_file where path = any(:paths);

-- name: upload_by_key^
select * from themaads.upload where key = :key;

-- name: upload_by_number^
select * from themaads.upload where number = :number;

-- name: uploads_with_status
select * from themaads.upload where status = any(:statuses) order by number;

-- name: set_status!
-- By a person, or for an upload that no run owns: not guarded by an epoch, but by the status it had.
update themaads.upload set status = :status, message = :message
where number = :number and status = any(:was);

-- name: resume_upload!
-- By a person: waiting again, and the limit of a trial is lifted with it. The new epoch fences a run that is
-- still ending, whose last word would be "paused", and makes the sensor's next request a new one.
update themaads.upload
set status = 'waiting', message = '', item_limit = null, due_at = null, epoch = epoch + 1, resumed_at = clock_timestamp()
where number = :number and status = any(:was);

-- name: current_ownership^
-- Who owns the upload now: `upload.epoch` names the row. No run: nobody ever did, or a person took it back.
select upload.epoch as seen_epoch, owner.run_id, owner.stage_ended,
       extract(epoch from clock_timestamp() - owner.alive_at)::float8 as age_s
from themaads.upload
left join themaads.owner_progress as owner on owner.upload = upload.number and owner.epoch = upload.epoch
where upload.number = :upload;

-- name: was_fenced^
select true as fenced from themaads.ownership
where upload = :upload and run_id = :run_id and ended_how in ('fenced', 'died') limit 1;

-- name: end_sessions
-- Ends the sessions of an owner that is gone: one that hangs in mid-transaction would hold its locks, the upload's
-- among them, for as long as it hangs. Never our own process's.
select pg_terminate_backend(session.pid) as ended
from themaads.ownership
join pg_stat_activity as session
  on session.application_name = 'themaads ' || ownership.pid || '@' || left(ownership.host, 40)
where ownership.upload = :upload and ownership.epoch = :epoch and ownership.ended_at is null
  and session.application_name <> :own and session.datname = current_database();

-- name: next_epoch$
-- The take-over itself: only one of two that saw the same epoch gets the next. Who only looks changes no more: a report
-- that dies must not undo a pause.
update themaads.upload
set epoch = epoch + 1,
    status = case when :looks_only or status = 'finished' then status else 'running' end,
    message = case when :looks_only then message else '' end,
    due_at = case when :looks_only then due_at end
where number = :upload and epoch = :seen_epoch
returning epoch;

-- name: fence_previous!
update themaads.ownership
set ended_at = clock_timestamp(), ended_how = 'fenced', ended_why = :why
where upload = :upload and epoch < :epoch and ended_at is null;

-- name: bury_attempts!
-- What an owner that is gone left open: it died with these in flight.
update themaads.attempt set died = true
where upload = :upload and epoch < :epoch and state = 'open' and not died;

-- name: recent_runs
-- The last runs of an upload, the newest first, since a person last resumed it. A run that progressed read the
-- file, or left more items final than it found; one that died never said how it ended.
with run as (
  select run_id, min(epoch) as first_epoch, max(epoch) as last_epoch, min(started_at) as started_at,
         min(final_at_start) as final_at_start, max(coalesce(ended_at, progress_at)) as ended_at
  from themaads.ownership where upload = :upload group by run_id
)
select run.run_id, run.started_at, run.ended_at, last.ended_how, last.ended_why,
       (last.ended_how is null or last.ended_how in ('fenced', 'died')) as died,
       coalesce(lead(run.final_at_start) over (order by run.first_epoch), counts.final) > run.final_at_start
         or coalesce(upload.read_at between run.started_at and run.ended_at, false) as progressed
from run
join themaads.ownership as last on last.upload = :upload and last.epoch = run.last_epoch
join themaads.upload on upload.number = :upload
cross join lateral (
  select coalesce(sum(items), 0) as final from themaads.item_count
  where item_count.upload = :upload and state in ('done', 'skipped', 'failed')
) as counts
where upload.resumed_at is null or run.started_at > upload.resumed_at
order by run.first_epoch desc limit 20;

-- name: begin_ownership!
insert into themaads.ownership (upload, epoch, run_id, stage, host, pid, final_at_start)
select :upload, :epoch, :run_id, :stage, :host, :pid, coalesce(sum(items), 0)
from themaads.item_count where upload = :upload and state in ('done', 'skipped', 'failed');

-- name: end_ownership!
-- A push that is told to end says so at once; that it was a person who told it may be known only after.
update themaads.ownership
set ended_at = clock_timestamp(), ended_how = :how, ended_why = :why, doing = '', waiting_until = null
where upload = :upload and epoch = :epoch
  and (ended_at is null or (ended_how = 'interrupted' and :how = 'paused'));

-- name: end_status!
-- A pause outlives the interruption that it causes.
update themaads.upload
set status = case when upload.status = 'paused' and :status = 'interrupted' then 'paused' else :status end,
    message = case when upload.status = 'paused' and :status = 'interrupted' then upload.message else :message end,
    due_at = clock_timestamp() + make_interval(secs => :due_s),
    finished_at = case when :status = 'finished' then coalesce(finished_at, clock_timestamp()) end
where number = :upload and epoch = :epoch;

-- name: beat!
-- Progress, or a wait that has an end. A run that does not own the upload any more writes nothing.
update themaads.ownership
set progress_at = clock_timestamp(), doing = :doing,
    waiting_until = case when :waits_s > 0 then clock_timestamp() + make_interval(secs => :waits_s) end
from themaads.upload
where ownership.upload = :upload and ownership.epoch = :epoch and ownership.ended_at is null
  and upload.number = ownership.upload and upload.epoch = ownership.epoch;

-- name: beat_accounts!
-- What the accounts that are worked on do. A row of an earlier epoch is taken over; a fenced run writes nothing.
insert into themaads.account_progress as kept (upload, customer_id, epoch, doing, waiting_until)
select upload.number, told.customer_id, upload.epoch, told.doing,
       case when told.waits_s > 0 then clock_timestamp() + make_interval(secs => told.waits_s) end
from themaads.upload
cross join unnest(:customer_ids::bigint[], :doings::text[], :waits_s::float8[])
     as told (customer_id, doing, waits_s)
where upload.number = :upload and upload.epoch = :epoch
on conflict (upload, customer_id) do update
set epoch = excluded.epoch, doing = excluded.doing, waiting_until = excluded.waiting_until,
    progress_at = case when kept.epoch < excluded.epoch or excluded.customer_id = any(:progressed_ids::bigint[])
                       then excluded.progress_at else kept.progress_at end;

-- name: rest_accounts!
delete from themaads.account_progress
where upload = :upload and epoch <= :epoch and customer_id = any(:customer_ids);

-- name: progress_of_run^
-- How the run that owns an upload gets on; no row for a run that owns none, or does not any more.
select upload.number as upload, upload.key, owner.epoch, owner.stage, owner.customer_id, owner.doing,
       greatest(extract(epoch from clock_timestamp() - owner.alive_at), 0)::float8 as age_s,
       coalesce(counts.final, 0)::bigint as final, coalesce(counts.total, 0)::bigint as total
from themaads.owner_progress as owner
join themaads.upload on upload.number = owner.upload and upload.epoch = owner.epoch
left join lateral (
  select sum(items) as total, sum(items) filter (where state in ('done', 'skipped', 'failed')) as final
  from themaads.item_count where item_count.upload = owner.upload
) as counts on true
where owner.run_id = :run_id
order by owner.epoch desc limit 1;

-- name: ask_to_stop$
-- From now on the run claims nothing; what it has in flight it may settle.
update themaads.ownership set stop_asked_at = clock_timestamp(), stop_asked_by = :by
from themaads.upload
where ownership.run_id = :run_id and ownership.upload = upload.number and ownership.epoch = upload.epoch
  and ownership.ended_at is null
returning ownership.upload;

-- name: held_by^
-- Which upload a run owns now.
select ownership.upload, ownership.epoch from themaads.ownership
join themaads.upload on upload.number = ownership.upload and upload.epoch = ownership.epoch
where ownership.run_id = :run_id and ownership.ended_at is null;

-- name: bury$
-- Its worker is dead: running -> interrupted, with the reason. The new epoch shuts it out should it wake up.
with dead as (
  update themaads.ownership
  set ended_at = clock_timestamp(), ended_how = 'died', ended_why = :why, doing = '', waiting_until = null
  from themaads.upload
  where ownership.run_id = :run_id and ownership.upload = upload.number and ownership.epoch = upload.epoch
    and ownership.ended_at is null
  returning ownership.upload
)
update themaads.upload
set epoch = epoch + 1,
    status = case when status = 'running' then 'interrupted' else status end,
    message = case when status = 'running' then :why else message end
from dead where upload.number = dead.upload returning number;

-- name: why_dead$
-- Why a run was declared dead; nothing for one that was not.
select ended_why from themaads.ownership where run_id = :run_id and ended_how = 'died' order by epoch desc limit 1;

-- name: stop_asked_by$
select stop_asked_by from themaads.ownership where upload = :upload and epoch = :epoch;

-- name: progress_of
-- One row an upload: what `status --json` tells. The rate is that of the last push, going on or over. The counts of
-- all uploads are gone through once, and not once an upload.
with chosen as (
  select * from themaads.upload where (:number)::bigint is null or number = :number
), counts as (
  select item_count.upload,
         sum(items) as total,
         sum(items) filter (where state = 'pending') as pending,
         sum(items) filter (where state = 'sending') as sending,
         sum(items) filter (where state = 'applied') as applied,
         sum(items) filter (where state = 'done') as done,
         sum(items) filter (where state = 'skipped') as skipped,
         sum(items) filter (where state = 'failed') as failed
  from themaads.item_count where item_count.upload = any (array(select number from chosen)) group by item_count.upload
)
select upload.number, upload.key, upload.status, upload.message, upload.file_name, upload.epoch, upload.read_at,
       ownership.run_id, ownership.stage, owner.doing, case when not owner.stage_ended then owner.waiting_until end as waiting_until,
       case when not owner.stage_ended
            then greatest(extract(epoch from clock_timestamp() - owner.alive_at), 0)::float8 end as progress_age_s,
       extract(epoch from coalesce(push.ended_at, clock_timestamp()) - push.started_at)::float8 as push_s,
       push.final_at_start,
       coalesce(counts.total, 0)::bigint as total, coalesce(counts.pending, 0)::bigint as pending,
       coalesce(counts.sending, 0)::bigint as sending, coalesce(counts.applied, 0)::bigint as applied,
       coalesce(counts.done, 0)::bigint as done, coalesce(counts.skipped, 0)::bigint as skipped,
       coalesce(counts.failed, 0)::bigint as failed, upload.rejected
from chosen as upload
left join themaads.ownership on ownership.upload = upload.number and ownership.epoch = upload.epoch
left join themaads.owner_progress as owner on owner.upload = upload.number and owner.epoch = upload.epoch
left join lateral (
  select * from themaads.ownership as pushing
  where pushing.upload = upload.number and pushing.stage = 'pushing' order by pushing.epoch desc limit 1
) as push on true
left join counts on counts.upload = upload.number
order by upload.number;


-- ---------------------------------------------------------------- rows and items

-- name: owned_unread^
-- Whether the upload is still ours, and still to be read. Locks nothing: a million rows take a minute to write, and
-- nobody who pauses the upload or takes it over should wait for that.
select epoch = :epoch as is_owned, read_at is null as is_unread from themaads.upload where number = :upload;

-- name: copy_source_rows!
copy themaads.source_row (upload, line, customer_id, ad_group_id, edition) from stdin (format csv, encoding 'UTF8');

-- name: copy_items!
-- Those that no earlier row of the file selects. The names are the file's, until the account says better.
copy themaads.item (upload, customer_id, ad_group_id, edition, ad_group_name, campaign_id, campaign_name) from stdin
  (format csv, encoding 'UTF8');

-- name: copy_rejected_rows!
copy themaads.rejected_row (upload, line, reason, message, raw) from stdin;

-- name: mark_read!
-- The guard of all that was written before it in the same transaction.
update themaads.upload
set read_at = clock_timestamp(),
    rejected = (select count(*) from themaads.rejected_row where rejected_row.upload = :upload)
where number = :upload and epoch = :epoch and read_at is null;

-- name: accounts_with_open_items
-- The accounts that have work left, the longest first: it decides when the upload ends.
select customer_id, sum(items)::bigint as items from themaads.item_count
where upload = :upload and state in ('pending', 'sending', 'applied') and items > 0
group by customer_id order by 2 desc, 1;

-- name: open_items
-- One account's items in one state that is not final, in file order, after `after`; of so many deaths where that is
-- given. Those that were refused for a while come when their time has come. Written so that `item_open` alone has
-- them in this order: along the ids, the planner may look for them among all items of the ledger.
select item_id, ad_group_id, edition, attempts, refusals, deaths, new_ad_id, copied_ad_id
from themaads.item
where upload = :upload and customer_id = :customer_id
  and (state, item_id) > (:state, :after) and state <= :state and state in ('pending', 'sending', 'applied')
  and ((:deaths)::smallint is null or deaths = :deaths)
  and (not_before is null or not_before <= clock_timestamp())
order by state, item_id limit :limit;

-- name: next_due^
-- When the first of the account's pending items may be sent, and how many of them wait for their time.
select least(min(not_before),
             case when exists (select from themaads.item where upload = :upload and customer_id = :customer_id
                               and state = 'pending' and not_before is null) then clock_timestamp() end) as due_at,
       count(*) filter (where not_before > clock_timestamp())::bigint as waiting
from themaads.item
where upload = :upload and customer_id = :customer_id and state = 'pending' and not_before is not null;

-- name: deaths_of_pending
-- How often the account's pending items were in flight when a worker died: each number once, the fewest first.
select 0::smallint as deaths
where exists (select from themaads.item where upload = :upload and customer_id = :customer_id and state = 'pending'
              and deaths = 0 and (not_before is null or not_before <= clock_timestamp()))
union
select deaths from themaads.item
where upload = :upload and customer_id = :customer_id and state = 'pending' and deaths > 0
  and (not_before is null or not_before <= clock_timestamp())
order by deaths;

-- name: known_ads
-- Ads that the ledger made for these ad groups, whichever upload asked for them.
select ad_group_id, edition, new_ad_id from themaads.item
where customer_id = :customer_id and ad_group_id = any((:ad_group_ids)::bigint[]) and new_ad_id is not null;

-- name: ad_groups_in_doubt
-- Ad groups of the account that a request may still be changing, whichever upload sent it.
select distinct ad_group_id, attempt.deadline_at from themaads.item join themaads.attempt using (attempt_id)
where item.customer_id = :customer_id and item.state = 'sending' and item.ad_group_id = any((:ad_group_ids)::bigint[]);

-- name: finish_planned!
-- pending -> skipped | failed, by a plan that needs no request.
update themaads.item
set state = planned.state, category = planned.category, code = planned.code, message = planned.message,
    policy_topics = planned.policy_topics, policy_types = planned.policy_types, trigger = planned.trigger,
    new_ad_id = coalesce(planned.ad_id, item.new_ad_id), edition_label_id = coalesce(planned.label_id, edition_label_id),
    ad_group_name = coalesce(planned.ad_group_name, item.ad_group_name),
    campaign_id = coalesce(planned.campaign_id, item.campaign_id),
    campaign_name = coalesce(planned.campaign_name, item.campaign_name),
    settled_at = clock_timestamp()
from json_to_recordset((:planned)::json)
  as planned (item_id bigint, state text, category text, code text, message text, policy_topics text[],
              policy_types text[], trigger text, ad_id bigint, label_id bigint, ad_group_name text,
              campaign_id bigint, campaign_name text)
where item.item_id = planned.item_id and coalesce(item.upload = :upload and item.state = 'pending', false);

-- name: fail_account!
-- Everything of one account that no request may still be changing: pending, applied -> failed.
update themaads.item
set state = 'failed', category = 'account', code = :code, message = :message, settled_at = clock_timestamp()
where upload = :upload and customer_id = :customer_id and state in ('pending', 'applied');

-- name: has_items^
-- Whether an upload was not pruned. Until this transaction ends, nobody prunes it.
select pruned_at is null as has_items from themaads.upload where number = :upload for share;

-- name: retry_items!
-- By a person only: failed | skipped -> pending. The attempts are kept, the deaths forgiven.
update themaads.item
set state = 'pending', deaths = 0, refusals = 0, not_before = null, category = null, code = null, message = null,
    policy_topics = null, policy_types = null, trigger = null, settled_at = null
where upload = :upload and state = any(:states)
  and ((:category)::text is null or category = :category)
  and ((:code)::text is null or code = :code)
  and ((:customer_id)::bigint is null or customer_id = :customer_id)
  and not (state = 'failed' and new_ad_id is not null);

-- name: retry_labels!
-- failed after its ad was made -> applied: only its labels are missing.
update themaads.item
set state = 'applied', category = null, code = null, message = null, settled_at = null
where upload = :upload and state = 'failed' and 'failed' = any(:states) and new_ad_id is not null
  and ((:category)::text is null or category = :category)
  and ((:code)::text is null or code = :code)
  and ((:customer_id)::bigint is null or customer_id = :customer_id);


-- ---------------------------------------------------------------- account leases

-- name: take_lease^
-- The account's one writer: a free or expired lease, or our own; each taking is a new generation.
insert into themaads.account_lease as held (customer_id, generation, upload, epoch, acquired_at, expires_at)
values (:customer_id, 1, :upload, :epoch, clock_timestamp(), clock_timestamp() + make_interval(secs => :seconds))
on conflict (customer_id) do update
set generation = held.generation + 1, upload = excluded.upload, epoch = excluded.epoch,
    acquired_at = clock_timestamp(), expires_at = excluded.expires_at
where held.expires_at <= clock_timestamp() or (held.upload = excluded.upload and held.epoch = excluded.epoch)
returning generation, acquired_at, expires_at;

-- name: lease_of^
select upload, epoch, generation, expires_at, greatest(extract(epoch from expires_at - clock_timestamp()), 0)::float8 as wait_s
from themaads.account_lease where customer_id = :customer_id;

-- name: renew_lease!
-- While we still hold it, and still own the upload; never shorter than it was.
update themaads.account_lease
set expires_at = greatest(expires_at, clock_timestamp() + make_interval(secs => :seconds))
where customer_id = :customer_id and generation = :generation and expires_at > clock_timestamp()
  and exists (select from themaads.upload
              where upload.number = account_lease.upload and upload.epoch = account_lease.epoch);

-- name: cover_request!
-- The lease outlives the request that is about to leave; its snapshot was read under it, and not too long ago.
update themaads.account_lease
set expires_at = greatest(expires_at, clock_timestamp() + make_interval(secs => :seconds))
where customer_id = :customer_id and generation = :generation and upload = :upload and epoch = :epoch
  and expires_at > clock_timestamp();

-- name: shrink_lease!
-- Nothing is in flight any more: a dead worker must not keep the account. In doubt keeps it until its deadline.
update themaads.account_lease
set expires_at = greatest(
  clock_timestamp() + make_interval(secs => :seconds),
  (select max(deadline_at) from themaads.attempt
   where attempt.customer_id = account_lease.customer_id and state <> 'settled'))
where customer_id = :customer_id and generation = :generation;


-- ---------------------------------------------------------------- attempts

-- name: begin_attempt^
-- Written before the request leaves. `remaining_s` is what its timeout may be, at this moment. No row: the run
-- was asked to stop.
insert into themaads.attempt (upload, epoch, customer_id, kind, operations, deadline_at)
select :upload, :epoch, :customer_id, :kind, :operations, clock_timestamp() + make_interval(secs => :deadline_s)
where not exists (
  select from themaads.ownership where upload = :upload and epoch = :epoch and stop_asked_at is not null)
returning attempt_id, deadline_at;

-- name: snapshot_is_fresh^
select true as fresh from themaads.account_lease
where customer_id = :customer_id and generation = :generation and acquired_at <= :read_at
  and clock_timestamp() - :read_at::timestamptz <= make_interval(secs => :seconds);

-- name: start_sending!
-- pending -> sending, with what a look-up needs to know, should the answer be lost.
with planned as materialized (
  select * from json_to_recordset((:planned)::json)
    as given (item_id bigint, fingerprint text, seen_ad_ids bigint[], copied_ad_id bigint, copied_ad_status text,
              ad_group_name text, campaign_id bigint, campaign_name text)
), noted as (
  insert into themaads.attempt_item (attempt_id, item_id, fingerprint, seen_ad_ids)
  select :attempt_id, item_id, fingerprint, seen_ad_ids from planned
)
update themaads.item
set state = 'sending', attempt_id = :attempt_id, attempts = attempts + 1,
    copied_ad_id = planned.copied_ad_id, copied_ad_status = planned.copied_ad_status,
    ad_group_name = planned.ad_group_name, campaign_id = planned.campaign_id, campaign_name = planned.campaign_name
from planned
where item.item_id = planned.item_id and coalesce(item.upload = :upload and item.state = 'pending', false);

-- name: withdraw!
-- sending -> pending: written down in a transaction whose commit was not answered, and never sent.
with unsent as (
  update themaads.attempt
  set state = 'settled', settled_at = clock_timestamp(), error = 'never sent: the ledger was out of reach'
  where upload = :upload and epoch = :epoch and customer_id = :customer_id and kind = 'ads' and state = 'open'
  returning attempt_id
)
update themaads.item set state = 'pending'
from unsent where item.attempt_id = unsent.attempt_id and item.state = 'sending';

-- name: settle_attempt!
update themaads.attempt
set state = 'settled', settled_at = clock_timestamp(), request_id = :request_id, error = :error
where attempt_id = :attempt_id and state <> 'settled';

-- name: doubt_attempt!
update themaads.attempt set state = 'in_doubt', error = :error where attempt_id = :attempt_id and state = 'open';

-- name: settle_sending!
-- sending -> applied | failed | pending, each item by the outcome of its own operation.
update themaads.item
set state = sent.state, new_ad_id = sent.new_ad_id, category = refused.category, code = refused.code,
    message = refused.message, policy_topics = refused.policy_topics, policy_types = refused.policy_types,
    trigger = refused.trigger,
    not_before = clock_timestamp() + make_interval(secs => sent.again_s),
    refusals = item.refusals + (sent.again_s is not null)::int,
    settled_at = case when sent.state = 'failed' then clock_timestamp() end
from json_to_recordset((:sent)::json) as sent (item_id bigint, state text, new_ad_id bigint, again_s float8)
left join json_to_recordset((:refused)::json)
  as refused (item_id bigint, category text, code text, message text, policy_topics text[], policy_types text[],
              trigger text)
  using (item_id)
where item.item_id = sent.item_id and coalesce(item.attempt_id = :attempt_id and item.state = 'sending', false);

-- name: settle_labels!
-- applied -> done | failed; the ad's name is kept whatever happens.
update themaads.item
set state = labelled.state, category = refused.category, code = refused.code, message = refused.message,
    edition_label_id = coalesce(labelled.edition_label_id, item.edition_label_id),
    original_label_id = coalesce(labelled.original_label_id, item.original_label_id),
    done_label_id = coalesce(labelled.done_label_id, item.done_label_id),
    settled_at = clock_timestamp()
from json_to_recordset((:labelled)::json)
  as labelled (item_id bigint, state text, edition_label_id bigint, original_label_id bigint, done_label_id bigint)
left join json_to_recordset((:refused)::json) as refused (item_id bigint, category text, code text, message text)
  using (item_id)
where item.item_id = labelled.item_id and coalesce(item.upload = :upload and item.state = 'applied', false);

-- name: items_in_doubt
-- Sent, and the answer never recorded: marked so, or left open by an owner that is gone, or of another upload
-- whose request cannot be under way any more, as this account's lease is ours.
select item.item_id, item.upload, item.customer_id, item.ad_group_id, item.edition,
       attempt.attempt_id, attempt.deadline_at, attempt_item.fingerprint, attempt_item.seen_ad_ids,
       attempt_item.first_absent_at,
       clock_timestamp() > attempt.deadline_at + make_interval(secs => :margin_s) as past_margin,
       coalesce(clock_timestamp() > attempt_item.first_absent_at + make_interval(secs => :second_read_s), false)
         as second_read_due
from themaads.attempt
join themaads.attempt_item using (attempt_id)
join themaads.item on item.item_id = attempt_item.item_id and item.attempt_id = attempt.attempt_id
join themaads.upload on upload.number = item.upload
where attempt.customer_id = :customer_id and attempt.kind = 'ads' and attempt.state <> 'settled'
  and item.state = 'sending'
  and ((attempt.upload = :upload and (attempt.epoch < :epoch or attempt.state = 'in_doubt'))
       or (attempt.upload <> :upload and attempt.deadline_at < clock_timestamp()))
order by item.item_id;

-- name: adopt_items!
-- sending -> applied: a new ad with our identity is there. Found is proof at once.
update themaads.item set state = 'applied', new_ad_id = found.new_ad_id
from unnest(:item_ids::bigint[], :attempt_ids::bigint[], :new_ad_ids::bigint[]) as found (item_id, attempt_id, new_ad_id)
where item.item_id = found.item_id
  and coalesce(item.attempt_id = found.attempt_id and item.state = 'sending', false);

-- name: note_absent!
-- The first of two reads after deadline and margin.
update themaads.attempt_item set first_absent_at = :read_at
from unnest(:item_ids::bigint[], :attempt_ids::bigint[]) as absent (item_id, attempt_id)
where attempt_item.item_id = absent.item_id and attempt_item.attempt_id = absent.attempt_id
  and attempt_item.first_absent_at is null;

-- name: give_back_absent!
-- sending -> pending: proven absent in two reads.
update themaads.item set state = 'pending', deaths = item.deaths + attempt.died::int
from unnest(:item_ids::bigint[], :attempt_ids::bigint[]) as absent (item_id, attempt_id)
join themaads.attempt using (attempt_id)
where item.item_id = absent.item_id
  and coalesce(item.attempt_id = absent.attempt_id and item.state = 'sending', false);

-- name: fail_unreadable!
-- sending -> failed: in doubt, long past its deadline, in an account that cannot be read any more.
update themaads.item
set state = 'failed', category = 'account', code = :code, message = :message, settled_at = clock_timestamp()
from themaads.attempt
where item.upload = :upload and item.customer_id = :customer_id and item.state = 'sending'
  and attempt.attempt_id = item.attempt_id
  and attempt.deadline_at + make_interval(secs => :margin_s) < clock_timestamp();

-- name: close_attempts!
-- An attempt none of whose items is still in doubt is settled: all found means that it was committed, and is over.
update themaads.attempt set state = 'settled', settled_at = clock_timestamp()
where customer_id = :customer_id and state <> 'settled' and (kind = 'ads' or deadline_at < clock_timestamp())
  and not exists (select from themaads.item where item.attempt_id = attempt.attempt_id and item.state = 'sending');


-- ---------------------------------------------------------------- outcomes

-- name: read_whole_tables!
-- Right after COPY the planner has no statistics, and would walk through all lines once an item.
set local enable_nestloop = off;

-- name: outcomes
-- Every item with its lines, in file order; or some of them. An edition is a theme's name and its year: either will do.
select item.*, selecting.lines
from themaads.item
left join (
  select customer_id, ad_group_id, edition, array_agg(line order by line) as lines
  from themaads.source_row where upload = :upload group by customer_id, ad_group_id, edition
) as selecting using (customer_id, ad_group_id, edition)
where item.upload = :upload
  and ((:state)::text is null or item.state = :state) and ((:category)::text is null or category = :category)
  and ((:code)::text is null or code = :code) and ((:customer_id)::bigint is null or customer_id = :customer_id)
  and ((:edition)::text is null or edition = :edition or left(edition, -5) = :edition)
order by item.item_id;

-- name: first_outcomes
-- The first of them, without their lines: those of a million are some seconds' work.
select item.* from themaads.item
where item.upload = :upload
  and ((:state)::text is null or item.state = :state) and ((:category)::text is null or category = :category)
  and ((:code)::text is null or code = :code) and ((:customer_id)::bigint is null or customer_id = :customer_id)
  and ((:edition)::text is null or edition = :edition or left(edition, -5) = :edition)
order by item.item_id limit :limit;

-- name: rejected_rows
select line, reason, message, raw from themaads.rejected_row where upload = :upload order by line limit :limit;

-- name: rejected_by_reason
select reason, count(*)::bigint as rows from themaads.rejected_row where upload = :upload group by 1 order by 2 desc, 1;

-- name: counts_by_reason
select state, coalesce(category, '') as category, coalesce(code, '') as code, count(*)::bigint as items,
       min(message) as example
from themaads.item
where item.upload = :upload
  and ((:state)::text is null or item.state = :state) and ((:category)::text is null or category = :category)
  and ((:code)::text is null or code = :code) and ((:customer_id)::bigint is null or customer_id = :customer_id)
  and ((:edition)::text is null or edition = :edition or left(edition, -5) = :edition)
group by 1, 2, 3 order by 4 desc, 1, 2, 3;

-- name: failures_by_reason
-- What failed, by reason, most first, without a look at the items. The example is any one of them.
select failed.*, (select message from themaads.item
                  where item.upload = :upload and item.state = 'failed' and item.category = failed.category
                    and item.code = failed.code limit 1) as example
from (
  select category, code, sum(items)::bigint as items from themaads.failure_count
  where upload = :upload and items > 0 group by category, code
) as failed
order by items desc, category, code;

-- name: counts_by_account
select customer_id, state, items from themaads.item_count where upload = :upload and items > 0 order by 1, 2;

-- name: policy_patterns
-- What policy refused, of one upload or of all: by topic, its type, and what Google named, which belongs to the
-- first topic: a text, in whatever case, or the site of a URL. Along `item_failed`: it costs as much as there are
-- refusals, so what is done to each is cheap: a site is cut out without a regular expression (a third of the time),
-- topics are unnested without a join (a fifth), texts are compared byte by byte.
with refused as materialized (
  select item_id, upload, customer_id, trigger,
         unnest(coalesce(nullif(policy_topics, '{}'), array[code])) collate "C" as topic,
         unnest(coalesce(nullif(policy_types, '{}'), array[''])) collate "C" as type,
         generate_subscripts(coalesce(nullif(policy_topics, '{}'), array[code]), 1) as place
  from themaads.item
  where state = 'failed' and category = 'policy'
    and upload = any(array(select number from themaads.upload where (:upload)::bigint is null or number = :upload))
), named as (
  select item_id, upload, customer_id, topic, coalesce(type, '') as type,
         case when place > 1 then ''
              when lower(split_part(trigger, '/', 1)) in ('http:', 'https:') and split_part(trigger, '/', 2) = ''
              then split_part(trigger, '/', 1) || '//'
                   || split_part(split_part(split_part(trigger, '/', 3), '?', 1), '#', 1)
              else coalesce(trigger, '') end collate "C" as trigger
  from refused
), pattern as (
  select topic, type, lower(trigger) as cause, min(trigger) as trigger, count(*) as items,
         count(distinct customer_id) as accounts, count(distinct upload) as uploads,
         trim_array(array_agg(item_id order by item_id), greatest(count(*)::int - 3, 0)) as first
  from named group by topic, type, cause order by items desc, topic, type, cause limit 1000
)
select topic, type, trigger, items, accounts, uploads,
       (select coalesce(sum(items), 0) from themaads.item_count
        join themaads.upload as whole on whole.number = item_count.upload and whole.pruned_at is null
        where (:upload)::bigint is null or item_count.upload = :upload)::bigint as of_items,
       (select json_agg(json_build_object('customer_id', customer_id, 'ad_group_id', ad_group_id,
                                          'name', coalesce(ad_group_name, '')) order by item_id)
        from themaads.item where item_id = any(first)) as examples
from pattern order by pattern.items desc, topic, type, cause;

-- name: made_ads
-- What the last check looks for in the accounts.
select customer_id, ad_group_id, new_ad_id, edition from themaads.item
where upload = :upload and state in ('applied', 'done') order by customer_id, item_id;

-- name: made_ads_of
-- The same of one account, some at a time, behind an ad group and edition: along an index, so that no part takes
-- longer than another.
select customer_id, ad_group_id, new_ad_id, edition from themaads.item
where upload = :upload and customer_id = :customer_id and (ad_group_id, edition) > (:ad_group_id, :edition)
  and state in ('applied', 'done')
order by ad_group_id, edition limit :limit;


-- ---------------------------------------------------------------- operations of a day

-- name: one_at_a_time!
-- Until this transaction ends: two who look at the same budget must not both take its last operations.
select pg_advisory_xact_lock(7260145);

-- name: count_operations^
-- Operations that are about to be sent, unless the day's quota is gone or the budget would be exceeded. A day is the
-- last 24 hours. `free_at`: when the oldest hour no longer counts.
with gone as (
  select until, message from themaads.quota_gone where until > clock_timestamp()
), used as (
  select coalesce(sum(operations), 0)::bigint as operations, min(hour) as since
  from themaads.operations where hour > clock_timestamp() - interval '24 hours'
), counted as (
  insert into themaads.operations as counted (hour, operations)
  select date_trunc('hour', clock_timestamp()), :operations from used
  where not exists (select from gone)
    and ((:budget)::bigint is null or used.operations + :operations <= :budget)
  on conflict (hour) do update set operations = counted.operations + excluded.operations
  returning true
)
select exists (select from counted) as is_counted, (select until from gone) as gone_until,
       (select message from gone) as gone_message, used.operations as used,
       greatest(extract(epoch from used.since + interval '24 hours' - clock_timestamp()), 1)::float8 as free_in_s,
       greatest(extract(epoch from (select until from gone) - clock_timestamp()), 1)::float8 as gone_for_s
from used;

-- name: operations_of_a_day$
select coalesce(sum(operations), 0)::bigint from themaads.operations where hour > clock_timestamp() - interval '24 hours';

-- name: quota_is_gone!
insert into themaads.quota_gone (until, message) values (clock_timestamp() + make_interval(secs => :seconds), :message)
on conflict (only_one) do update set until = excluded.until, message = excluded.message;

-- name: quota_is_back!
delete from themaads.quota_gone;

-- name: quota_gone^
-- What Google said of a day's quota that is not whole again yet.
select until, message from themaads.quota_gone where until > clock_timestamp();


-- ---------------------------------------------------------------- lessons

-- name: learn_lessons!
-- What is known and holds is only renewed; what has expired is learned anew.
insert into themaads.lesson as known (customer_id, kind, value, topic, code, message, upload, expires_at)
select distinct on (kind, value, topic) :customer_id, kind, value, topic, code, message, :upload::bigint,
       clock_timestamp() + make_interval(secs => 86400 * :days)
from unnest(:kinds::text[], :found::text[], :topics::text[], :codes::text[], :messages::text[])
     as taught (kind, value, topic, code, message)
order by kind, value, topic
on conflict (customer_id, kind, value, topic) do update
set expires_at = excluded.expires_at,
    learned_at = case when known.expires_at > clock_timestamp() then known.learned_at else clock_timestamp() end,
    code = case when known.expires_at > clock_timestamp() then known.code else excluded.code end,
    message = case when known.expires_at > clock_timestamp() then known.message else excluded.message end,
    upload = case when known.expires_at > clock_timestamp() then known.upload else excluded.upload end;

-- name: known_lessons
-- Of one account or of all; with those that have expired, or without.
select lesson as number, customer_id, kind, value, topic, code, message, upload, learned_at, expires_at
from themaads.lesson
where ((:customer_id)::bigint is null or customer_id = :customer_id) and (:expired or expires_at > clock_timestamp())
order by customer_id, lesson;

-- name: forget_lessons!
-- By a person: one, those of an account, those that have expired, or all.
delete from themaads.lesson
where ((:lesson)::bigint is null or lesson = :lesson)
  and ((:customer_id)::bigint is null or customer_id = :customer_id)
  and (not :only_expired or expires_at <= clock_timestamp());


-- ---------------------------------------------------------------- after a backup was restored

-- name: other_sessions
select distinct application_name from pg_stat_activity
where starts_with(application_name, 'themaads ') and application_name <> :own and datname = current_database() order by 1;

-- name: interrupt_all!
-- running -> interrupted: whoever worked then works no more.
update themaads.upload set status = 'interrupted', message = :why where status = 'running';

-- name: end_all_ownerships!
update themaads.ownership
set ended_at = clock_timestamp(), ended_how = 'interrupted', ended_why = :why, doing = '', waiting_until = null
where ended_at is null;

-- name: renumber_epochs!
-- Higher than any that was given out since the backup: an owner of then must not meet its own number again.
update themaads.upload set epoch = greatest(epoch + 1, (1000 * extract(epoch from clock_timestamp()))::bigint);

-- name: hold_accounts
-- A lease that nobody has (there is no upload 0), and that outlives every request of before.
insert into themaads.account_lease as held (customer_id, generation, upload, epoch, acquired_at, expires_at)
select customer_id, (1000 * extract(epoch from clock_timestamp()))::bigint, 0, 0, clock_timestamp(),
       clock_timestamp() + make_interval(secs => :seconds)
from (
  select unnest(:customer_ids::bigint[]) as customer_id
  union select customer_id from themaads.item_count
  union select customer_id from themaads.account_lease
) as known
on conflict (customer_id) do update
set generation = greatest(held.generation + 1, excluded.generation), upload = 0, epoch = 0,
    acquired_at = excluded.acquired_at, expires_at = greatest(held.expires_at, excluded.expires_at)
returning expires_at;


-- ---------------------------------------------------------------- retention
--
-- A little at a time, each transaction guarded by the epoch of who prunes, behind the last that was looked at: what
-- was deleted is stepped over once, and not by each part anew. The counts are kept by triggers that follow insertions
-- and updates alone, so that they outlive the items.

-- name: finished_long_ago
-- Finished for so long, and not pruned to the end yet.
select * from themaads.upload
where status = 'finished'
  and greatest(finished_at, status_at) < clock_timestamp() - make_interval(secs => 86400 * :days)
  and not exists (select from themaads.ownership
                  where upload = number and stage = 'pruning' and ended_how = 'finished')
order by number;

-- name: editions_of
select distinct edition from themaads.item where upload = :upload order by 1;

-- name: kept_of^
-- What there is of an upload that can go.
select (select count(*) from themaads.item where upload = :upload)::bigint as items,
       (select count(*) from themaads.source_row where upload = :upload)::bigint
         + (select count(*) from themaads.rejected_row where upload = :upload)::bigint as rows,
       (select count(*) from themaads.attempt where upload = :upload)::bigint as attempts;

-- name: lock_upload^
-- Alone until this transaction ends. A statement of its own: the next one sees what whoever had it has written.
select true as locked from themaads.upload where number = :upload and epoch = :epoch for update;

-- name: begin_pruning!
-- Only what is finished, and has no item that a person has just put back to work.
update themaads.upload
set pruned_at = coalesce(pruned_at, clock_timestamp()), message = 'its items were pruned: its counts are left'
where number = :upload and epoch = :epoch and status = 'finished'
  and not exists (select from themaads.item_count
                  where item_count.upload = number and items > 0 and state in ('pending', 'sending', 'applied'));

-- name: prune_items^
with part as materialized (
  select item_id, customer_id, ad_group_id, edition from themaads.item
  where upload = :upload and (customer_id, ad_group_id, edition) > (:customer_id, :ad_group_id, :edition)
  order by customer_id, ad_group_id, edition limit :limit
), gone as (
  delete from themaads.item using part where item.item_id = part.item_id
)
select customer_id, ad_group_id, edition, count(*) over () as deleted from part
order by customer_id desc, ad_group_id desc, edition desc limit 1;

-- name: prune_source_rows^
with part as materialized (
  select line from themaads.source_row where upload = :upload and line > :line order by line limit :limit
), gone as (
  delete from themaads.source_row
  where upload = :upload and line > :line and line <= (select max(line) from part)
)
select max(line) as line, count(*) as deleted from part having count(*) > 0;

-- name: prune_rejected_rows^
with part as materialized (
  select line from themaads.rejected_row where upload = :upload and line > :line order by line limit :limit
), gone as (
  delete from themaads.rejected_row
  where upload = :upload and line > :line and line <= (select max(line) from part)
)
select max(line) as line, count(*) as deleted from part having count(*) > 0;

-- name: prune_attempts^
-- Their `attempt_item` go with them.
with part as materialized (
  select attempt_id from themaads.attempt where upload = :upload and attempt_id > :attempt_id
  order by attempt_id limit :limit
), gone as (
  delete from themaads.attempt using part where attempt.attempt_id = part.attempt_id
)
select max(attempt_id) as attempt_id, count(*) as deleted from part having count(*) > 0;


-- ---------------------------------------------------------------- alerts

-- name: tell_alone$
-- Until this transaction ends: two that look at the same moment would tell the same twice.
select pg_try_advisory_xact_lock(7260146);

-- name: uploads_to_tell_of
-- What is going on, and what changed lately. `lost_a_run`: one of its runs may have ended before its time.
with chosen as (
  select * from themaads.upload
  where status in ('waiting', 'running', 'interrupted')
     or status_at > clock_timestamp() - make_interval(secs => :young_s)
), counts as (
  select item_count.upload,
         sum(items) as total,
         sum(items) filter (where state = 'done') as done,
         sum(items) filter (where state = 'skipped') as skipped,
         sum(items) filter (where state = 'failed') as failed
  from themaads.item_count where item_count.upload = any (array(select number from chosen)) group by item_count.upload
)
select upload.number, upload.key, upload.file_name, upload.status, upload.message, upload.status_at, upload.due_at,
       coalesce(upload.resumed_at, upload.created_at) as since, upload.read_at is not null as is_read,
       coalesce(counts.total, 0)::bigint as total, coalesce(counts.done, 0)::bigint as done,
       coalesce(counts.skipped, 0)::bigint as skipped, coalesce(counts.failed, 0)::bigint as failed,
       upload.rejected,
       (select run_id from themaads.ownership where ownership.upload = upload.number order by epoch desc limit 1)
         as run_id,
       exists (select from themaads.ownership
               where ownership.upload = upload.number and ended_how in ('died', 'fenced', 'interrupted')
                 and ended_at > clock_timestamp() - make_interval(secs => :young_s)) as lost_a_run
from chosen as upload
left join counts on counts.upload = upload.number
order by upload.number;

-- name: note_alerts!
-- A channel that is new is not told what another was told already.
insert into themaads.alert (upload, event, occasion, channel)
select found.upload, found.event, found.occasion, channel
from unnest(:uploads::bigint[], :events::text[], :occasions::text[]) as found (upload, event, occasion)
cross join unnest(:channels::text[]) as channel
where not exists (
  select from themaads.alert as known
  where known.upload = found.upload and known.event = found.event and known.occasion = found.occasion
    and (known.channel = channel or known.told_at is not null))
on conflict (upload, event, occasion, channel) do nothing;

-- name: claim_alert^
-- The oldest that one channel is still to be told of, and whose time has come: try 1 at once, then after 30 s, 90 s,
-- 210 s ... The try is counted before it is made.
update themaads.alert set tries = tries + 1
where alert = (
  select alert from themaads.alert
  join unnest(:uploads::bigint[], :events::text[], :occasions::text[]) as still_so (upload, event, occasion)
    on alert.upload = still_so.upload and alert.event = still_so.event and alert.occasion = still_so.occasion
  where alert.channel = :channel and told_at is null and tries < :most_tries
    and created_at > clock_timestamp() - make_interval(secs => :young_s)
    and created_at + make_interval(secs => :first_wait_s * (power(2, tries) - 1)) <= clock_timestamp()
  order by created_at, alert limit 1
  for update of alert skip locked
)
returning alert, upload, event, occasion, tries;

-- name: alert_told!
update themaads.alert set told_at = clock_timestamp(), error = null where alert = :alert and told_at is null;

-- name: alert_not_told!
update themaads.alert set error = :error where alert = :alert and told_at is null;


-- ---------------------------------------------------------------- what is shown of uploads, and only shown

-- name: compile_nothing^
-- For a session from now on: no statement is compiled first, which takes longer than any of them does. Postgres would
-- for guesses of rows that are too high.
select set_config('jit', 'off', false);

-- name: only_look^
-- For a session from now on: it changes nothing, and nothing that it asks takes longer.
select set_config('default_transaction_read_only', 'on', false), set_config('statement_timeout', :timeout_ms, false);

-- name: about_uploads
-- Beside `progress_of`. `quiet_s`: for how long its owner was not seen, whether or not a stage of it has ended.
select upload.number, upload.edition, upload.created_at, upload.status_at, upload.resumed_at, upload.finished_at,
       upload.due_at, upload.item_limit,
       greatest(extract(epoch from clock_timestamp() - owner.alive_at), 0)::float8 as quiet_s,
       coalesce(counts.accounts, 0)::bigint as accounts, coalesce(counts.open_accounts, 0)::bigint as open_accounts
from themaads.upload
left join themaads.owner_progress as owner on owner.upload = upload.number and owner.epoch = upload.epoch
left join (
  select item_count.upload, count(distinct customer_id) filter (where items > 0) as accounts,
         count(distinct customer_id) filter (where items > 0 and state in ('pending', 'sending', 'applied'))
           as open_accounts
  from themaads.item_count where item_count.upload = any(:numbers) group by item_count.upload
) as counts on counts.upload = upload.number
where upload.number = any(:numbers);

-- name: stages_of
-- Who worked on an upload, the newest first.
select epoch, run_id, stage, host, pid, started_at, progress_at, ended_at, ended_how, ended_why, final_at_start,
       stop_asked_by
from themaads.ownership where upload = :upload order by epoch desc limit :limit;

-- name: answered_by_time
-- Ads that Google answered, in so many equal spans of time at most, of whole seconds. Spans without any are left out.
with answered as (
  select settled_at, operations from themaads.attempt
  where upload = :upload and kind = 'ads' and state = 'settled' and error is null and settled_at is not null
), span as (
  select min(settled_at) as first, greatest(ceil(extract(epoch from max(settled_at) - min(settled_at)) / :spans), 1)::float8
           as seconds
  from answered
)
select span.first + make_interval(secs => seconds * place) as at, seconds, ads
from (
  select floor(extract(epoch from settled_at - span.first) / span.seconds) as place, sum(operations)::bigint as ads
  from answered cross join span group by 1
) as counted cross join span order by 1;

-- name: accounts_at_work
-- What each account that is worked on was last seen doing.
select account.customer_id, account.doing, account.waiting_until from themaads.account_progress as account
join themaads.upload on upload.number = account.upload and upload.epoch = account.epoch
where account.upload = :upload and upload.status = 'running';

-- name: accounts_in_trouble
-- Accounts that nothing can be done in, or where more than `bound` of the ad groups failed, in uploads that are not
-- finished or were in the last `days`; with the code that most of them failed by.
with recent as (
  select number from themaads.upload
  where status <> 'finished' or finished_at > clock_timestamp() - make_interval(days => :days)
), counts as (
  select customer_id, sum(items) as total from themaads.item_count
  where upload = any(array(select number from recent)) group by 1
), codes as (
  select customer_id, category, code, sum(items) as items, max(upload) as upload
  from themaads.failure_count
  where upload = any(array(select number from recent)) and items > 0 group by 1, 2, 3
), failed as (
  select customer_id, sum(items) as items, bool_or(category = 'account') as is_shut, max(upload) as upload,
         (array_agg(category order by category = 'account' desc, items desc))[1] as category,
         (array_agg(code order by category = 'account' desc, items desc))[1] as code
  from codes group by 1
)
select customer_id, counts.total::bigint as of_items, failed.items::bigint as items, failed.is_shut, failed.upload,
       failed.category, failed.code
from failed join counts using (customer_id)
where failed.is_shut or failed.items > :bound * counts.total
order by failed.is_shut desc, failed.items desc, customer_id limit :limit;

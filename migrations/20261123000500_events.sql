-- The event log: append-only, one row for everything that happened, written in the transaction that made it happen.
--
-- xid stands first because PostgreSQL evaluates defaults in column order: the transaction has its id before it takes a
-- position. The gap list of the readers relies on it (docs/decisions/0003-gap-list.md). Partitioned by month, so that old
-- history is dropped as a partition.

create table subject (
  subject_id uuid primary key,
  kind text not null,
  version bigint not null default 0
);
comment on table subject is 'Counts the events of each subject: 1, 2, 3 … without gaps. Its row lock keeps their order.';

create table event (
  xid xid8 not null default pg_current_xact_id(),
  position bigint generated always as identity (cache 1),
  event_id uuid not null,
  kind text not null,
  version integer not null,
  subject_kind text not null,
  subject_id uuid not null,
  subject_version bigint not null,
  plant_id uuid,
  supplier_id uuid,
  home_connection_id uuid,
  correlation_id uuid not null,
  causation_id uuid,
  actor jsonb not null,
  at timestamptz not null,
  recorded_at timestamptz not null default now(),
  data jsonb not null,
  primary key (position, recorded_at)
) partition by range (recorded_at);
comment on table event is 'What happened. Never changed; the only thing that crosses systems.';
comment on column event.position is 'Order of the log. A lower one may become visible later.';
comment on column event.home_connection_id is 'The system that the subject lives in, e.g. the ERP of an order; a connection that takes ''own'' is told only of its own.';
comment on column event.at is 'When it happened, by our clock.';
comment on column event.recorded_at is 'When the transaction that recorded it began; decides the partition.';
create index event_subject on event (subject_id, subject_version);
create index event_correlation on event (correlation_id);
create index event_by_id on event (event_id);

create function ensure_event_partitions(months_ahead integer default 3) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  first date;
  made integer := 0;
begin
  for first in
    select generate_series(date_trunc('month', now() at time zone 'UTC'), date_trunc('month', now() at time zone 'UTC') + make_interval(months => months_ahead), '1 month')::date
  loop
    if to_regclass('event_' || to_char(first, 'YYYY_MM')) is null then
      execute format('create table %I partition of event for values from (%L) to (%L)',
        'event_' || to_char(first, 'YYYY_MM'), first::timestamp at time zone 'UTC', (first + interval '1 month') at time zone 'UTC');
      made := made + 1;
    end if;
  end loop;
  return made;
end
$$;
comment on function ensure_event_partitions is 'Makes the partitions of this month and the next ones; called at every start and daily.';
revoke all on function ensure_event_partitions from public;
grant execute on function ensure_event_partitions to interlock_app;
select ensure_event_partitions();

create table audit_entry (
  position bigint generated always as identity primary key,
  at timestamptz not null,
  actor jsonb not null,
  address text,
  action text not null,
  object_kind text not null,
  object_id text not null,
  before jsonb,
  after jsonb,
  reason text,
  correlation_id uuid not null,
  plant_id uuid,
  supplier_id uuid
);
create index audit_entry_object on audit_entry (object_kind, object_id, position desc);
create index audit_entry_correlation on audit_entry (correlation_id);
comment on table audit_entry is 'Who changed what, when, from where, before and after. Never changed.';

alter table event enable row level security;
alter table event force row level security;
create policy event_scope on event using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
);
alter table audit_entry enable row level security;
alter table audit_entry force row level security;
create policy audit_entry_read on audit_entry for select using ((select current_setting('interlock.scope', true)) = 'all');
create policy audit_entry_write on audit_entry for insert with check ((select current_setting('interlock.scope', true)) <> '');

grant select, insert on event, audit_entry to interlock_app;
grant select, insert, update on subject to interlock_app;

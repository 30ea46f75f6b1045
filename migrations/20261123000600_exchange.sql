-- The one way out and the one way in. A delivery has a row only when there is something to say about it: delivered,
-- retrying, parked, held, skipped. Pending is an event that the connection's cursor has not passed.
--
-- In each subject the lowest unfinished row is retrying or parked, every later unfinished one is held behind it.

create table delivery (
  delivery_id uuid primary key,
  connection_id uuid not null references connection on delete cascade,
  event_position bigint not null,
  event_id uuid not null,
  subject_kind text not null,
  subject_id uuid not null,
  subject_version bigint not null,
  state text not null check (state in ('delivered', 'retrying', 'parked', 'held', 'skipped', 'superseded')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  fault_class text check (fault_class in ('temporary', 'down', 'credentials', 'contract', 'permanent', 'refused', 'unknown')),
  fault_message text,
  their_ref text,
  finished_at timestamptz,
  duration_ms integer,
  triggered_by text not null default 'event' check (triggered_by in ('event', 'resend', 'probe', 'query')),
  decided_by text,
  reason text,
  created_at timestamptz not null,
  plant_id uuid,
  supplier_id uuid,
  constraint delivery_retry_is_timed check ((state = 'retrying') = (next_attempt_at is not null)),
  constraint delivery_end_is_timed check ((state in ('delivered', 'skipped', 'superseded')) = (finished_at is not null)),
  constraint delivery_skip_is_explained check (state <> 'skipped' or (reason is not null and decided_by is not null)),
  constraint delivery_parked_has_a_fault check (state <> 'parked' or fault_class is not null)
);
-- One trip per event and connection; resends and probes are trips of their own.
create unique index delivery_event_key on delivery (connection_id, event_id) where triggered_by = 'event';
create index delivery_due on delivery (connection_id, next_attempt_at) where state = 'retrying';
create index delivery_lane on delivery (connection_id, subject_id, event_position) where state in ('retrying', 'parked', 'held');
create index delivery_position on delivery (connection_id, event_position) where triggered_by = 'event';
create index delivery_of_event on delivery (event_id);
create index delivery_of_subject on delivery (subject_id, event_position);
create index delivery_list on delivery (state, created_at desc, delivery_id);
create index delivery_list_connection on delivery (connection_id, state, created_at desc, delivery_id);
comment on table delivery is 'One event''s trip to one connection, once there is something to say about it.';
comment on column delivery.their_ref is 'The other system''s document number.';
comment on column delivery.decided_by is 'Who skipped, resent or retried it.';

create table attempt (
  delivery_id uuid not null references delivery on delete cascade,
  number integer not null,
  at timestamptz not null,
  duration_ms integer not null,
  fault_class text not null,
  fault_message text not null,
  plant_id uuid,
  supplier_id uuid,
  primary key (delivery_id, number)
);
comment on table attempt is 'One failed try.';

create table arrival (
  arrival_id uuid primary key,
  sequence bigint generated always as identity,
  connection_id uuid not null references connection on delete cascade,
  external_key text not null,
  subject text not null,
  channel text not null,
  content_type text not null,
  body text not null,
  content_hash bytea not null,
  received_at timestamptz not null,
  repeats integer not null default 0,
  state text not null check (state in ('received', 'applied', 'refused', 'not_understood', 'retrying')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  finished_at timestamptz,
  outcome text,
  correlation_id uuid not null,
  constraint arrival_external_key unique (connection_id, external_key),
  constraint arrival_end_is_timed check ((state in ('applied', 'refused', 'not_understood')) = (finished_at is not null))
);
create index arrival_waiting on arrival (connection_id, sequence) where state in ('received', 'retrying');
create index arrival_list on arrival (state, received_at desc, arrival_id);
create index arrival_list_connection on arrival (connection_id, state, received_at desc, arrival_id);
create index arrival_correlation on arrival (correlation_id);
comment on table arrival is 'One message received, kept raw before it is understood; once per connection and external key.';
comment on column arrival.repeats is 'How often the same message came again; it got the first outcome.';

alter table delivery enable row level security;
alter table delivery force row level security;
create policy delivery_scope on delivery using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
) with check ((select current_setting('interlock.scope', true)) = 'all');
alter table attempt enable row level security;
alter table attempt force row level security;
create policy attempt_scope on attempt using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
) with check ((select current_setting('interlock.scope', true)) = 'all');
alter table arrival enable row level security;
alter table arrival force row level security;
-- Raw messages may hold several suppliers' data: never visible from a supplier's or a plant's scope.
create policy arrival_scope on arrival using ((select current_setting('interlock.scope', true)) = 'all');

grant select, insert, update on delivery, arrival to interlock_app;
grant select, insert on attempt to interlock_app;

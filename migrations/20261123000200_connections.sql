-- The systems we speak with: what is configured, how far each has been read and written, and which keys they use.

create table connection (
  connection_id uuid primary key,
  kind text not null,
  name text not null,
  plant_id uuid references plant,
  takes text not null default 'own' check (takes in ('own', 'all')),
  stage text not null default 'test' check (stage in ('test', 'pilot', 'live')),
  settings jsonb not null,
  settings_version integer not null default 1,
  in_flight_limit integer not null default 8 check (in_flight_limit between 1 and 64),
  paused_at timestamptz,
  paused_by text,
  pause_reason text,
  circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
  circuit_since timestamptz,
  circuit_retry_at timestamptz,
  circuit_reason text,
  last_ok_at timestamptz,
  created_at timestamptz not null,
  constraint connection_name_key unique (name),
  constraint connection_pause_is_explained check ((paused_at is null) = (paused_by is null)),
  constraint connection_open_circuit_has_a_reason check (circuit = 'closed' or circuit_reason is not null)
);
comment on table connection is 'A configured connector: one other system.';
comment on column connection.kind is 'The connector, see connectors::registry.';
comment on column connection.plant_id is 'The plant it serves; none for all plants.';
comment on column connection.takes is 'own: only events of things that live in this system (an ERP and its orders); all: every event it carries (a broker).';
comment on column connection.settings is 'Typed by the connector. Secrets only by reference (env:NAME, file:PATH).';
comment on column connection.in_flight_limit is 'Deliveries under way at once, across subjects.';
comment on column connection.last_ok_at is 'When the system last answered as it should.';

create table connection_reader (
  connection_id uuid primary key references connection on delete cascade,
  fence bigint not null default 0,
  owner text,
  owner_since timestamptz,
  cursor_position bigint not null default 0,
  gaps jsonb not null default '[]',
  moved_at timestamptz
);
comment on table connection_reader is 'How far the event log has been delivered to a connection, and who may write that.';
comment on column connection_reader.fence is 'Grows with every new owner; a write that carries an older number is refused.';
comment on column connection_reader.cursor_position is 'Every event up to here is finished, has a delivery row, or stands in gaps.';
comment on column connection_reader.gaps is 'Runs of positions below the cursor that were missing, with the transaction id above all that may still fill them: [[first, last, horizon], …].';

create table feed (
  connection_id uuid not null references connection on delete cascade,
  name text not null,
  cursor jsonb not null default 'null',
  polled_at timestamptz,
  next_poll_at timestamptz not null,
  failures integer not null default 0,
  problem text,
  primary key (connection_id, name)
);
create index feed_due on feed (next_poll_at);
comment on table feed is 'How far an inbound feed has been read.';

create table link (
  connection_id uuid not null references connection on delete cascade,
  kind text not null,
  key text not null,
  group_key text not null,
  their_ref text not null,
  learned_at timestamptz not null,
  primary key (connection_id, kind, key)
);
create index link_group on link (connection_id, group_key);
create index link_their_ref on link (connection_id, kind, their_ref);
comment on column link.group_key is 'The order''s number: all keys of one order are read together.';
comment on table link is 'Our key and theirs, per connection (connectors::LinkKind).';

alter table connection enable row level security;
alter table connection force row level security;
create policy connection_scope on connection using (
  (select current_setting('interlock.scope', true)) = 'all'
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
) with check ((select current_setting('interlock.scope', true)) = 'all');
alter table connection_reader enable row level security;
alter table connection_reader force row level security;
create policy connection_reader_scope on connection_reader using ((select current_setting('interlock.scope', true)) = 'all');
alter table feed enable row level security;
alter table feed force row level security;
create policy feed_scope on feed using ((select current_setting('interlock.scope', true)) = 'all');
alter table link enable row level security;
alter table link force row level security;
create policy link_scope on link using ((select current_setting('interlock.scope', true)) = 'all');

grant select, insert, update, delete on connection, connection_reader, feed, link to interlock_app;

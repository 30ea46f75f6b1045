-- Keys with which machines call us: of a supplier, or of a system of the house.

create table api_key (
  api_key_id uuid primary key,
  machine_id uuid not null,
  prefix text not null,
  key_hash text not null,
  name text not null,
  rights text[] not null,
  supplier_id uuid references supplier,
  plant_id uuid references plant,
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  rotated_to uuid references api_key,
  constraint api_key_prefix_key unique (prefix),
  constraint api_key_has_one_owner check (supplier_id is null or plant_id is null)
);
comment on table api_key is 'A key of a machine. The key itself is known to its holder only.';
comment on column api_key.machine_id is 'The machine, by the id of its first key; stays over rotations, so that what was sent with the old key is known again with the new one.';
comment on column api_key.prefix is 'The beginning of the key, to find it by and to show.';
comment on column api_key.key_hash is 'SHA-256 of the whole key, which has 256 bits of randomness.';
comment on column api_key.supplier_id is 'Whose rows it reaches; with neither supplier nor plant it is a system of the house that reaches all.';
comment on column api_key.rotated_to is 'The key that follows it; this one is still taken until expires_at.';
create index api_key_supplier on api_key (supplier_id, created_at desc);

alter table api_key enable row level security;
alter table api_key force row level security;
create policy api_key_scope on api_key using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
);
grant select, insert, update on api_key to interlock_app;

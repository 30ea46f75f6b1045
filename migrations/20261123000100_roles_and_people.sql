-- Who may use the database and who may sign in.
--
-- The program works as the role interlock_app, which owns nothing and cannot bypass row-level security. Every policy reads
-- three settings that a transaction sets LOCAL at its begin: interlock.scope ('all', 'plants', 'suppliers'),
-- interlock.plants and interlock.suppliers (comma-separated ids). An unset or empty setting means no rows.
-- The settings are read through (select …) so that they are evaluated once a statement, not once a row.

do $$
begin
  create role interlock_app nologin nobypassrls;
exception
  -- Roles belong to the cluster, and several databases of it may migrate at the same moment.
  when duplicate_object or unique_violation then null;
end
$$;

grant usage on schema public to interlock_app;

create table supplier (
  supplier_id uuid primary key,
  number text not null,
  name text not null,
  tolerances jsonb not null default '{}',
  may_change_price boolean not null default false,
  disabled_at timestamptz,
  created_at timestamptz not null,
  constraint supplier_number_key unique (number)
);
comment on table supplier is 'The party that promises and ships; mirrored from the ERP.';
comment on column supplier.tolerances is 'Limits agreed with the supplier, by kind of deviation (domain::tolerance::Tolerances).';
comment on column supplier.may_change_price is 'Answers may propose another price.';
comment on column supplier.disabled_at is 'Since when nobody of this supplier may sign in.';

create table plant (
  plant_id uuid primary key,
  code text not null,
  name text not null,
  zone text not null default 'Europe/Berlin',
  tolerances jsonb not null default '{}',
  created_at timestamptz not null,
  constraint plant_code_key unique (code)
);
comment on table plant is 'A plant of the buyer; the unit of rollout.';
comment on column plant.zone is 'IANA zone; delivery dates are days in it.';

create table item (
  item_id uuid primary key,
  number text not null,
  description text not null,
  revision text,
  base_unit text not null,
  created_at timestamptz not null,
  constraint item_number_key unique (number)
);
comment on table item is 'A material or part; mirrored from the ERP. Suppliers see the copy on their order lines, not this table.';

create table person (
  person_id uuid primary key,
  email text not null,
  name text not null,
  password_hash text,
  zone text not null default 'Europe/Berlin',
  theme text check (theme in ('light', 'dark')),
  created_at timestamptz not null,
  disabled_at timestamptz,
  last_signed_in_at timestamptz,
  constraint person_email_lower check (email = lower(email))
);
create unique index person_email_key on person (email);
comment on table person is 'Somebody who can sign in.';
comment on column person.password_hash is 'Argon2id in PHC form; none until the invitation is taken.';

create table person_role (
  person_id uuid not null references person on delete cascade,
  role text not null check (role in ('supplier', 'supplier_admin', 'buyer', 'quality_engineer', 'receiving_clerk', 'plant_manager', 'integration_admin', 'administrator')),
  primary key (person_id, role)
);
create table person_supplier (
  person_id uuid not null references person on delete cascade,
  supplier_id uuid not null references supplier,
  primary key (person_id, supplier_id)
);
create index person_supplier_supplier on person_supplier (supplier_id);
create table person_plant (
  person_id uuid not null references person on delete cascade,
  plant_id uuid not null references plant,
  primary key (person_id, plant_id)
);
create index person_plant_plant on person_plant (plant_id);

create table session (
  session_id text primary key,
  person_id uuid references person on delete cascade,
  data jsonb not null,
  created_at timestamptz not null,
  seen_at timestamptz not null,
  expires_at timestamptz not null,
  address text,
  agent text
);
create index session_person on session (person_id);
create index session_expires on session (expires_at);
comment on table session is 'Signed-in browsers. The id is stored as the SHA-256 of what the cookie holds.';
comment on column session.person_id is 'On the row, so that all sessions of a person can be ended at once.';

create table access_token (
  token_hash text primary key,
  purpose text not null check (purpose in ('set_up', 'invitation', 'password')),
  person_id uuid references person on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
comment on table access_token is 'One-time links (first set-up, invitation, new password), stored as SHA-256.';

alter table supplier enable row level security;
alter table supplier force row level security;
create policy supplier_scope on supplier using (
  (select current_setting('interlock.scope', true)) in ('all', 'plants')
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
) with check ((select current_setting('interlock.scope', true)) = 'all');

alter table plant enable row level security;
alter table plant force row level security;
-- A plant's code, name and zone are on every order; they are no secret between suppliers.
create policy plant_scope on plant using (
  (select current_setting('interlock.scope', true)) in ('all', 'plants', 'suppliers')
) with check ((select current_setting('interlock.scope', true)) = 'all');

alter table item enable row level security;
alter table item force row level security;
create policy item_scope on item using (
  (select current_setting('interlock.scope', true)) in ('all', 'plants')
) with check ((select current_setting('interlock.scope', true)) = 'all');

-- People and their sessions are read by the doors before a scope is known, and by administrators: scope 'all' only, and a
-- person reads the own row.
alter table person enable row level security;
alter table person force row level security;
create policy person_scope on person using (
  (select current_setting('interlock.scope', true)) = 'all'
  or person_id = (select nullif(current_setting('interlock.person', true), '')::uuid)
);
alter table person_role enable row level security;
alter table person_role force row level security;
create policy person_role_scope on person_role using ((select current_setting('interlock.scope', true)) = 'all');
alter table person_supplier enable row level security;
alter table person_supplier force row level security;
create policy person_supplier_scope on person_supplier using ((select current_setting('interlock.scope', true)) = 'all');
alter table person_plant enable row level security;
alter table person_plant force row level security;
create policy person_plant_scope on person_plant using ((select current_setting('interlock.scope', true)) = 'all');
alter table session enable row level security;
alter table session force row level security;
create policy session_scope on session using (
  (select current_setting('interlock.scope', true)) = 'all'
  or person_id = (select nullif(current_setting('interlock.person', true), '')::uuid)
);
alter table access_token enable row level security;
alter table access_token force row level security;
create policy access_token_scope on access_token using ((select current_setting('interlock.scope', true)) = 'all');

grant select, insert, update on supplier, plant, item, person to interlock_app;
grant select, insert, update, delete on person_role, person_supplier, person_plant, session, access_token to interlock_app;

-- Quality certificates: what an item needs, what was handed in, with its files and values, and what was decided.

create table document (
  document_id uuid primary key,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  name text not null,
  media_type text not null,
  size bigint not null check (size > 0),
  supplier_id uuid references supplier,
  plant_id uuid references plant,
  uploaded_by jsonb not null,
  uploaded_at timestamptz not null
);
comment on table document is 'A file that somebody handed in. Its content is kept by SHA-256 outside the database.';
comment on column document.name is 'As the person called it; shown, never used as a path.';

create table specification (
  specification_id uuid primary key,
  item_id uuid not null references item,
  version integer not null check (version >= 1),
  valid_from date not null,
  characteristics jsonb not null,
  note text,
  created_by jsonb not null,
  created_at timestamptz not null,
  constraint specification_version_key unique (item_id, version)
);
comment on table specification is 'What a certificate or inspection of an item must show: characteristics with unit, method and limits (domain::certificate).';

create table certificate_requirement (
  requirement_id uuid primary key,
  item_id uuid not null references item,
  supplier_id uuid references supplier,
  plant_id uuid references plant,
  kind text not null check (kind in ('coc', 'coa', 'en_2_1', 'en_2_2', 'en_3_1', 'en_3_2')),
  per text not null check (per in ('lot', 'delivery', 'standing')),
  created_by jsonb not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index certificate_requirement_key on certificate_requirement
  (item_id, coalesce(supplier_id, '00000000-0000-0000-0000-000000000000'), coalesce(plant_id, '00000000-0000-0000-0000-000000000000'), kind)
  where ended_at is null;
comment on table certificate_requirement is 'Which certificate an item needs; from any supplier and for any plant where these are empty.';

create table certificate (
  certificate_id uuid primary key,
  number text not null,
  kind text not null check (kind in ('coc', 'coa', 'en_2_1', 'en_2_2', 'en_3_1', 'en_3_2')),
  per text not null check (per in ('lot', 'delivery', 'standing')),
  status text not null check (status in ('submitted', 'accepted', 'rejected', 'replaced')),
  supplier_id uuid not null references supplier,
  plant_id uuid references plant,
  item_id uuid not null references item,
  item_number text not null,
  delivery_note text,
  issuer text not null,
  issued_on date not null,
  valid_until date,
  measured jsonb not null default '[]',
  findings jsonb not null default '[]',
  specification_id uuid references specification,
  replaces_id uuid references certificate,
  submitted_by jsonb not null,
  submitted_at timestamptz not null,
  decided_by jsonb,
  decided_at timestamptz,
  decision_note text,
  constraint certificate_decision_is_timed check ((status in ('accepted', 'rejected')) <= (decided_at is not null)),
  constraint certificate_rejection_is_explained check (status <> 'rejected' or decision_note is not null)
);
comment on column certificate.plant_id is 'The plant of the order it was made for; none where it counts for all plants.';
comment on column certificate.measured is 'domain::certificate::Measured[]';
comment on column certificate.findings is 'What the content check said when it was handed in (domain::refusal::Finding[]).';

create table certificate_lot (
  certificate_id uuid not null references certificate on delete cascade,
  item_id uuid not null references item,
  lot text not null,
  supplier_id uuid not null references supplier,
  plant_id uuid references plant,
  primary key (certificate_id, lot)
);
create table certificate_document (
  certificate_id uuid not null references certificate on delete cascade,
  document_id uuid not null references document,
  supplier_id uuid not null references supplier,
  plant_id uuid references plant,
  primary key (certificate_id, document_id)
);
create table certificate_waiver (
  waiver_id uuid primary key,
  ship_notice_id uuid references ship_notice,
  schedule_line_id uuid references schedule_line,
  item_id uuid not null references item,
  kind text not null check (kind in ('coc', 'coa', 'en_2_1', 'en_2_2', 'en_3_1', 'en_3_2')),
  lot text,
  reason text not null,
  waived_by jsonb not null,
  waived_at timestamptz not null,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant
);
comment on table certificate_waiver is 'An authorised person lets a required certificate go, for the shipments of a schedule line and, where given, one lot.';

create index certificate_supplier on certificate (supplier_id, submitted_at desc, certificate_id);
create index certificate_status on certificate (status, submitted_at desc, certificate_id);
create index certificate_item on certificate (item_id, kind, status);
create index certificate_expiry on certificate (valid_until) where per = 'standing' and status = 'accepted';
create index certificate_lot_lot on certificate_lot (supplier_id, item_id, lot);
create index certificate_document_document on certificate_document (document_id);
create index document_sha256 on document (sha256);
create index certificate_waiver_line on certificate_waiver (schedule_line_id);

do $$
declare
  name text;
begin
  -- A certificate without a plant counts for all plants, so everybody of the house sees it.
  foreach name in array array['document', 'certificate', 'certificate_lot', 'certificate_document', 'certificate_waiver'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format($policy$
      create policy %I on %I using (
        (select current_setting('interlock.scope', true)) = 'all'
        or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
        or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
        or (plant_id is null and (select current_setting('interlock.scope', true)) = 'plants')
      )$policy$, name || '_scope', name);
  end loop;
end
$$;
-- What an item must show is told to whoever has orders for it: the limits on his certificates. Which supplier a requirement
-- is for is not told to another.
alter table specification enable row level security;
alter table specification force row level security;
create policy specification_scope on specification using (
  (select current_setting('interlock.scope', true)) in ('all', 'plants')
  or (select current_setting('interlock.scope', true)) = 'suppliers'
     and exists (select from order_line where order_line.item_id = specification.item_id)
) with check ((select current_setting('interlock.scope', true)) in ('all', 'plants'));
alter table certificate_requirement enable row level security;
alter table certificate_requirement force row level security;
create policy certificate_requirement_scope on certificate_requirement using (
  (select current_setting('interlock.scope', true)) in ('all', 'plants')
  or (select current_setting('interlock.scope', true)) = 'suppliers'
     and exists (select from order_line where order_line.item_id = certificate_requirement.item_id)
     and (supplier_id is null
      or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[]))
) with check ((select current_setting('interlock.scope', true)) in ('all', 'plants'));

grant select, insert, update on certificate, certificate_requirement, specification to interlock_app;
grant select, insert on document, certificate_lot, certificate_document, certificate_waiver to interlock_app;

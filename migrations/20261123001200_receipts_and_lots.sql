-- What came, which lots it became, in which stock status they are, and what must not be used.

create sequence receipt_number;
create sequence difference_number;
create sequence hold_number;

create table receipt (
  receipt_id uuid primary key,
  number text not null,
  channel text not null check (channel in ('dock', 'api', 'erp', 'wms')),
  connection_id uuid references connection,
  their_ref text,
  ship_notice_id uuid references ship_notice,
  delivery_note text,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  received_at timestamptz not null,
  recorded_at timestamptz not null,
  complete boolean not null,
  actor jsonb not null,
  matches_id uuid references receipt,
  matched_at timestamptz,
  reversed_at timestamptz,
  reverse_reason text,
  constraint receipt_number_key unique (number),
  constraint receipt_reversal_is_explained check ((reversed_at is null) = (reverse_reason is null))
);
create unique index receipt_their_ref_key on receipt (connection_id, their_ref) where reversed_at is null;
comment on column receipt.received_at is 'When the goods were received; recorded_at is when we learned it.';
comment on column receipt.matches_id is 'The receipt of the other way (dock or system) that tells of the same goods: this one is not counted again.';

create table receipt_line (
  receipt_line_id uuid primary key,
  receipt_id uuid not null references receipt on delete cascade,
  number integer not null,
  ship_line_id uuid references ship_notice_line,
  order_line_id uuid references order_line,
  item_id uuid not null references item,
  item_number text not null,
  unit text not null,
  lot_id uuid,
  supplier_lot text,
  expires_on date,
  accepted numeric not null check (accepted >= 0),
  damaged numeric not null default 0 check (damaged >= 0),
  oddities text[] not null default '{}',
  note text,
  document_id uuid references document,
  counted boolean not null default false,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  constraint receipt_line_number_key unique (receipt_id, number),
  constraint receipt_line_is_something check (accepted > 0 or damaged > 0 or oddities <> '{}')
);
comment on column receipt_line.document_id is 'A photo of the damage.';
comment on column receipt_line.counted is 'It counts as received. Not where another receipt tells of the same goods, and not where it was taken back.';

create table difference_case (
  case_id uuid primary key,
  number text not null,
  ship_notice_id uuid references ship_notice,
  receipt_id uuid not null references receipt,
  state text not null check (state in ('open', 'answered', 'closed')),
  lines jsonb not null,
  opened_at timestamptz not null,
  answered_at timestamptz,
  closed_at timestamptz,
  outcome text check (outcome in ('supplier_ships_rest', 'credit', 'accepted_as_received', 'counted_again', 'returned')),
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  constraint difference_case_number_key unique (number),
  constraint difference_case_end_is_timed check ((state = 'closed') = (closed_at is not null and outcome is not null))
);
comment on table difference_case is 'Announced and received differ; supplier and buyer say how each sees it (domain::receipt::Difference[]).';
create table difference_entry (
  case_id uuid not null references difference_case on delete cascade,
  number integer not null,
  at timestamptz not null,
  actor jsonb not null,
  side text not null check (side in ('supplier', 'house')),
  note text not null,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (case_id, number)
);

create table lot (
  lot_id uuid primary key,
  plant_id uuid not null references plant,
  item_id uuid not null references item,
  item_number text not null,
  number text not null,
  supplier_id uuid references supplier,
  supplier_lot text,
  unit text not null,
  produced_on date,
  expires_on date,
  origin text,
  location text,
  connection_id uuid references connection,
  created_at timestamptz not null,
  constraint lot_number_key unique (plant_id, item_id, number)
);
comment on table lot is 'A lot of an item in a plant. How much of it lies in which status is in lot_stock.';
comment on column lot.number is 'The plant''s number for it; the supplier''s lot where nobody gave another.';
comment on column lot.location is 'Where it lies, in the words of the warehouse.';
comment on column lot.connection_id is 'The ERP whose orders it came for.';

create table lot_stock (
  lot_id uuid not null references lot on delete cascade,
  status text not null check (status in ('inspection', 'unrestricted', 'restricted', 'blocked')),
  quantity numeric not null check (quantity >= 0),
  plant_id uuid not null references plant,
  supplier_id uuid references supplier,
  primary key (lot_id, status)
);
create table lot_movement (
  lot_id uuid not null references lot on delete cascade,
  number bigint generated always as identity,
  kind text not null check (kind in ('receipt', 'reversal', 'decision', 'correction', 'issue', 'return', 'scrap')),
  from_status text,
  to_status text,
  quantity numeric not null check (quantity > 0),
  at timestamptz not null,
  recorded_at timestamptz not null,
  event_id uuid,
  receipt_line_id uuid references receipt_line,
  actor jsonb not null,
  reason text,
  plant_id uuid not null references plant,
  supplier_id uuid references supplier,
  primary key (lot_id, number)
);
comment on table lot_movement is 'Every change of a lot''s quantities; their sum is lot_stock.';
create table lot_serial (
  lot_id uuid not null references lot on delete cascade,
  serial text not null,
  plant_id uuid not null references plant,
  supplier_id uuid references supplier,
  primary key (lot_id, serial)
);
alter table receipt_line add foreign key (lot_id) references lot;

create table inspection_plan (
  item_id uuid not null references item,
  supplier_id uuid references supplier,
  plan text not null check (plan in ('every', 'skip_lot', 'none')),
  good_before_skip integer check (good_before_skip > 0),
  skip integer check (skip > 0),
  created_by jsonb not null,
  created_at timestamptz not null
);
create unique index inspection_plan_key on inspection_plan (item_id, coalesce(supplier_id, '00000000-0000-0000-0000-000000000000'));
comment on table inspection_plan is 'Which lots are inspected: every one, one of skip+1 after so many good ones, none.';
create table inspection (
  inspection_id uuid primary key,
  lot_id uuid not null references lot,
  state text not null check (state in ('due', 'decided', 'skipped')),
  due_on date,
  measured jsonb not null default '[]',
  findings jsonb not null default '[]',
  specification_id uuid references specification,
  result text check (result in ('passed', 'failed')),
  opened_at timestamptz not null,
  decided_at timestamptz,
  decided_by jsonb,
  note text,
  plant_id uuid not null references plant,
  supplier_id uuid references supplier,
  constraint inspection_decision_is_timed check ((state = 'due') = (decided_at is null))
);

create table hold (
  hold_id uuid primary key,
  number text not null,
  scope text not null check (scope in ('lot', 'serial', 'supplier_item', 'plant_item')),
  lot_id uuid references lot,
  serial text,
  supplier_id uuid references supplier,
  plant_id uuid references plant,
  item_id uuid not null references item,
  item_number text not null,
  state text not null check (state in ('active', 'release_requested', 'released')),
  reason text not null,
  note text not null,
  owner text not null,
  two_persons boolean not null,
  placed_by jsonb not null,
  placed_at timestamptz not null,
  release_requested_by jsonb,
  release_requested_at timestamptz,
  released_by jsonb,
  released_at timestamptz,
  disposition text,
  release_note text,
  connection_id uuid references connection,
  constraint hold_number_key unique (number),
  constraint hold_scope_is_complete check (
    (scope in ('lot', 'serial')) = (lot_id is not null)
    and (scope = 'serial') = (serial is not null)
    and (scope <> 'supplier_item' or supplier_id is not null)
    and (scope <> 'plant_item' or plant_id is not null)),
  constraint hold_release_is_timed check ((state = 'released') = (released_at is not null and disposition is not null)),
  constraint hold_request_is_timed check (state <> 'release_requested' or release_requested_at is not null)
);
comment on table hold is 'What must not be used, why, and who says so. plant_id and supplier_id are those of the lot where it is about one.';

create table stock (
  connection_id uuid not null references connection on delete cascade,
  plant_id uuid not null references plant,
  item_id uuid not null references item,
  lot text not null default '',
  location text not null default '',
  status text,
  unit text not null,
  on_hand numeric not null,
  reserved numeric not null default 0,
  as_of timestamptz not null,
  learned_at timestamptz not null,
  primary key (connection_id, plant_id, item_id, lot, location)
);
comment on table stock is 'How much there is, as each ERP or warehouse system said last. Mirrored, never computed here.';

-- What stands at a plant is few among all that is announced.
create index ship_notice_at_plant on ship_notice (plant_id, arrive_on, ship_notice_id) where status in ('arrived', 'partly_received');
create index ship_notice_received on ship_notice (plant_id, received_at desc, ship_notice_id) where status = 'received';
create index receipt_notice on receipt (ship_notice_id);
create index receipt_plant on receipt (plant_id, received_at desc, receipt_id);
create index receipt_supplier on receipt (supplier_id, received_at desc, receipt_id);
create index receipt_delivery_note on receipt (supplier_id, lower(delivery_note));
create index receipt_line_ship_line on receipt_line (ship_line_id);
create index receipt_line_order_line on receipt_line (order_line_id);
create index receipt_line_lot on receipt_line (lot_id);
create index difference_case_state on difference_case (state, opened_at, case_id);
create index difference_case_notice on difference_case (ship_notice_id);
create index difference_case_supplier on difference_case (supplier_id, state, opened_at, case_id);
create index difference_case_plant on difference_case (plant_id, state, opened_at, case_id);
create index lot_item on lot (item_id, plant_id, created_at desc, lot_id);
create index lot_supplier_lot on lot (supplier_id, supplier_lot);
create index lot_number on lot (number);
create index lot_stock_status on lot_stock (plant_id, status, lot_id) where quantity > 0;
create index lot_movement_receipt_line on lot_movement (receipt_line_id);
create index lot_serial_serial on lot_serial (serial);
create index inspection_due on inspection (plant_id, due_on, inspection_id) where state = 'due';
create index inspection_lot on inspection (lot_id);
create index hold_open on hold (placed_at desc, hold_id) where state <> 'released';
create index hold_lot on hold (lot_id) where state <> 'released';
create index hold_item on hold (item_id) where state <> 'released';
create index stock_item on stock (item_id, plant_id);

do $$
declare
  name text;
begin
  foreach name in array array['receipt', 'receipt_line', 'difference_case', 'difference_entry', 'lot', 'lot_stock', 'lot_movement', 'lot_serial', 'inspection'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format($policy$
      create policy %I on %I using (
        (select current_setting('interlock.scope', true)) = 'all'
        or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
        or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
      )$policy$, name || '_scope', name);
  end loop;
end
$$;
-- A hold on an item of a supplier counts in every plant.
alter table hold enable row level security;
alter table hold force row level security;
create policy hold_scope on hold using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
  or (plant_id is null and (select current_setting('interlock.scope', true)) = 'plants')
);
alter table inspection_plan enable row level security;
alter table inspection_plan force row level security;
create policy inspection_plan_scope on inspection_plan using ((select current_setting('interlock.scope', true)) in ('all', 'plants'));
-- Stock is the house's own business.
alter table stock enable row level security;
alter table stock force row level security;
create policy stock_scope on stock using (
  (select current_setting('interlock.scope', true)) = 'all'
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
) with check ((select current_setting('interlock.scope', true)) = 'all');

grant select, insert, update on receipt, receipt_line, difference_case, lot, lot_stock, inspection, inspection_plan, hold to interlock_app;
grant select, insert on difference_entry, lot_movement, lot_serial to interlock_app;
grant select, insert, update, delete on stock to interlock_app;
grant usage on sequence receipt_number, difference_number, hold_number to interlock_app;

-- What suppliers announce that they ship: the notice, its lines, lots, serials and packages, and every version ever sent.
--
-- As with orders, supplier_id and plant_id stand on every row, so that policies need no join.

create sequence ship_notice_number;

create table ship_notice (
  ship_notice_id uuid primary key,
  number text not null,
  connection_id uuid not null references connection,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  version integer not null check (version >= 1),
  status text not null check (status in ('announced', 'in_transit', 'arrived', 'partly_received', 'received', 'cancelled')),
  delivery_note text not null,
  ship_on date not null,
  arrive_on date not null,
  carrier text,
  tracking text,
  bill_of_lading text,
  note text,
  announced_at timestamptz not null,
  amended_at timestamptz,
  departed_at timestamptz,
  arrived_at timestamptz,
  received_at timestamptz,
  cancelled_at timestamptz,
  cancel_reason text,
  last_event_id uuid,
  constraint ship_notice_number_key unique (number),
  constraint ship_notice_cancel_is_explained check ((status = 'cancelled') = (cancelled_at is not null and cancel_reason is not null))
);
create unique index ship_notice_delivery_note_key on ship_notice (supplier_id, lower(delivery_note)) where status <> 'cancelled';
comment on table ship_notice is 'A ship notice (ASN) as it was last sent.';
comment on column ship_notice.connection_id is 'The ERP that its orders live in.';
comment on column ship_notice.arrive_on is 'Day on which it is expected now, in the plant''s calendar; milestones move it.';
comment on column ship_notice.last_event_id is 'The event that told other systems the version in force.';

create table ship_notice_line (
  ship_line_id uuid primary key,
  ship_notice_id uuid not null references ship_notice on delete cascade,
  number integer not null check (number >= 1),
  order_id uuid not null references purchase_order,
  order_line_id uuid not null references order_line,
  schedule_line_id uuid not null references schedule_line,
  item_id uuid not null references item,
  item_number text not null,
  unit text not null,
  quantity numeric not null check (quantity > 0),
  received numeric not null default 0 check (received >= 0),
  damaged numeric not null default 0 check (damaged >= 0),
  is_live boolean not null default true,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  constraint ship_notice_line_number_key unique (ship_notice_id, number)
);
comment on column ship_notice_line.received is 'Taken into stock against this line, over all receipts.';
comment on column ship_notice_line.is_live is 'Counts as shipped: its notice is not cancelled and the line is in the version in force.';

create table ship_notice_lot (
  ship_line_id uuid not null references ship_notice_line on delete cascade,
  lot text not null,
  quantity numeric not null check (quantity > 0),
  expires_on date,
  produced_on date,
  origin text check (origin ~ '^[A-Z]{2}$'),
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (ship_line_id, lot)
);
comment on column ship_notice_lot.lot is 'The supplier''s lot or heat.';

create table ship_notice_serial (
  ship_line_id uuid not null references ship_notice_line on delete cascade,
  serial text not null,
  lot text,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (ship_line_id, serial)
);

create table handling_unit (
  handling_unit_id uuid primary key,
  ship_notice_id uuid not null references ship_notice on delete cascade,
  sscc text not null check (sscc ~ '^[0-9]{18}$'),
  kind text not null check (kind in ('pallet', 'carton', 'other')),
  parent_id uuid references handling_unit,
  position integer not null,
  gross_kg numeric check (gross_kg > 0),
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant
);
create unique index handling_unit_sscc on handling_unit (sscc);
comment on column handling_unit.position is 'Order within the notice; a parent stands before its children.';

create table handling_unit_content (
  handling_unit_id uuid not null references handling_unit on delete cascade,
  ship_line_id uuid not null references ship_notice_line on delete cascade,
  lot text not null default '',
  quantity numeric not null check (quantity > 0),
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (handling_unit_id, ship_line_id, lot)
);
comment on column handling_unit_content.lot is 'Empty where the line has no lots.';

create table ship_notice_version (
  ship_notice_id uuid not null references ship_notice on delete cascade,
  version integer not null,
  content jsonb not null,
  actor jsonb not null,
  at timestamptz not null,
  reason text,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (ship_notice_id, version)
);
comment on table ship_notice_version is 'Every sending of a ship notice (domain::shipment::ShipNotice), kept for ever.';

create table ship_milestone (
  ship_notice_id uuid not null references ship_notice on delete cascade,
  event_id uuid primary key,
  milestone text not null check (milestone in ('picked_up', 'departed', 'delayed', 'arrived_at_gate', 'receiving')),
  happened_at timestamptz not null,
  learned_at timestamptz not null,
  arrive_on date,
  note text,
  actor jsonb not null,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant
);
comment on column ship_milestone.happened_at is 'When it happened at its place; learned_at is when we were told.';

create table sscc_counter (
  prefix text primary key check (prefix ~ '^[0-9]{7,10}$'),
  next bigint not null default 1
);
comment on table sscc_counter is 'The next serial reference under each GS1 company prefix; never goes back, so that no SSCC repeats.';

alter table supplier add column gs1_prefix text check (gs1_prefix ~ '^[0-9]{7,10}$');
comment on column supplier.gs1_prefix is 'GS1 company prefix of the supplier; without one the portal''s own is used.';

create index ship_notice_supplier on ship_notice (supplier_id, announced_at desc, ship_notice_id);
create index ship_notice_plant_due on ship_notice (plant_id, arrive_on, ship_notice_id) where status in ('announced', 'in_transit', 'arrived', 'partly_received');
create index ship_notice_list on ship_notice (announced_at desc, ship_notice_id);
create index ship_notice_delivery_note on ship_notice (lower(delivery_note));
create index ship_notice_line_schedule on ship_notice_line (schedule_line_id) where is_live;
create index ship_notice_line_order on ship_notice_line (order_id) where is_live;
create index ship_notice_lot_lot on ship_notice_lot (lot);
create index ship_notice_serial_serial on ship_notice_serial (serial);
create index handling_unit_notice on handling_unit (ship_notice_id, position);
create index handling_unit_content_line on handling_unit_content (ship_line_id);
create index ship_milestone_notice on ship_milestone (ship_notice_id, happened_at);

do $$
declare
  name text;
begin
  foreach name in array array['ship_notice', 'ship_notice_line', 'ship_notice_lot', 'ship_notice_serial', 'handling_unit', 'handling_unit_content', 'ship_notice_version', 'ship_milestone'] loop
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
alter table sscc_counter enable row level security;
alter table sscc_counter force row level security;
-- Without an owner: suppliers without a prefix of their own count in the portal's, and two numbers of one company in one.
-- How far a prefix has counted stands on every label under it.
create policy sscc_counter_scope on sscc_counter using (
  (select current_setting('interlock.scope', true)) = 'all'
  or ((select current_setting('interlock.scope', true)) = 'suppliers'
      and (select nullif(current_setting('interlock.suppliers', true), '')) is not null)
);

grant select, insert, update on ship_notice, ship_notice_line, sscc_counter to interlock_app;
grant select, insert, update, delete on ship_notice_lot, ship_notice_serial, handling_unit, handling_unit_content to interlock_app;
grant select, insert on ship_notice_version, ship_milestone to interlock_app;
grant usage on sequence ship_notice_number to interlock_app;

-- A supplier has to know how an item must be handled, so he sees those that he has orders for.
create index order_line_item_id on order_line (item_id);
create policy item_ordered on item for select using (
  (select current_setting('interlock.scope', true)) = 'suppliers'
  and exists (select from order_line where order_line.item_id = item.item_id)
);

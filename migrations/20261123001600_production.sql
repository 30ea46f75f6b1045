-- Production: work orders as the ERP has them, and what the shop floor reports of them.
--
-- A report is a fact: it is kept whatever it says. What of it moved stock are movements of the lot. Its posting in the ERP is
-- the delivery of its event; `stop` keeps it from being sent while a rule of ours says so.

create table item_unit (
  item_id uuid not null references item on delete cascade,
  unit text not null,
  of_base numeric not null check (of_base > 0),
  of_unit numeric not null check (of_unit > 0),
  primary key (item_id, unit)
);
comment on table item_unit is 'Units that an item is also counted in: of_unit of it are of_base of its base unit.';

create table work_order (
  work_order_id uuid primary key,
  number text not null,
  plant_id uuid not null references plant,
  connection_id uuid not null references connection,
  their_version bigint not null,
  their_ref text not null,
  revision integer not null,
  item_id uuid not null references item,
  item_number text not null,
  unit text not null,
  quantity numeric not null check (quantity > 0),
  status text not null check (status in ('planned', 'released', 'in_process', 'completed', 'closed', 'cancelled')),
  starts_at timestamptz not null,
  due_at timestamptz not null,
  completed numeric not null default 0,
  scrapped numeric not null default 0,
  operations jsonb not null default '[]',
  released_at timestamptz,
  begun_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint work_order_number_key unique (plant_id, number)
);
comment on table work_order is 'What a plant makes. Mirrored from its ERP; begun and finished as reported.';
comment on column work_order.connection_id is 'The ERP that it lives in and that gets the postings.';
comment on column work_order.revision is 'Counts what the shop floor is told.';
comment on column work_order.completed is 'Good quantity reported and not taken back, in the work order''s unit.';

create table work_order_component (
  work_order_id uuid not null references work_order on delete cascade,
  number text not null,
  their_ref text not null,
  item_id uuid not null references item,
  item_number text not null,
  unit text not null,
  quantity numeric not null check (quantity >= 0),
  consumed numeric not null default 0,
  backflush boolean not null default false,
  operation text,
  removed boolean not null default false,
  plant_id uuid not null references plant,
  primary key (work_order_id, number)
);
comment on column work_order_component.consumed is 'Reported and not taken back, in the component''s unit.';
comment on column work_order_component.removed is 'The ERP does not ask for it any more; kept for what was consumed.';

create table production_report (
  report_id uuid primary key,
  connection_id uuid not null references connection,
  their_ref text not null,
  content_hash bytea not null,
  work_order_id uuid not null references work_order,
  plant_id uuid not null references plant,
  kind text not null check (kind in ('consumed', 'completed', 'started', 'stopped', 'inspected')),
  component text,
  item_id uuid references item,
  item_number text,
  lot_id uuid references lot,
  lot text,
  serials text[] not null default '{}',
  quantity numeric,
  unit text,
  stock_quantity numeric,
  stock_unit text,
  uncovered numeric not null default 0 check (uncovered >= 0),
  scrap numeric not null default 0,
  scrap_reason text,
  station text,
  operator text,
  body jsonb not null,
  at timestamptz not null,
  recorded_at timestamptz not null,
  event_id uuid not null,
  corrects uuid references production_report,
  reversed_at timestamptz,
  reversed_reason text,
  reversal_event_id uuid,
  stop text check (stop in ('stock_missing', 'lot_blocked', 'unit_unknown', 'order_closed')),
  stop_reason text,
  freed_reason text,
  remarks jsonb not null default '[]',
  constraint production_report_key unique (connection_id, their_ref),
  constraint production_report_stop_is_explained check ((stop is null) = (stop_reason is null)),
  constraint production_report_reversal_is_explained check ((reversed_at is null) = (reversed_reason is null))
);
comment on table production_report is 'What the shop floor said, once per sender and key.';
comment on column production_report.at is 'When it happened, by the clock at the machine.';
comment on column production_report.recorded_at is 'When we learned it.';
comment on column production_report.stock_quantity is 'The quantity in the unit that stock is kept in; none while the unit cannot be turned into it.';
comment on column production_report.uncovered is 'What was taken and had not come yet, as far as we knew; taken from stock when it comes.';
comment on column production_report.body is 'The report as its event tells it.';
comment on column production_report.stop is 'Why its posting may not be sent yet by a rule of ours.';
comment on column production_report.freed_reason is 'What its posting waited for last, now gone.';
comment on column production_report.remarks is 'What was odd about it: late, over the quantity asked for, lot blocked.';

-- A reversal that came before what it takes back.
create table production_reversal (
  connection_id uuid not null references connection,
  their_ref text not null,
  of_ref text not null,
  work_order_id uuid not null references work_order,
  plant_id uuid not null references plant,
  reason text not null,
  at timestamptz not null,
  recorded_at timestamptz not null,
  report_id uuid references production_report,
  constraint production_reversal_key primary key (connection_id, their_ref)
);
comment on table production_reversal is 'What was taken back; without report_id, it came before what it takes back and waits for it.';

alter table lot add column work_order_id uuid references work_order;
comment on column lot.work_order_id is 'The work order that made it, where it was not bought.';
alter table lot_movement add column report_id uuid references production_report;
alter table lot_movement drop constraint lot_movement_kind_check;
alter table lot_movement add constraint lot_movement_kind_check
  check (kind in ('receipt', 'reversal', 'decision', 'correction', 'issue', 'output', 'return', 'scrap'));

-- Why a delivery is parked, in one of the words that postings are grouped by.
alter table delivery add column cause text
  check (cause in ('stock_missing', 'lot_blocked', 'period_closed', 'unit_unknown', 'order_locked', 'order_closed', 'other'));

create index work_order_list on work_order (plant_id, status, starts_at, work_order_id);
create index work_order_start on work_order (plant_id, starts_at, work_order_id) where status in ('planned', 'released', 'in_process');
create index work_order_of_item on work_order (item_id, plant_id, starts_at) where status in ('planned', 'released', 'in_process');
create index work_order_link on work_order (connection_id, their_ref);
create index work_order_component_item on work_order_component (item_id, plant_id) where not removed;
create index production_report_of_order on production_report (work_order_id, recorded_at, report_id);
create index production_report_of_lot on production_report (lot_id, recorded_at) where lot_id is not null;
create index production_report_lot_named on production_report (plant_id, item_id, lot) where lot_id is null and lot is not null;
create index production_report_stopped on production_report (stop, report_id) where stop is not null;
create index production_report_uncovered on production_report (plant_id, item_id, lot) where uncovered > 0;
create index production_report_event on production_report (event_id);
create index production_report_reversal on production_report (reversal_event_id) where reversal_event_id is not null;
create index production_reversal_waiting on production_reversal (connection_id, of_ref) where report_id is null;
create index lot_of_work_order on lot (work_order_id) where work_order_id is not null;
create index lot_movement_report on lot_movement (report_id) where report_id is not null;
create index delivery_cause on delivery (cause, subject_id) where state = 'parked' and cause is not null;

do $$
declare
  name text;
begin
  foreach name in array array['work_order', 'work_order_component', 'production_report', 'production_reversal'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    -- What the house makes is no supplier's business.
    execute format($policy$
      create policy %I on %I using (
        (select current_setting('interlock.scope', true)) = 'all'
        or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
      )$policy$, name || '_scope', name);
  end loop;
end
$$;
alter table item_unit enable row level security;
alter table item_unit force row level security;
create policy item_unit_scope on item_unit using (
  (select current_setting('interlock.scope', true)) in ('all', 'plants')
) with check ((select current_setting('interlock.scope', true)) = 'all');
grant select, insert, update, delete on item_unit to interlock_app;
grant select, insert, update on work_order, work_order_component, production_report, production_reversal to interlock_app;

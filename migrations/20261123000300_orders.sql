-- Purchase orders, their lines and schedule lines, and what suppliers answered.
--
-- supplier_id and plant_id stand on every row, so that policies need no join (a subquery in a policy cost 3 to 5 times in
-- our measurements) and every list has an index that starts with its scope.

create table purchase_order (
  order_id uuid primary key,
  connection_id uuid not null references connection,
  number text not null,
  revision integer not null check (revision >= 1),
  their_version bigint not null,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  buyer text,
  currency text not null,
  incoterm text,
  status text not null check (status in ('open', 'closed', 'cancelled')),
  published_at timestamptz not null,
  revised_at timestamptz,
  opened_at timestamptz,
  constraint purchase_order_number_key unique (connection_id, number)
);
comment on table purchase_order is 'An order of one ERP as its supplier sees it.';
comment on column purchase_order.revision is 'Counts what changed for the supplier; answers name the one they were written against.';
comment on column purchase_order.their_version is 'Orders the ERP''s news in time; older news is never applied over newer.';
comment on column purchase_order.opened_at is 'When somebody of the supplier first opened it.';

create table order_line (
  order_line_id uuid primary key,
  order_id uuid not null references purchase_order on delete cascade,
  number text not null,
  item_id uuid not null references item,
  item_number text not null,
  description text not null,
  supplier_item text,
  unit text not null,
  price numeric,
  tolerances jsonb not null default '{}',
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  constraint order_line_number_key unique (order_id, number)
);
comment on table order_line is 'What is ordered, at which price.';

create table schedule_line (
  schedule_line_id uuid primary key,
  order_line_id uuid not null references order_line on delete cascade,
  order_id uuid not null references purchase_order on delete cascade,
  number integer not null,
  quantity numeric not null check (quantity >= 0),
  requested_on date not null,
  state text not null check (state in ('published', 'in_review', 'accepted', 'countered', 'declined', 'cancelled')),
  version bigint not null check (version >= 1),
  first_promise jsonb,
  promise jsonb,
  proposal jsonb,
  counter jsonb,
  change jsonb,
  first_confirmed_on date,
  last_confirmed_on date,
  promised numeric,
  in_review_since timestamptz,
  promise_event_id uuid,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  constraint schedule_line_number_key unique (order_line_id, number),
  constraint schedule_line_review_is_timed check ((state = 'in_review') = (in_review_since is not null)),
  constraint schedule_line_review_has_a_proposal check ((state = 'in_review') = (proposal is not null)),
  constraint schedule_line_counter_is_there check (state <> 'countered' or counter is not null),
  constraint schedule_line_accepted_is_promised check (state <> 'accepted' or promise is not null)
);
comment on table schedule_line is 'When and how much: the unit of promise.';
comment on column schedule_line.first_promise is 'The first binding promise (domain::order::Commitment[]), kept for ever.';
comment on column schedule_line.promise is 'The binding promise now in force.';
comment on column schedule_line.proposal is 'What waits for the buyer (domain::order::Proposal).';
comment on column schedule_line.last_confirmed_on is 'Last delivery day of the promise in force; a copy for lists.';
comment on column schedule_line.promise_event_id is 'The event that told other systems the promise in force.';

create table confirmation (
  confirmation_id uuid primary key,
  order_id uuid not null references purchase_order on delete cascade,
  number integer not null,
  revision integer not null,
  channel text not null check (channel in ('portal', 'api', 'edi', 'email', 'on_behalf')),
  submission_id uuid not null,
  actor jsonb not null,
  at timestamptz not null,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  constraint confirmation_number_key unique (order_id, number),
  constraint confirmation_submission_key unique (submission_id)
);
comment on table confirmation is 'One immutable version of the answer to an order.';

create table confirmation_answer (
  confirmation_id uuid not null references confirmation on delete cascade,
  schedule_line_id uuid not null references schedule_line on delete cascade,
  kind text not null check (kind in ('accept', 'change', 'backorder', 'reject')),
  reason text,
  note text,
  deviations jsonb not null default '[]',
  by_rule boolean not null,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (confirmation_id, schedule_line_id)
);
create table commitment (
  confirmation_id uuid not null,
  schedule_line_id uuid not null,
  part integer not null,
  quantity numeric not null check (quantity > 0),
  unit text not null,
  deliver_on date,
  ship_on date,
  price numeric,
  supplier_id uuid not null references supplier,
  plant_id uuid not null references plant,
  primary key (confirmation_id, schedule_line_id, part),
  foreign key (confirmation_id, schedule_line_id) references confirmation_answer on delete cascade
);
comment on table commitment is 'So much on that day: one part of an answer.';

create table submission (
  submission_id uuid primary key,
  kind text not null,
  person_id uuid,
  at timestamptz not null,
  outcome jsonb not null
);
comment on table submission is 'Forms and calls that were carried out, by the key they came with: sent twice, the first outcome is given again.';

create table draft (
  person_id uuid not null references person on delete cascade,
  form text not null,
  object text not null,
  data jsonb not null,
  problems jsonb not null default '[]',
  updated_at timestamptz not null,
  primary key (person_id, form, object)
);
comment on table draft is 'What somebody typed and has not sent, with what was wrong with it.';

do $$
declare
  name text;
begin
  foreach name in array array['purchase_order', 'order_line', 'schedule_line', 'confirmation', 'confirmation_answer', 'commitment'] loop
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
alter table submission enable row level security;
alter table submission force row level security;
create policy submission_scope on submission using (
  (select current_setting('interlock.scope', true)) = 'all'
  or person_id = (select nullif(current_setting('interlock.person', true), '')::uuid)
);
alter table draft enable row level security;
alter table draft force row level security;
create policy draft_scope on draft using (person_id = (select nullif(current_setting('interlock.person', true), '')::uuid));

grant select, insert, update on purchase_order, order_line, schedule_line to interlock_app;
grant select, insert on confirmation, confirmation_answer, commitment, submission to interlock_app;
grant select, insert, update, delete on draft to interlock_app;

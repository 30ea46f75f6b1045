-- Which lots are inspected and who ends a hold are kept by quality engineers: in versions, with the reason of each, for one
-- plant or for all.

alter table inspection_plan
  add column plan_id uuid not null default gen_random_uuid(),
  add column version integer not null default 1 check (version > 0),
  add column plant_id uuid references plant,
  add column reason text not null default '',
  add column ended boolean not null default false,
  add column replaced_at timestamptz,
  add primary key (plan_id, version);
drop index inspection_plan_key;
create unique index inspection_plan_key on inspection_plan (
  item_id,
  coalesce(supplier_id, '00000000-0000-0000-0000-000000000000'),
  coalesce(plant_id, '00000000-0000-0000-0000-000000000000')) where replaced_at is null;
comment on column inspection_plan.plan_id is 'The same for all versions of a plan. A plan is about one item, of one supplier or all, in one plant or all.';
comment on column inspection_plan.ended is 'This version says that there is no plan of its own any more: the next wider one counts.';
comment on column inspection_plan.replaced_at is 'When the next version took its place; none for the one that counts.';

-- A plant reads the plans of all plants and its own, and writes its own.
drop policy inspection_plan_scope on inspection_plan;
create policy inspection_plan_scope on inspection_plan using (
  (select current_setting('interlock.scope', true)) = 'all'
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
  or (plant_id is null and (select current_setting('interlock.scope', true)) = 'plants')
) with check (
  (select current_setting('interlock.scope', true)) = 'all'
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
);

create table hold_policy (
  plant_id uuid not null references plant,
  hold_reason text not null,
  version integer not null check (version > 0),
  two_persons boolean not null,
  ended boolean not null default false,
  reason text not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  replaced_at timestamptz,
  primary key (plant_id, hold_reason, version)
);
create unique index hold_policy_key on hold_policy (plant_id, hold_reason) where replaced_at is null;
comment on table hold_policy is 'Whether a hold placed in a plant for a reason takes two persons to end. Counts for holds placed from then on.';
comment on column hold_policy.hold_reason is 'The reason of a hold, or any: what counts for all reasons without a policy of their own.';
comment on column hold_policy.ended is 'This version says that there is no policy of its own any more: the plant''s for any reason counts.';
comment on column plant.two_person_release is 'What counts until the plant has a policy for any reason (hold_policy). A hold on an item of a supplier counts everywhere and always takes two.';
alter table hold_policy enable row level security;
alter table hold_policy force row level security;
create policy hold_policy_scope on hold_policy using (
  (select current_setting('interlock.scope', true)) = 'all'
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
);
grant select, insert, update on hold_policy to interlock_app;

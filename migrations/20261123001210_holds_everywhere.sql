-- What a hold needs beyond the plant it is seen from: events without a plant that the house reads, the lots under it in
-- every plant, and which systems have heard of it.

alter table plant add column two_person_release boolean not null default true;
comment on column plant.two_person_release is 'Policy: a hold placed in this plant takes two persons to end. A hold on an item of a supplier counts everywhere and always takes two.';

-- A hold on an item of a supplier, or a certificate that counts for all plants, concerns every plant of the house.
alter policy event_scope on event using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
  or (plant_id is null and subject_kind in ('hold', 'certificate') and (select current_setting('interlock.scope', true)) = 'plants')
);
alter policy delivery_scope on delivery using (
  (select current_setting('interlock.scope', true)) = 'all'
  or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
  or plant_id = any ((select string_to_array(nullif(current_setting('interlock.plants', true), ''), ','))::uuid[])
  or (plant_id is null and subject_kind in ('hold', 'certificate') and (select current_setting('interlock.scope', true)) = 'plants')
);

-- Stock is asked for and held by lot; a lookup by its name in another system.
create index stock_lot on stock (plant_id, item_id, lot);
create index lot_plant on lot (plant_id, created_at desc, lot_id);
create index hold_list on hold (placed_at desc, hold_id);

-- The functions below see more than who asks: they set the widest scope for themselves. Whoever calls them has loaded the
-- hold or the plants in his own scope first. They give nothing but what is said here.

create function hold_lots(held uuid) returns table (
  lot_id uuid, item_number text, number text, supplier_lot text, unit text, expires_on date, plant_id uuid)
  language sql stable set interlock.scope = 'all' as $$
  select l.lot_id, l.item_number, l.number, l.supplier_lot, l.unit, l.expires_on, l.plant_id
  from hold h
  join lot l on l.item_id = h.item_id and case
      when h.lot_id is not null then l.lot_id = h.lot_id
      when h.scope = 'supplier_item' then l.supplier_id = h.supplier_id
      else l.plant_id = h.plant_id
    end
  where h.hold_id = held
  order by l.created_at, l.lot_id
$$;
comment on function hold_lots is 'The lots under a hold in every plant: for whom it is told to.';

create function block_hold_lots(held uuid, why text, who jsonb, moment timestamptz) returns bigint
  language sql volatile set interlock.scope = 'all' as $$
  with part as (
    select s.lot_id, s.status, s.plant_id, s.supplier_id,
           case when h.scope = 'serial' then least(s.quantity, 1) else s.quantity end as quantity
    from hold h
    cross join lateral hold_lots(h.hold_id) l
    join lot_stock s on s.lot_id = l.lot_id
    where h.hold_id = held and s.quantity > 0
      and (s.status = 'unrestricted' or s.status = 'restricted' and h.scope <> 'serial')
  ),
  taken as (
    update lot_stock s set quantity = s.quantity - part.quantity
    from part where s.lot_id = part.lot_id and s.status = part.status
  ),
  given as (
    insert into lot_stock (lot_id, status, quantity, plant_id, supplier_id)
    select lot_id, 'blocked', sum(quantity), plant_id, supplier_id from part group by lot_id, plant_id, supplier_id
    on conflict (lot_id, status) do update set quantity = lot_stock.quantity + excluded.quantity
  ),
  moved as (
    insert into lot_movement (lot_id, kind, from_status, to_status, quantity, at, recorded_at, actor, reason, plant_id, supplier_id)
    select lot_id, 'decision', status, 'blocked', quantity, moment, moment, who, why, plant_id, supplier_id from part
    returning 1
  )
  select count(*) from moved
$$;
comment on function block_hold_lots is 'What must not be used as it is stays out of use when its hold ends: it lies blocked.';

create function hold_hearers(held uuid, carriers text[]) returns table (
  connection_id uuid, name text, kind text, event_id uuid, event_kind text, told_at timestamptz, state text,
  finished_at timestamptz, their_ref text, attempts integer, next_attempt_at timestamptz, fault text, is_behind boolean,
  paused_at timestamptz, circuit text)
  language sql stable set interlock.scope = 'all' as $$
  select c.connection_id, c.name, c.kind, e.event_id, e.kind, e.at, d.state, d.finished_at, d.their_ref, d.attempts,
         d.next_attempt_at, d.fault_message,
         coalesce(r.cursor_position < e.position, true) or exists (
           select from jsonb_array_elements(r.gaps) gap where e.position between (gap ->> 0)::bigint and (gap ->> 1)::bigint),
         c.paused_at, c.circuit
  from hold h
  join lateral (
    select distinct on (e.kind) e.* from event e
    where e.subject_id = h.hold_id and e.kind in ('hold.placed', 'hold.released')
    order by e.kind, e.subject_version desc
  ) e on true
  join connection c on c.kind = any (carriers) and (c.plant_id is null or h.plant_id is null or c.plant_id = h.plant_id)
  left join connection_reader r on r.connection_id = c.connection_id
  left join lateral (
    select * from delivery d where d.connection_id = c.connection_id and d.event_id = e.event_id
    order by (d.state = 'delivered') desc, d.created_at desc
    limit 1
  ) d on true
  where h.hold_id = held
  order by c.name, e.subject_version
$$;
comment on function hold_hearers is 'Which systems carry holds, and what each made of this one''s placing and release.';

create function plant_sources(plants uuid[]) returns table (plant_id uuid, name text, heard_at timestamptz)
  language sql stable set interlock.scope = 'all' as $$
  select p.plant_id, c.name, c.last_ok_at
  from unnest(plants) as p (plant_id)
  join connection c on c.plant_id is null or c.plant_id = p.plant_id
  order by p.plant_id, c.last_ok_at nulls first
$$;
comment on function plant_sources is 'The systems that what is known of a plant comes from, and when each last answered as it should.';

revoke all on function hold_lots, block_hold_lots, hold_hearers, plant_sources from public;
grant execute on function hold_lots, block_hold_lots, hold_hearers, plant_sources to interlock_app;

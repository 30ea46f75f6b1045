-- The timeline of an order tells its whole way: also what became of its shipments, and which kind of system each trip went to.

-- Withdrawn ship notices belong to the story as well.
drop index ship_notice_line_order;
create index ship_notice_line_order on ship_notice_line (order_id);

-- Like those beside hold_lots, this function sees more than who asks. The name is for insiders: whoever calls it gives a
-- supplier the kind only.
create function connection_systems(connections uuid[]) returns table (connection_id uuid, system text, name text)
  language sql stable set interlock.scope = 'all' as $$
  select c.connection_id, case when c.settings ->> 'system' = 'wms' then 'wms' else 'erp' end, c.name
  from connection c
  where c.connection_id = any (connections)
$$;
comment on function connection_systems is 'What kind of system is behind each connection, and what the house calls it.';
revoke all on function connection_systems from public;
grant execute on function connection_systems to interlock_app;

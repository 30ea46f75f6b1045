-- The lists of inspections, holds and stock are cut by key, each in an order that an index has.

-- An inspection whose day nobody knows stands last.
create index inspection_due_list on inspection (coalesce(due_on, date '9999-12-31'), inspection_id) where state = 'due';
create index inspection_decided_list on inspection (decided_at, inspection_id) where state = 'decided';
create index inspection_skipped_list on inspection (decided_at, inspection_id) where state = 'skipped';
-- The same rows as hold_open, in an order that both ends of a page agree on.
drop index hold_open;
create index hold_in_force_list on hold (placed_at, hold_id) where state <> 'released';
create index hold_released_list on hold (placed_at, hold_id) where state = 'released';
-- Stock is listed by the item's number: item_number_key gives the order, this the rows of each item in it.
drop index stock_item;
create index stock_item on stock (item_id, plant_id, connection_id, lot, location);

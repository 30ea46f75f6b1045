-- How an item must be handled between supplier and shop floor, mirrored from the ERP, and which of it the supplier may see.

alter table item
  add column lots boolean not null default false,
  add column serials boolean not null default false,
  add column inspection boolean not null default false,
  add column shelf_life_days integer check (shelf_life_days > 0),
  add column days_left_on_arrival integer check (days_left_on_arrival >= 0);
comment on column item.lots is 'Every quantity belongs to a lot.';
comment on column item.serials is 'Every piece has a serial.';
comment on column item.inspection is 'Goes into inspection stock on arrival.';
comment on column item.shelf_life_days is 'Days from production to the last day of use.';
comment on column item.days_left_on_arrival is 'How many of them must be left on arrival.';

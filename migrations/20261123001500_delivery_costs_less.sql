-- An ordinary delivery costs its row, its indexes and its checks, a few ten thousand times a minute. Two of them say what
-- another says already: an event has one position, so that one trip per connection and position is one trip per connection
-- and event; and connections are never deleted, so that looking each one up again for every row proves nothing.

drop index delivery_position;
create unique index delivery_position on delivery (connection_id, event_position) where triggered_by = 'event';
drop index delivery_event_key;
alter table delivery drop constraint delivery_connection_id_fkey;

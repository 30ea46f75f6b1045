-- What the search box finds by the beginning of a number or by the number of somebody else. Compared byte by byte: an
-- operator that row-level security trusts, so the index is used whoever looks, and the newest number comes first from it.

create index ship_notice_begins on ship_notice (number collate "C");
create index receipt_begins on receipt (number collate "C");
create index difference_case_begins on difference_case (number collate "C");
create index ship_notice_by_delivery_note on ship_notice (delivery_note);
create index receipt_by_delivery_note on receipt (delivery_note) where delivery_note is not null;
create index receipt_by_their_ref on receipt (their_ref) where their_ref is not null;

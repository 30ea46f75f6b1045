-- What each receipt, certificate and waiver is looked up by, and had to be read through for.

create index receipt_matches on receipt (matches_id) where matches_id is not null;
create index difference_case_receipt on difference_case (receipt_id);
create index certificate_replaces on certificate (replaces_id) where replaces_id is not null;
create index certificate_waiver_notice on certificate_waiver (ship_notice_id) where ship_notice_id is not null;

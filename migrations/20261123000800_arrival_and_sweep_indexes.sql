-- Finds the first waiting message of a subject, and what the sweep throws away, without reading the rest.

create index arrival_lane on arrival (connection_id, subject, sequence) where state in ('received', 'retrying');
create index submission_at on submission (at);
create index draft_updated on draft (updated_at);

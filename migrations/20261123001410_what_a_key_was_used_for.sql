-- A machine's Idempotency-Key stands for one request. What the request was is kept beside the outcome, so that the same key
-- with another body is refused instead of answered with foreign news.
alter table submission add column request bytea check (octet_length(request) = 32);
comment on column submission.request is 'SHA-256 of method, path and body of the call; none for forms, whose key is made anew with every page.';

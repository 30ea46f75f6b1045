-- The daily sweep throws away outcomes of old submissions and drafts that nobody sent; until now nobody could.
--
-- Also closes a gap: subject had no policy, so that a transaction without a scope could count other people's events.

grant delete on submission to interlock_app;

-- The program's own loops act for no person and see everything; an administrator does not see what others have typed.
drop policy draft_scope on draft;
create policy draft_scope on draft using (
  person_id = (select nullif(current_setting('interlock.person', true), '')::uuid)
  or ((select current_setting('interlock.scope', true)) = 'all' and (select current_setting('interlock.person', true)) = '')
);

alter table subject enable row level security;
alter table subject force row level security;
-- Whoever may write an event counts it; the row says no more than how many there are.
create policy subject_scope on subject using ((select current_setting('interlock.scope', true)) in ('all', 'plants', 'suppliers'));

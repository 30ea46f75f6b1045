-- A certificate is of a supplier's lots, and a lot may go to several plants: no certificate ever belonged to one. The column
-- that said so is gone, and the house sees certificates as it did.
do $$
declare
  name text;
begin
  foreach name in array array['certificate', 'certificate_lot', 'certificate_document'] loop
    execute format('drop policy %I on %I', name || '_scope', name);
    execute format('alter table %I drop column plant_id', name);
    execute format($policy$
      create policy %I on %I using (
        (select current_setting('interlock.scope', true)) in ('all', 'plants')
        or supplier_id = any ((select string_to_array(nullif(current_setting('interlock.suppliers', true), ''), ','))::uuid[])
      )$policy$, name || '_scope', name);
  end loop;
end
$$;

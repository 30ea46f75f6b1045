-- What was uploaded and never attached to anything: the daily sweep removes it, so that it does not take its supplier's room
-- for ever.

-- One rule for all who ask, and within the rows that the asker sees anyway; the planner takes it apart like a view.
create function stray_document() returns setof document language sql stable as $$
  select document.*
  from document
  where not exists (select from certificate_document attached where attached.document_id = document.document_id)
    and not exists (select from receipt_line attached where attached.document_id = document.document_id)
    -- Somebody is still writing.
    and not exists (select from draft where position(document.document_id::text in draft.data::text) > 0)
$$;
comment on function stray_document is 'Documents that nothing refers to. Whatever comes to refer to documents is added here.';

create index receipt_line_document on receipt_line (document_id) where document_id is not null;
create index document_uploaded on document (uploaded_at);

grant delete on document to interlock_app;
-- A stray document that is sent again is new again.
grant update (uploaded_at) on document to interlock_app;

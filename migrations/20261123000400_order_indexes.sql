-- One index for every list of orders: the supplier's, the plant's, and everybody's, by due date and by state.

create index purchase_order_supplier on purchase_order (supplier_id, published_at desc, order_id);
create index purchase_order_plant on purchase_order (plant_id, published_at desc, order_id);
create index purchase_order_by_number on purchase_order (number);
create index order_line_order on order_line (order_id);
create index order_line_item on order_line (item_number text_pattern_ops);
create index schedule_line_order on schedule_line (order_id);
create index schedule_line_supplier_due on schedule_line (supplier_id, requested_on, schedule_line_id);
create index schedule_line_plant_due on schedule_line (plant_id, requested_on, schedule_line_id);
create index schedule_line_due on schedule_line (requested_on, schedule_line_id);
create index schedule_line_supplier_turn on schedule_line (supplier_id, requested_on, schedule_line_id) where state in ('published', 'countered');
create index schedule_line_review on schedule_line (in_review_since, schedule_line_id) where state = 'in_review';
create index schedule_line_plant_review on schedule_line (plant_id, in_review_since, schedule_line_id) where state = 'in_review';
create index confirmation_order on confirmation (order_id);
create index confirmation_answer_schedule_line on confirmation_answer (schedule_line_id);

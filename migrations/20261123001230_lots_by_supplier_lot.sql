-- A trace begins with a number that may be the supplier's, whoever he is.

create index lot_supplier_lot_alone on lot (supplier_lot) where supplier_lot is not null;

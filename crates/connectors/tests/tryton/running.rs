//! Tests that need the running ERP are skipped without it, and say so.

/// The running ERP, or a line that says why nothing is tested.
macro_rules! erp {
    () => {
        match crate::buyer::Erp::running() {
            Some(erp) => erp,
            None => {
                println!("skipped: no Tryton is running (INTERLOCK_TRYTON_URL is not set); use scripts/erp.sh test");
                return;
            }
        }
    };
}

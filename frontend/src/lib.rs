//! The entry point of the WebAssembly module: wakes the islands that a page was served with, and nothing else.
//!
//! Pages are finished HTML and plain forms before this file arrives (`docs/decisions/` says why); an island that
//! does not wake leaves a page that still works. Islands themselves live in `app`, beside the page they belong to.

// An island is found by its exported symbol, and the linker only keeps what a crate in use exports.
use app as _;

/// Called once by the script that leptos writes into every page, before it walks the page for islands.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}

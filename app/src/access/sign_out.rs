//! Signing out, and the choice of light or dark: two small forms of the frame.

use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;

use crate::error::AppError;

/// Ends this browser's session.
#[server(input = PostUrl, prefix = "/do", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), AppError> {
    use crate::request;
    if request::viewer().await.is_ok() {
        let mut tx = request::begin().await?;
        store::people::note_sign_out(&mut tx).await?;
        tx.commit().await?;
    }
    request::session()?.flush().await.map_err(request::session_failed)?;
    request::see_other("/sign-in");
    Ok(())
}

/// Keeps the look: `light`, `dark`, or anything else to follow the device. `back` is the page it was chosen on.
#[server(input = PostUrl, prefix = "/do", endpoint = "theme")]
pub async fn choose_theme(theme: String, #[server(default)] back: String) -> Result<(), AppError> {
    use crate::request;
    let chosen = ["light", "dark"].into_iter().find(|known| *known == theme);
    if request::viewer().await.is_ok() {
        let mut tx = request::begin().await?;
        store::people::save_theme(&mut tx, chosen).await?;
        tx.commit().await?;
    }
    request::set_theme_cookie(chosen)?;
    request::see_other(&back);
    Ok(())
}

//! Asking for pages: few connections that stay open, each request after the answer to the last.

use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, COOKIE};
use serde_json::{Value, json};

use crate::Outcomes;

/// A page to ask for.
#[derive(Clone)]
pub struct Target {
    client: Client,
    url: String,
    cookie: String,
}

/// What a round came to.
pub struct Round {
    pub times: Vec<Duration>,
    pub took: Duration,
    /// Of one answer's body.
    pub bytes: usize,
}

impl Round {
    pub fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }
}

impl Target {
    pub fn new(address: &str, path: &str, cookie: Option<&str>) -> Outcomes<Self> {
        Ok(Self { client: client()?, url: format!("{address}{path}"), cookie: cookie.unwrap_or_default().to_owned() })
    }

    async fn get(&self) -> Outcomes<usize> {
        let answer = self
            .client
            .get(&self.url)
            .header(COOKIE, &self.cookie)
            .header(ACCEPT, "text/html")
            .header(ACCEPT_ENCODING, "identity")
            .send()
            .await?;
        if answer.status() != 200 {
            return Err(format!("{} answered {}", self.url, answer.status()).into());
        }
        Ok(answer.bytes().await?.len())
    }
}

/// A client that takes what it gets: no redirects, nothing unpacked.
pub fn client() -> Outcomes<Client> {
    Ok(Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().no_gzip().build()?)
}

/// So many requests in all.
pub async fn round(target: &Target, connections: usize, requests: usize) -> Outcomes<Round> {
    let begun = Instant::now();
    let one = async |target: Target| -> Outcomes<(Vec<Duration>, usize)> {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..requests / connections {
            let asked = Instant::now();
            bytes = target.get().await?;
            times.push(asked.elapsed());
        }
        Ok((times, bytes))
    };
    let all = futures::future::try_join_all((0..connections).map(|_| one(target.clone()))).await?;
    let took = begun.elapsed();
    let bytes = all.first().map_or(0, |(_, bytes)| *bytes);
    Ok(Round { times: all.into_iter().flat_map(|(times, _)| times).collect(), took, bytes })
}

/// The bytes that the first visit of a browser brings, packed as browsers ask for: the sign-in page and what it names.
pub async fn first_visit(address: &str) -> Outcomes<Value> {
    let client = client()?;
    // None: the site was not built for this program.
    let packed = async |path: &str| -> Outcomes<Option<usize>> {
        let answer = client.get(format!("{address}{path}")).header(ACCEPT_ENCODING, "br").send().await?;
        if answer.status() != 200 {
            return Ok(None);
        }
        Ok(Some(answer.bytes().await?.len()))
    };
    let plain =
        client.get(format!("{address}/sign-in")).header(ACCEPT_ENCODING, "identity").send().await?.text().await?;
    let page = packed("/sign-in").await?;
    let mut files: Vec<&str> = plain
        .split(['"', '\'', '(', ')'])
        .filter(|word| (word.starts_with("/pkg/") || word.starts_with("/fonts/")) && word.contains('.'))
        .collect();
    files.sort_unstable();
    files.dedup();
    // The script names its module by the same name.
    let modules: Vec<String> = module_of(&plain).into_iter().collect();
    files.extend(modules.iter().map(String::as_str));
    files.sort_unstable();
    files.dedup();
    let (mut bytes, mut total) = (Vec::new(), page);
    for file in files {
        let size = packed(file).await?;
        total = total.zip(size).map(|(total, size)| total + size);
        bytes.push(json!({ "file": file, "bytes": size }));
    }
    Ok(json!({ "page": page, "files": bytes, "total": total }))
}

/// The WebAssembly module that the page's start script loads.
fn module_of(page: &str) -> Option<String> {
    let end = page.find(".wasm")? + ".wasm".len();
    let start = page[..end].rfind(['"', '\'', '`'])? + 1;
    let name = &page[start..end];
    Some(if name.starts_with('/') { name.to_owned() } else { format!("/pkg/{name}") })
}

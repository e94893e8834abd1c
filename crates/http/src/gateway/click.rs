//! `/l/{token}`: leads where a link of a mail leads, and notes that it was followed.
//!
//! Whoever follows it gets there, whatever becomes of the note: the address stands in the token, signed. Whether it was a person is
//! judged a minute later ([`rapport_engine::clicks`]).

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use rapport_engine::ports::{rows::ClickRow, store::StoreError};
use rapport_message::{
    counted,
    link::{Claims, Keys},
};
use tracing::warn;

use super::{Gateway, Trouble, browser_words, visit::Token};
use crate::{metric, page::Page};

/// Nobody waits longer for a note to be written.
const NOTED_WITHIN: Duration = Duration::from_secs(2);
const SECONDS_A_DAY: i64 = 86_400;

/// Words in the names of programmes that follow links by themselves.
const MACHINES: &[&str] = &[
    "bot/",
    "bot;",
    "bot)",
    "slackbot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "prefetch",
    "monitor",
    "headless",
    "phantom",
    "curl/",
    "wget",
    "python",
    "java/",
    "okhttp",
    "go-http-client",
    "libwww",
    "barracuda",
    "mimecast",
    "proofpoint",
    "safelinks",
    "facebookexternalhit",
    "whatsapp",
];

/// A link as it was signed.
struct Link {
    message: String,
    link: u32,
    of: u32,
    until: i64,
    location: HeaderValue,
}

/// Leads there.
pub(super) async fn follow(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let words = browser_words(&headers);
    let Some(link) = token.ok().and_then(|Path(token)| read(&gateway.keys, &token)) else {
        count("refused");
        return Err(Trouble::Lost.page(words));
    };
    let noted = tokio::time::timeout(NOTED_WITHIN, note(&gateway, &link, &method, &headers)).await;
    let what = match noted {
        Ok(Ok(what)) => what,
        Ok(Err(error)) => {
            warn!(%error, "a click is not noted");
            "lost"
        }
        Err(_) => {
            warn!("a click is not noted in time");
            "lost"
        }
    };
    count(what);
    if what == OVER {
        return Err(Page::new(words, "", words.lost_title).text(words.lost_text).respond(StatusCode::GONE));
    }
    Ok((StatusCode::FOUND, [(header::LOCATION, link.location)]).into_response())
}

/// What is counted of a link that leads nowhere any more.
const OVER: &str = "over";

/// Notes the click; says what there was to note.
async fn note(
    gateway: &Gateway,
    link: &Link,
    method: &Method,
    headers: &HeaderMap,
) -> Result<&'static str, StoreError> {
    let now = gateway.clock.now().await?;
    if now.as_second().div_euclid(SECONDS_A_DAY) > link.until {
        return Ok(OVER);
    }
    // Browsers ask so for nobody; it never counts.
    if *method == Method::HEAD {
        return Ok("head");
    }
    let click = ClickRow {
        message: link.message.clone(),
        link: link.link,
        of: link.of,
        // As it is kept.
        at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
        machine: is_machine(headers),
        visitor: visitor(&gateway.keys, headers),
    };
    Ok(if gateway.store.note_click(&click).await? { "noted" } else { "known" })
}

fn count(what: &'static str) {
    metrics::counter!(metric::CLICKS, "what" => what).increment(1);
}

/// The link of a genuine token.
fn read(keys: &Keys, token: &str) -> Option<Link> {
    let Some(Claims::Click { message, link, of, until, url }) = keys.verify(token) else { return None };
    let (link, of): (u32, u32) = (link.parse().ok()?, of.parse().ok()?);
    let is_whole = (1..=of).contains(&link) && counted::host(&url).is_some();
    let location = HeaderValue::from_str(&url).ok().filter(|_| is_whole)?;
    Some(Link { message, link, of, until: until.parse().ok()?, location })
}

/// Whether the visitor says to be a machine, or to look ahead for somebody, or not who it is at all.
fn is_machine(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_ascii_lowercase);
    let ahead = ["purpose", "sec-purpose", "x-purpose", "x-moz"]
        .into_iter()
        .filter_map(text)
        .any(|purpose| purpose.contains("prefetch") || purpose.contains("preview"));
    let named = text(header::USER_AGENT.as_str()).filter(|agent| !agent.trim().is_empty());
    ahead || named.is_none_or(|agent| MACHINES.iter().any(|word| agent.contains(word)))
}

/// What stands for the visitor's address, as the proxy in front of the gateway tells it: the last of the list, for all before it can be
/// made up. Without a proxy that tells it, nobody is known by it.
fn visitor(keys: &Keys, headers: &HeaderMap) -> Option<String> {
    let told = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let address: IpAddr = told.rsplit(',').next()?.trim().parse().ok()?;
    keys.visitor(&address.to_canonical().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter()
            .map(|&(name, value)| (axum::http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn machines_are_known_by_what_they_say() {
        let firefox = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
        assert!(!is_machine(&headers(&[firefox])));
        assert!(is_machine(&headers(&[firefox, ("sec-purpose", "prefetch;prerender")])));
        for machine in ["", " ", "Mozilla/5.0 (compatible; bingbot/2.0)", "curl/8.5.0", "Barracuda Sentinel (EE)"] {
            assert!(is_machine(&headers(&[("user-agent", machine)])), "{machine}");
        }
        assert!(is_machine(&headers(&[])));
    }

    #[test]
    fn a_visitor_is_who_the_nearest_proxy_saw() {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let known = |told: &'static str| visitor(&keys, &headers(&[("x-forwarded-for", told)]));
        assert!(known("192.0.2.7").is_some());
        assert_eq!(known("198.51.100.1, 192.0.2.7"), known("192.0.2.7"));
        assert_eq!(known("::ffff:192.0.2.7"), known("192.0.2.7"));
        assert_ne!(known("192.0.2.7, 198.51.100.1"), known("192.0.2.7"));
        assert_eq!((known("unknown"), known("192.0.2.7,"), visitor(&keys, &headers(&[]))), (None, None, None));
    }
}

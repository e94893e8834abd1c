//! Where links of a mail lead, and what they say of that.

use rapport_rule::{Findings, Span};

/// Warnings for one link: `url` as written, `shown` its words. What a value is part of is only known when it is rendered.
pub(super) fn lint(url: &str, shown: &str, path: &str, span: Span, findings: &mut Findings) {
    let Some((scheme, rest)) = url.trim().split_once("://") else { return };
    if scheme.eq_ignore_ascii_case("http") {
        findings
            .warning("R0469", path, span, "a link without https")
            .label("write `https://`")
            .hint("Browsers warn of such pages, filters count the link against the mail, and who is between can change what is read.");
        return;
    }
    let host = host(rest);
    if host.contains("{{") || host.is_empty() {
        return;
    }
    if is_ip(&host) {
        findings
            .warning("R0469", path, span, format!("a link to `{host}`, an address without a name"))
            .hint("Mail that links so is mostly fraud, and filters treat it so. Link to the name of the host.");
        return;
    }
    if let Some(said) = said(shown).filter(|said| !is_same(said, &host)) {
        findings
            .warning("R0469", path, span, format!("the link says `{said}` and leads to `{host}`"))
            .hint("That is how fraud looks: Gmail and Outlook warn of it. Say where it leads, or what is there.");
    }
}

/// The host of an address without its scheme.
fn host(rest: &str) -> String {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None if host.contains("{{") => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn is_ip(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

/// The host that the words of a link are, if they are one.
fn said(shown: &str) -> Option<String> {
    let shown = shown.trim();
    if shown.is_empty() || shown.contains(char::is_whitespace) || shown.contains("{{") || shown.contains('@') {
        return None;
    }
    let rest = match shown.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(_) => return None,
        None => shown,
    };
    let host = host(rest);
    let (name, ending) = host.rsplit_once('.')?;
    let is_host = !name.is_empty()
        && (2..=24).contains(&ending.len())
        && ending.bytes().all(|b| b.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    // `report.pdf` is a file, `3.5` a number: a name alone has to look like an address.
    let looks_so = shown.contains("://") || shown.starts_with("www.") || shown.contains('/') || name.contains('.');
    (is_host && (looks_so || KNOWN_ENDINGS.contains(&ending))).then_some(host)
}

/// Endings that hosts have and files have not.
const KNOWN_ENDINGS: [&str; 10] = ["com", "net", "org", "example", "eu", "de", "at", "ch", "no", "uk"];

/// Whether one is the other or a part of it.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    let (one, other) = (bare(one), bare(other));
    let below = |inner: &str, outer: &str| inner.strip_suffix(outer).is_some_and(|rest| rest.ends_with('.'));
    one == other || below(&one, &other) || below(&other, &one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, shown: &str, expected: &[&str]) {
        let mut findings = Findings::new();
        lint(url, shown, "a.mail.md", Span::at(0), &mut findings);
        let found: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, expected, "[{shown}]({url})");
    }

    #[test]
    fn a_link_that_can_be_read_on_the_way_is_told() {
        check("http://acme.example/x", "Your account", &["a link without https"]);
        check("https://acme.example/x", "Your account", &[]);
        check("mailto:ada@acme.example", "acme.example", &[]);
    }

    #[test]
    fn a_host_without_a_name_is_told() {
        check("https://192.0.2.7:8443/x", "Here", &["a link to `192.0.2.7`, an address without a name"]);
        check("https://[2001:db8::1]/", "Here", &["a link to `2001:db8::1`, an address without a name"]);
        check("https://1.2.3.example", "Here", &[]);
    }

    #[test]
    fn a_link_that_says_another_host_is_told() {
        let told = "the link says `acme.example` and leads to `track.mail.example`";
        check("https://track.mail.example/c?u=1", "acme.example", &[told]);
        check("https://track.mail.example/c?u=1", "https://acme.example/terms", &[told]);
        for same in ["acme.example", "www.acme.example", "https://acme.example/terms", "help.acme.example"] {
            check("https://www.acme.example/terms", same, &[]);
        }
        for words in ["Terms of acme.example", "report.pdf", "3.5", "ada@acme.example", "{{program.url}}"] {
            check("https://track.mail.example/c", words, &[]);
        }
        check("https://{{program.host}}/x", "acme.example", &[]);
    }
}

//! Which links of a mail may be counted: those to hosts that the files name, and nothing that could be read in two ways.
//!
//! An address can come with a value that a tracker told. Led through our own host it would borrow our good name, so only hosts that
//! somebody wrote down are led to; and what browsers and this code might understand differently stays as it is.

/// A longer address is not counted: with its signature a link should stay below what mail clients and logs carry.
pub const ADDRESS_BYTES_MAX: usize = 500;
/// More links of a mail are not counted.
pub const LINKS_MAX: usize = 100;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counting<'a> {
    /// Hosts in small letters; those below them are meant too.
    pub hosts: &'a [String],
    /// Where the gateway is reached: unsubscribing, answers, reasons, preferences, goals and certificates are never led through
    /// anything.
    pub gateway: &'a str,
}

impl Counting<'_> {
    /// Whether a link to this address is counted.
    #[must_use]
    pub fn counts(&self, url: &str) -> bool {
        let Some(host) = host(url) else { return false };
        self::host(self.gateway).is_none_or(|own| own != host)
            && self.hosts.iter().any(|listed| {
                host.strip_suffix(listed.as_str()).is_some_and(|below| below.is_empty() || below.ends_with('.'))
            })
    }
}

/// The host of an `http` or `https` address that can be read in one way only, in small letters. None where there is a user, an escape
/// or a backslash in front of the path, or anywhere a character that a header cannot hold.
#[must_use]
pub fn host(url: &str) -> Option<String> {
    if url.len() > ADDRESS_BYTES_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let is_host = !host.is_empty() && host.bytes().all(plain) && !host.starts_with('.') && !host.ends_with('.');
    (is_host && port.bytes().all(|byte| byte.is_ascii_digit())).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(url: &str) -> bool {
        let hosts = ["acme.example".to_owned()];
        Counting { hosts: &hosts, gateway: "https://partners.acme.example" }.counts(url)
    }

    #[test]
    fn links_to_listed_hosts_are_counted() {
        for counted in [
            "https://acme.example",
            "https://acme.example/",
            "HTTPS://Acme.Example/x?y=1&z=@#a:b",
            "http://shop.acme.example:8443/new",
            "https://acme.example?x=1",
        ] {
            assert!(counts(counted), "{counted}");
        }
    }

    #[test]
    fn what_is_hostile_odd_or_our_own_stays_as_it_is() {
        for left in [
            "https://evil.example/?u=https://acme.example",
            "https://evilacme.example",
            "https://acme.example.evil.example",
            "https://acme.example@evil.example",
            "https://acme.example:x@evil.example",
            "https://acme.example:80@evil.example",
            "https://evil.example\\@acme.example",
            "https://evil.example\\.acme.example",
            "https://evil.example%2f.acme.example",
            "https://evil.example\t.acme.example",
            "https://acme.example.",
            "https://.acme.example",
            "https:acme.example",
            "https:///acme.example",
            "https://acme.example/\r\nSet-Cookie: a=b",
            "https://acme.example/ü",
            "https://аcme.example",
            "mailto:ines@acme.example",
            "javascript://acme.example/%0aalert(1)",
            "//acme.example",
            "https://partners.acme.example/u/token",
            "https://PARTNERS.acme.example:443/a/token",
            "",
        ] {
            assert!(!counts(left), "{left}");
        }
        assert!(!counts(&format!("https://acme.example/{}", "x".repeat(ADDRESS_BYTES_MAX))));
    }

    proptest! {
        #[test]
        fn what_is_counted_leads_to_a_listed_host_however_it_is_written(before in "[ -~]{0,12}", behind in "[ -~]{0,20}") {
            let url = format!("https://{before}acme.example{behind}");
            if counts(&url) {
                let authority = url.trim_start_matches("https://").split(['/', '?', '#']).next().unwrap().to_owned();
                let name = authority.split(':').next().unwrap().to_ascii_lowercase();
                prop_assert!(name == "acme.example" || name.ends_with(".acme.example"), "{}", url);
                prop_assert!(!authority.contains(['@', '\\', '%']), "{}", url);
            }
        }
    }
}

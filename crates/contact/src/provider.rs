//! Whose mailboxes an address is among: reputation is kept by the provider, not by the domain.

/// The code of every domain that is not known to be of a large provider. Small domains are judged together: one alone never has
/// the volume that a rate needs.
pub const OTHER: &str = "other";

/// Codes and the domains whose mailboxes they are. Domains of companies that are hosted there are not told by their names, and
/// count as [`OTHER`]. A name that ends in a dot stands for every country's ending.
const PROVIDERS: &[(&str, &[&str])] = &[
    ("apple", &["icloud.com", "mac.com", "me.com"]),
    ("comcast", &["comcast.net"]),
    ("google", &["gmail.com", "googlemail.com"]),
    ("mailru", &["bk.ru", "inbox.ru", "list.ru", "mail.ru"]),
    ("microsoft", &["hotmail.", "live.", "msn.com", "outlook."]),
    ("orange", &["orange.fr", "wanadoo.fr"]),
    ("proton", &["pm.me", "proton.me", "protonmail.com"]),
    ("qq", &["foxmail.com", "qq.com"]),
    ("telekom", &["magenta.de", "t-online.de"]),
    ("united_internet", &["gmx.", "mail.com", "web.de"]),
    ("yahoo", &["aol.com", "rocketmail.com", "yahoo.", "ymail.com"]),
    ("yandex", &["ya.ru", "yandex."]),
];

/// The provider of a domain's mailboxes: a code of a closed set, [`OTHER`] where it is none of the large ones.
#[must_use]
pub fn provider_of(domain: &str) -> &'static str {
    let domain = domain.to_ascii_lowercase();
    // `hotmail.co.uk` and `hotmail.fr`, but not `hotmail.evil.example`: an ending has at most two short parts.
    let is_ending =
        |rest: &str| rest.split('.').count() <= 2 && rest.split('.').all(|part| (2..=3).contains(&part.len()));
    let is_of = |name: &&str| match name.strip_suffix('.') {
        Some(_) => domain.strip_prefix(*name).is_some_and(is_ending),
        None => domain == **name,
    };
    PROVIDERS.iter().find(|(_, names)| names.iter().any(is_of)).map_or(OTHER, |(code, _)| code)
}

/// The codes of all providers.
pub fn providers() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|(code, _)| *code).chain([OTHER])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_belong_to_their_providers() {
        for (domain, code) in [
            ("gmail.com", "google"),
            ("GoogleMail.com", "google"),
            ("hotmail.co.uk", "microsoft"),
            ("outlook.de", "microsoft"),
            ("yahoo.com", "yahoo"),
            ("gmx.net", "united_internet"),
            ("hotmail.evil.example", OTHER),
            ("mygmail.com", OTHER),
            ("yahoo.", OTHER),
            ("shop.example", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(provider_of(domain), code, "{domain}");
            assert!(providers().any(|known| known == code));
        }
    }
}

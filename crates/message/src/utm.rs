//! `utm_…` in links, by which the statistics of a site tell what brought its visitors.

use crate::counted::ADDRESS_BYTES_MAX;

/// What the links of a mail are marked with.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// `utm_source`: the programme's mail, by the name its files give it.
    pub source: &'a str,
    /// `utm_campaign`.
    pub workflow: &'a str,
    /// `utm_content`.
    pub mail: &'a str,
}

impl Marks<'_> {
    /// The address with the marks, inside its query and before its fragment. None where it stays as it is: whoever wrote a mark of their
    /// own means that one, and an address that would become too long leads nowhere in some clients.
    #[must_use]
    pub fn on(&self, url: &str) -> Option<String> {
        let (before, fragment) = match url.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (url, None),
        };
        let query = before.split_once('?').map(|(_, query)| query);
        // Some statistics read marks behind the `#`, too.
        if query.into_iter().chain(fragment).any(is_marked) {
            return None;
        }
        let joint = match query {
            None => "?",
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let mut marked = format!("{before}{joint}utm_source={}&utm_medium=email", escaped(self.source));
        for (name, value) in [("utm_campaign", self.workflow), ("utm_content", self.mail)] {
            if !value.is_empty() {
                marked.push_str(&format!("&{name}={}", escaped(value)));
            }
        }
        if let Some(fragment) = fragment {
            marked.push('#');
            marked.push_str(fragment);
        }
        (marked.len() <= ADDRESS_BYTES_MAX).then_some(marked)
    }
}

fn is_marked(query: &str) -> bool {
    query.split(['&', ';', '?']).any(|pair| pair.get(..4).is_some_and(|begins| begins.eq_ignore_ascii_case("utm_")))
}

/// A value for a query: nothing in it ends the value, the query or the address.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARKS: Marks<'_> = Marks { source: "partner-mail", workflow: "welcome", mail: "first-tips" };
    const WRITTEN: &str = "utm_source=partner-mail&utm_medium=email&utm_campaign=welcome&utm_content=first-tips";

    #[track_caller]
    fn check(url: &str, expected: Option<&str>) {
        let expected = expected.map(|expected| expected.replace("UTM", WRITTEN));
        assert_eq!(MARKS.on(url), expected, "{url}");
    }

    #[test]
    fn marks_stand_in_the_query_and_before_the_fragment() {
        check("https://acme.example", Some("https://acme.example?UTM"));
        check("https://acme.example/new", Some("https://acme.example/new?UTM"));
        check("https://acme.example/new?", Some("https://acme.example/new?UTM"));
        check("https://acme.example/new?x=1", Some("https://acme.example/new?x=1&UTM"));
        check("https://acme.example/new?x=1&", Some("https://acme.example/new?x=1&UTM"));
        check("https://acme.example/new#top", Some("https://acme.example/new?UTM#top"));
        check("https://acme.example/new?x=%20#a?b", Some("https://acme.example/new?x=%20&UTM#a?b"));
    }

    #[test]
    fn a_mark_of_the_authors_own_stays_alone() {
        for own in ["?utm_source=blog", "?x=1&utm_content=a", "?UTM_Medium=x", "#utm_campaign=x", "?a=1;utm_id=3"] {
            check(&format!("https://acme.example/new{own}"), None);
        }
        // What only looks alike is none.
        check("https://acme.example/utm_source=1", Some("https://acme.example/utm_source=1?UTM"));
        check("https://acme.example/?my_utm_source=1", Some("https://acme.example/?my_utm_source=1&UTM"));
    }

    #[test]
    fn a_link_is_marked_once_and_never_too_long() {
        let once = MARKS.on("https://acme.example/new").unwrap();
        check(&once, None);
        check(&format!("https://acme.example/{}", "x".repeat(ADDRESS_BYTES_MAX - 50)), None);
        let odd = Marks { source: "a b", workflow: "ü&x=#", mail: "" };
        let expected = "https://acme.example/?utm_source=a%20b&utm_medium=email&utm_campaign=%C3%BC%26x%3D%23";
        assert_eq!(odd.on("https://acme.example/").as_deref(), Some(expected));
    }

    proptest! {
        #[test]
        fn marks_take_nothing_from_an_address(url in "https://acme\\.example/[!-~]{0,40}", mail in "\\PC{0,12}") {
            let marks = Marks { mail: &mail, ..MARKS };
            if let Some(marked) = marks.on(&url) {
                let (before, fragment) = url.split_once('#').unwrap_or((url.as_str(), ""));
                prop_assert!(marked.starts_with(before), "{marked}");
                let end = marked.split_once('#').map_or("", |(_, end)| end);
                prop_assert_eq!(end, fragment);
                prop_assert_eq!(marks.on(&marked), None);
                prop_assert!(marked.bytes().all(|byte| byte.is_ascii_graphic()), "{marked}");
            }
        }
    }
}

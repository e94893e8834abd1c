//! Languages of mails, and the order in which they are looked for.

use std::fmt;
use std::sync::Arc;

/// A language tag like `de`, `de-AT` or `pt-BR`, in its usual spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale(Arc<str>);

impl Locale {
    /// Reads a tag: a language of two or three letters, then parts of up to eight letters or digits. `de_AT` and `DE-at`
    /// are `de-AT`. None for anything else.
    pub fn parse(tag: &str) -> Option<Locale> {
        let mut spelled = String::with_capacity(tag.len());
        for (at, part) in tag.trim().split(['-', '_']).enumerate() {
            let fits = part.chars().all(|c| c.is_ascii_alphanumeric())
                && if at == 0 {
                    (2..=3).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphabetic())
                } else {
                    (1..=8).contains(&part.len())
                };
            if !fits || spelled.len() > 30 {
                return None;
            }
            if at == 0 {
                spelled.push_str(&part.to_ascii_lowercase());
                continue;
            }
            spelled.push('-');
            match part.len() {
                2 => spelled.push_str(&part.to_ascii_uppercase()),
                4 => {
                    let (first, rest) = part.split_at(1);
                    spelled.push_str(&first.to_ascii_uppercase());
                    spelled.push_str(&rest.to_ascii_lowercase());
                }
                _ => spelled.push_str(&part.to_ascii_lowercase()),
            }
        }
        Some(Locale(spelled.into()))
    }

    /// English, what is used when nothing else is said.
    pub fn english() -> Locale {
        Locale(Arc::from("en"))
    }

    /// The tag: `de-AT`.
    pub fn tag(&self) -> &str {
        &self.0
    }

    /// The language alone: `de` of `de-AT`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// The tags to look for, nearest first: the partner's, its base, the programme's, its base. Each once.
    pub fn chain(partner: Option<&Locale>, program: &Locale) -> Vec<Locale> {
        let mut chain: Vec<Locale> = Vec::with_capacity(4);
        for locale in partner.into_iter().chain([program]) {
            for candidate in [locale.clone(), Locale(Arc::from(locale.language()))] {
                if !chain.contains(&candidate) {
                    chain.push(candidate);
                }
            }
        }
        chain
    }

    /// `rtl` for languages written from right to left, else `ltr`.
    pub fn direction(&self) -> &'static str {
        match self.language() {
            "ar" | "arc" | "ckb" | "dv" | "fa" | "he" | "ps" | "sd" | "ug" | "ur" | "yi" => "rtl",
            _ => "ltr",
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_spelled_one_way_and_odd_ones_refused() {
        for (written, read) in [("de_at", "de-AT"), ("EN", "en"), ("zh-hant-tw", "zh-Hant-TW"), ("nb", "nb")] {
            assert_eq!(Locale::parse(written).unwrap().tag(), read);
        }
        for odd in ["", "d", "german", "de-", "de-aaaaaaaaa", "../x", "12"] {
            assert_eq!(Locale::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_chain_goes_from_the_partner_to_the_programme() {
        let (austria, english) = (Locale::parse("de-AT").unwrap(), Locale::english());
        let tags: Vec<String> = Locale::chain(Some(&austria), &english).iter().map(Locale::to_string).collect();
        assert_eq!(tags, ["de-AT", "de", "en"]);
        assert_eq!(Locale::chain(None, &english), [english]);
    }
}

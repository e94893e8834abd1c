//! The nearest right word.

/// The candidate that `word` was most likely meant to be, or none when nothing is near: at most one slip for short words,
/// about one in three letters for long ones. A swap of two letters is one slip; case and `-`/`_` do not count.
pub fn nearest<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    // Distance is quadratic in the length; nobody means a name of 100 letters.
    if word.is_empty() || word.len() > 100 {
        return None;
    }
    let plain = plain(word);
    let length = plain.chars().count();
    let slips_max = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word && candidate.len() <= 100)
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &self::plain(candidate)), candidate))
        // A word of two letters is one slip away from nearly anything.
        .filter(|(slips, candidate)| *slips <= slips_max && *slips < candidate.chars().count().min(length.max(2)))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// Whether a word is another with at most one slip of the pen in it: a letter too many, too few, wrong or swapped. A number is never
/// meant to be another.
#[must_use]
pub fn is_slip(word: &str, meant: &str) -> bool {
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    strsim::damerau_levenshtein(&plain(word), &plain(meant)) <= 1 && digits(word) == digits(meant)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// A list for people: "`a`, `b`, `c` …", at most `most` of them.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(most).map(|name| format!("`{name}`")).collect();
    let more = if names.next().is_some() { " …" } else { "" };
    shown.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let keys = ["when", "once", "steps", "stop_when", "health", "conversions_total"];
        for (word, expected) in [
            ("wehn", Some("when")),
            ("step", Some("steps")),
            ("stop-when", Some("stop_when")),
            ("Health", Some("health")),
            ("helth", Some("health")),
            ("conversion_total", Some("conversions_total")),
            ("zebra", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        assert_eq!(listed(["a", "b", "c"], 2), "`a`, `b` …");
        assert_eq!(listed(["a", "b"], 2), "`a`, `b`");
    }
}

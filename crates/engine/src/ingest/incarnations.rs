//! How often a source was made anew under the same name: what stands at a place then is another record.

use std::collections::BTreeMap;

/// Names of files among sources begin so; a file is named by its content and never made anew.
pub const FILE: &str = "file:";

/// By source; one that is not named was never made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incarnations(BTreeMap<String, u32>);

impl Incarnations {
    /// Which one of the source is read now.
    #[must_use]
    pub fn of(&self, source: &str) -> u32 {
        if source.starts_with(FILE) { 0 } else { self.0.get(source).copied().unwrap_or(0) }
    }

    /// The name under which a source's refused records are kept: places of one made anew are others.
    pub(super) fn name(&self, source: &str) -> String {
        match self.of(source) {
            0 => source.to_owned(),
            anew => format!("{source}#{anew}"),
        }
    }
}

impl FromIterator<(String, u32)> for Incarnations {
    fn from_iter<T: IntoIterator<Item = (String, u32)>>(all: T) -> Self {
        Self(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_made_anew_leaves_the_others_and_every_file_what_they_were() {
        let all: Incarnations = [("activity".to_owned(), 2), ("file:abc".to_owned(), 3)].into_iter().collect();
        assert_eq!(["activity", "conversions", "file:abc"].map(|name| all.of(name)), [2, 0, 0]);
        assert_eq!(
            ["activity", "conversions", "file:abc"].map(|name| all.name(name)),
            ["activity#2", "conversions", "file:abc"]
        );
    }
}

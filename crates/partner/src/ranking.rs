//! The most frequent few of many: products and categories a partner sells.

use std::sync::Arc;

/// How many names are kept.
pub const RANKED_MAX: usize = 8;

/// A bounded count of names. Exact while a partner sells at most [`RANKED_MAX`] different ones; beyond that the rarest give way and
/// a new name starts at their count (space-saving, Metwally et al. 2005), so that a frequent name is never lost but may be
/// overrated, and then the order of arrival matters for the tail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranking(pub(crate) Vec<(Arc<str>, i64)>);

impl Ranking {
    /// Adds to a name's count; below one it goes.
    pub fn add(&mut self, name: &Arc<str>, count: i64) {
        self.add_within(name, count, RANKED_MAX);
    }

    /// The same with room for another number of names.
    pub(crate) fn add_within(&mut self, name: &Arc<str>, count: i64, most: usize) {
        if let Some(place) = self.0.iter().position(|(known, _)| known == name) {
            let gone = self.0.get_mut(place).is_some_and(|(_, known)| {
                *known = known.saturating_add(count);
                *known <= 0
            });
            if gone {
                self.0.remove(place);
            }
        } else if count > 0 {
            let mut count = count;
            if self.0.len() >= most {
                let rarest =
                    self.0.iter().enumerate().min_by(|(_, one), (_, two)| (one.1, &two.0).cmp(&(two.1, &one.0)));
                if let Some(place) = rarest.map(|(place, _)| place) {
                    count = count.saturating_add(self.0.remove(place).1);
                }
            }
            let place = self.0.partition_point(|(known, _)| known < name);
            self.0.insert(place, (name.clone(), count));
        }
    }

    /// The most frequent name; of equally frequent ones the first by alphabet.
    pub fn top(&self) -> Option<&Arc<str>> {
        self.0.iter().min_by_key(|(_, count)| std::cmp::Reverse(*count)).map(|(name, _)| name)
    }

    /// All names, the most frequent first; equally frequent ones by alphabet.
    pub fn ranked(&self) -> Vec<&str> {
        let mut all: Vec<(&str, i64)> = self.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.into_iter().map(|(name, _)| name).collect()
    }

    /// All names with their counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, count)| (&**name, *count))
    }
}

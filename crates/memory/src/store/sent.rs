//! Mails that count for caps, and those of an address among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use jiff::Timestamp;
use rapport_contact::hashed;

use super::Counted;

/// What counts, by message: read like the table that it is, and written through this alone, so that the mails to an address are found
/// without a look at all that were ever sent.
#[derive(Debug, Clone, Default)]
pub struct SentMails {
    rows: BTreeMap<String, Counted>,
    by_address: BTreeMap<String, BTreeSet<String>>,
}

impl Deref for SentMails {
    type Target = BTreeMap<String, Counted>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl SentMails {
    /// Counts a mail, in the place of what it was counted as before.
    pub(crate) fn insert(&mut self, id: String, counted: Counted) {
        self.remove(&id);
        self.by_address.entry(counted.address.clone()).or_default().insert(id.clone());
        self.rows.insert(id, counted);
    }

    /// Counts a mail no more.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Counted> {
        let counted = self.rows.remove(id)?;
        if let Some(ids) = self.by_address.get_mut(&counted.address) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_address.remove(&counted.address);
            }
        }
        Some(counted)
    }

    /// Goes on counting a mail, and forgets for whom.
    pub(crate) fn hide(&mut self, id: &str) {
        if let Some(counted) = self.remove(id) {
            let address = hashed(&counted.address);
            self.insert(id.to_owned(), Counted { address, ..counted });
        }
    }

    /// Counts what was before an instant no more; how many these were.
    pub(crate) fn forget_before(&mut self, at: Timestamp) -> usize {
        let old: Vec<String> = self.rows.iter().filter(|(_, row)| row.at < at).map(|(id, _)| id.clone()).collect();
        for id in &old {
            self.remove(id);
        }
        old.len()
    }

    /// Mails to an address, in the order of their ids.
    pub(crate) fn to(&self, address: &str) -> impl Iterator<Item = (&String, &Counted)> {
        let ids = self.by_address.get(address).into_iter().flatten();
        ids.filter_map(|id| self.rows.get_key_value(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(address: &str, second: i64) -> Counted {
        let at = Timestamp::from_second(second).unwrap();
        Counted { address: address.to_owned(), kind: "marketing".to_owned(), at }
    }

    #[test]
    fn mails_to_an_address_are_those_of_the_table() {
        const ADA: &str = "ada@blog.example";
        const BOB: &str = "bob@shop.example";
        let mut sent = SentMails::default();
        for (id, address, second) in [("1", ADA, 1), ("2", BOB, 2), ("3", ADA, 3), ("1", BOB, 4)] {
            sent.insert(id.to_owned(), counted(address, second));
        }
        let to = |sent: &SentMails, address: &str| sent.to(address).map(|(id, _)| id.clone()).collect::<Vec<_>>();
        assert_eq!(to(&sent, ADA), ["3"]);
        assert_eq!(to(&sent, BOB), ["1", "2"]);
        sent.hide("2");
        assert_eq!(to(&sent, BOB), ["1"]);
        assert_eq!(to(&sent, &hashed(BOB)), ["2"]);
        assert_eq!(sent.forget_before(Timestamp::from_second(4).unwrap()), 2);
        assert_eq!((sent.len(), to(&sent, BOB).len()), (1, 1));
        assert!(sent.remove("1").is_some() && sent.remove("1").is_none());
        assert!(sent.by_address.is_empty(), "an address without mails takes no room");
    }
}

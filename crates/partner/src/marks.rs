//! Opaque states by name, and what was read of them for as long as they stay as they are.
//!
//! What keeps a mark writes it seldom and reads it at every look: the bytes are read once, or not at all by who wrote them. A
//! process that begins with the stored bytes must see the same, so only what comes back from its text as it was may be kept unread.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Serialize, de::DeserializeOwned};

/// Opaque states by name, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(Vec<Mark>);

#[derive(Clone)]
struct Mark {
    name: Arc<str>,
    bytes: Vec<u8>,
    /// What the bytes were read as.
    read: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Mark {
    fn new(name: Arc<str>, bytes: Vec<u8>) -> Self {
        Self { name, bytes, read: OnceLock::new() }
    }
}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.bytes == other.bytes
    }
}

impl Eq for Mark {}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mark").field(&self.name).field(&self.bytes).finish()
    }
}

impl Marks {
    /// As they were stored, in order.
    pub(crate) fn of_stored(marks: Vec<(Arc<str>, Vec<u8>)>) -> Self {
        Self(marks.into_iter().map(|(name, bytes)| Mark::new(name, bytes)).collect())
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &[u8])> {
        self.0.iter().map(|mark| (&mark.name, mark.bytes.as_slice()))
    }

    // There are a dozen of them, and nearly all differ in length from the name that is asked for.
    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|mark| *mark.name == *name)
    }

    /// The bytes of a mark.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(self.place(name)?).map(|mark| mark.bytes.as_slice())
    }

    /// What the JSON of a mark says; none when there is no such mark, or its bytes are no such thing.
    pub(crate) fn read<T: DeserializeOwned + Send + Sync + 'static>(&self, name: &str) -> Option<Arc<T>> {
        let mark = self.0.get(self.place(name)?)?;
        let known = mark.read.get().and_then(|known| known.clone().downcast::<T>().ok());
        if known.is_some() {
            return known;
        }
        let read: Arc<T> = Arc::new(serde_json::from_slice(&mark.bytes).ok()?);
        let kept: Arc<dyn Any + Send + Sync> = read.clone();
        // Read as two things, the first stays.
        let _ = mark.read.set(kept);
        Some(read)
    }

    /// Lets go of what was read; who asks next reads the bytes.
    pub(crate) fn forget_read(&mut self) {
        for mark in &mut self.0 {
            mark.read = OnceLock::new();
        }
    }

    /// Sets a mark; empty bytes take it away.
    pub(crate) fn set(&mut self, name: &str, bytes: Vec<u8>) {
        match self.place(name) {
            Some(place) if bytes.is_empty() => {
                self.0.remove(place);
            }
            Some(place) => {
                if let Some(mark) = self.0.get_mut(place) {
                    // The same bytes say the same.
                    if mark.bytes != bytes {
                        *mark = Mark::new(mark.name.clone(), bytes);
                    }
                }
            }
            None if bytes.is_empty() => {}
            None => {
                let place = self.0.partition_point(|mark| *mark.name < *name);
                self.0.insert(place, Mark::new(Arc::from(name), bytes));
            }
        }
    }

    /// Sets a mark to the JSON of a value, which then need not be read again.
    pub(crate) fn keep<T>(&mut self, name: &str, value: T)
    where
        T: Serialize + DeserializeOwned + PartialEq + Send + Sync + 'static,
    {
        let bytes = serde_json::to_vec(&value).unwrap_or_default();
        debug_assert!(
            serde_json::from_slice(&bytes).is_ok_and(|read: T| read == value),
            "what `{name}` says is not what was written"
        );
        self.set(name, bytes);
        if let Some(mark) = self.place(name).and_then(|place| self.0.get(place)) {
            // Already there where the same was written before.
            let _ = mark.read.set(Arc::new(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_read_is_that_of_the_newest_bytes_and_of_the_type_asked_for() {
        let mut marks = Marks::default();
        assert_eq!(marks.read::<Vec<u8>>("told"), None);
        marks.set("told", b"[1,2]".to_vec());
        let first = marks.read::<Vec<u8>>("told").unwrap();
        assert!(Arc::ptr_eq(&first, &marks.read("told").unwrap()), "read once");
        assert_eq!(marks.read::<Vec<f64>>("told").as_deref(), Some(&vec![1.0, 2.0]));
        assert_eq!(marks.read::<String>("told"), None);
        let copy = marks.clone();
        marks.set("told", b"[3]".to_vec());
        assert_eq!(marks.read::<Vec<u8>>("told").as_deref(), Some(&vec![3]));
        assert_eq!((*first).clone(), [1, 2]);
        assert_eq!(copy.read::<Vec<u8>>("told").as_deref(), Some(&vec![1, 2]));
        assert_ne!(copy, marks);
        marks.set("told", b"no json".to_vec());
        assert_eq!(marks.read::<Vec<u8>>("told"), None);
        marks.set("told", Vec::new());
        assert_eq!((marks.get("told"), marks.read::<Vec<u8>>("told")), (None, None));
    }

    #[test]
    fn what_was_written_is_read_as_it_was() {
        let (mut marks, mut stored) = (Marks::default(), Marks::default());
        for numbers in [vec![0.1 + 0.2, -0.0], vec![f64::MIN_POSITIVE], vec![f64::MIN_POSITIVE]] {
            marks.keep("told", numbers.clone());
            assert_eq!(marks.read("told"), Some(Arc::new(numbers)));
            stored.set("told", marks.get("told").unwrap().to_vec());
            assert_eq!(stored, marks);
            assert_eq!(stored.read::<Vec<f64>>("told"), marks.read("told"));
        }
    }

    #[test]
    fn what_was_read_makes_no_difference() {
        let mut marks = Marks::default();
        marks.set("told", b"7".to_vec());
        let unread = marks.clone();
        let read = marks.read::<i64>("told").unwrap();
        assert_eq!(marks, unread);
        assert_eq!(format!("{marks:?}"), format!("{unread:?}"));
        marks.forget_read();
        let again = marks.read::<i64>("told").unwrap();
        assert!(read == again && !Arc::ptr_eq(&read, &again), "read anew");
    }

    proptest! {
        #[test]
        fn marks_are_a_sorted_map(all in prop::collection::vec(("[abc]{1,3}", 0_u8..4), 0..60)) {
            let (mut marks, mut map) = (Marks::default(), std::collections::BTreeMap::new());
            for (name, number) in all {
                // Nought takes away.
                let bytes = if number == 0 { Vec::new() } else { number.to_string().into_bytes() };
                marks.set(&name, bytes);
                match number {
                    0 => map.remove(&name),
                    _ => map.insert(name.clone(), number),
                };
                prop_assert_eq!(marks.read::<u8>(&name).map(|read| *read), map.get(&name).copied());
            }
            let kept: Vec<(String, Vec<u8>)> =
                marks.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
            let expected: Vec<(String, Vec<u8>)> =
                map.into_iter().map(|(name, number)| (name, number.to_string().into_bytes())).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}

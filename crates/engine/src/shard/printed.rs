//! A value with its JSON, printed again only after a change: the shard's cursor is written with every commit, and the figures and fits
//! in it change once a day.

use std::{
    ops::{Deref, DerefMut},
    sync::OnceLock,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::value::{RawValue, to_raw_value};

/// A value that reads and writes like itself, and remembers its JSON until it is written to.
#[derive(Debug, Clone, Default)]
pub struct Printed<T> {
    value: T,
    text: OnceLock<Box<RawValue>>,
}

impl<T> Deref for Printed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Printed<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.text = OnceLock::new();
        &mut self.value
    }
}

impl<T: PartialEq> PartialEq for Printed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Serialize> Serialize for Printed<T> {
    /// As JSON, which is all that it is ever written as.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.text.get() {
            return text.serialize(serializer);
        }
        let text = to_raw_value(&self.value).map_err(S::Error::custom)?;
        self.text.get_or_init(|| text).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Printed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self { value, text: OnceLock::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// As a field among others, like in the cursor.
    #[derive(Serialize)]
    struct Around<T> {
        before: u8,
        value: T,
        after: Option<u8>,
    }

    fn json<T: Serialize>(value: T) -> Vec<u8> {
        serde_json::to_vec(&Around { before: 1, value, after: None }).unwrap()
    }

    proptest! {
        #[test]
        fn it_prints_what_the_plain_value_prints_after_any_change(
            changes in prop::collection::vec(("[a-c]\"?", any::<f64>(), any::<bool>(), any::<bool>()), 0..30),
        ) {
            let mut printed = Printed::<BTreeMap<String, f64>>::default();
            let mut plain = BTreeMap::<String, f64>::new();
            for (name, value, goes, is_told) in changes {
                if goes {
                    prop_assert_eq!(printed.remove(&name).is_some(), plain.remove(&name).is_some());
                } else {
                    printed.insert(name.clone(), value);
                    plain.insert(name, value);
                }
                if is_told {
                    prop_assert_eq!(json(&printed), json(&plain));
                    prop_assert_eq!(json(printed.clone()), json(&plain));
                }
            }
            prop_assert_eq!(json(&printed), json(&plain));
        }
    }
}

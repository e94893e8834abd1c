//! Fields nobody declared: kept as they came, at no cost when there are none.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// Undeclared fields by name. Empty is one null pointer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra(Option<Box<Map<String, Value>>>);

/// The deepest nesting accepted below an undeclared field.
pub const DEPTH_MAX: usize = 64;

impl Extra {
    /// Nothing.
    pub const NONE: Extra = Extra(None);

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// Sets a field.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.get_or_insert_default().insert(name.into(), value.into());
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let map = self.0.as_mut()?;
        let value = map.shift_remove(name);
        if map.is_empty() {
            self.0 = None;
        }
        value
    }

    /// All fields in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|map| map.iter())
    }

    /// Keeps the fields for which `keep` answers yes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        if let Some(map) = &mut self.0 {
            map.retain(|name, _| keep(name));
            if map.is_empty() {
                self.0 = None;
            }
        }
    }

    /// With a field more; for building payloads in one expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }

    /// As a JSON map.
    pub fn to_map(&self) -> Map<String, Value> {
        self.0.as_deref().cloned().unwrap_or_default()
    }
}

impl From<Map<String, Value>> for Extra {
    fn from(map: Map<String, Value>) -> Self {
        Extra((!map.is_empty()).then(|| Box::new(map)))
    }
}

impl Serialize for Extra {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Extra;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Extra, A::Error> {
                let mut extra = Extra::NONE;
                while let Some(name) = access.next_key::<String>()? {
                    let value = access.next_value_seed(Strict(DEPTH_MAX))?;
                    let cleaned = crate::clean::line(&name).into_owned();
                    // ` count` is not the field `count`; cleaned it would stand beside the real one, and the record could not be read.
                    if cleaned != name && cleaned.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                        return Err(A::Error::custom(
                            "bad_value: a field's name has blanks at an end, or characters that nobody sees",
                        ));
                    }
                    let name = cleaned;
                    if extra.0.get_or_insert_default().insert(name, value).is_some() {
                        return Err(A::Error::custom("duplicate_key: an object names one field twice"));
                    }
                }
                Ok(extra)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl schemars::JsonSchema for Extra {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Extra".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object", "additionalProperties": true })
    }
}

/// Reads any value, refusing names given twice and nesting without bound: serde_json's own `Value` silently keeps the last one.
pub(crate) struct Strict(pub usize);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(crate::clean::block(value).into_owned()))
    }
    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.0.checked_sub(1).ok_or_else(|| A::Error::custom("too_deep: nested deeper than 64 levels"))?;
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(Strict(depth))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.0.checked_sub(1).ok_or_else(|| A::Error::custom("too_deep: nested deeper than 64 levels"))?;
        let mut map = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict(depth))?;
            if map.insert(crate::clean::line(&name).into_owned(), value).is_some() {
                return Err(A::Error::custom("duplicate_key: an object names one field twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

//! `config/events.yaml`: kinds of event a programme declares for itself.

use std::sync::Arc;

use rapport_event::FieldType;
use rapport_event::custom::{CustomField, CustomKind, CustomKinds, DeclareError};
use rapport_rule::Findings;
use rapport_rule::yaml::{Fields, Node};

const TYPES: [(&str, FieldType); 9] = [
    ("text", FieldType::Text),
    ("count", FieldType::Count),
    ("number", FieldType::Number),
    ("money", FieldType::Money),
    ("percent", FieldType::Percent),
    ("bool", FieldType::Bool),
    ("instant", FieldType::Instant),
    ("date", FieldType::Date),
    ("list", FieldType::List),
];

/// Reads `events: { webinar.attended: { about, fields: { seats: count, host: { type: text, personal: true } } } }`.
pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> CustomKinds {
    let mut kinds = CustomKinds::none();
    let Some(fields) = Fields::of(node, path, findings) else { return kinds };
    let entries = fields.require("events", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, value) in entries {
        let Some(kind) = kind(&key.text, value, path, findings) else { continue };
        if let Err(error) = kinds.declare(kind) {
            let code = match error {
                DeclareError::Taken(_) | DeclareError::Twice(_) => "R0525",
                DeclareError::BadName(_) | DeclareError::BadField { .. } => "R0526",
            };
            findings.error(code, path, key.span, error.to_string());
        }
    }
    kinds
}

fn kind(name: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<CustomKind> {
    let keys = Fields::of(node, path, findings)?;
    let about = keys.require("about", findings).and_then(|node| node.filled_text(path, findings));
    let mut fields = Vec::new();
    for (key, value) in keys.take("fields").and_then(|node| node.map(path, findings)).unwrap_or_default() {
        fields.extend(field(&key.text, value, path, findings));
    }
    keys.finish(&[], findings);
    Some(CustomKind { name: name.into(), about: about?.to_owned(), fields })
}

fn field(name: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<CustomField> {
    let mut field =
        CustomField { name: name.into(), ty: FieldType::Text, required: false, personal: false, values: Vec::new() };
    if node.as_map().is_none() {
        field.ty = field_type(node, path, findings)?;
        return Some(field);
    }
    let keys = Fields::of(node, path, findings)?;
    let ty = keys.require("type", findings).and_then(|node| field_type(node, path, findings));
    field.required = keys.take("required").and_then(|node| node.bool(path, findings)).unwrap_or(false);
    field.personal = keys.take("personal").and_then(|node| node.bool(path, findings)).unwrap_or(false);
    let values = keys.take("values").map(|node| node.texts(path, findings)).unwrap_or_default();
    field.values = values.into_iter().map(Arc::from).collect();
    keys.finish(&[], findings);
    field.ty = ty?;
    Some(field)
}

fn field_type(node: &Node, path: &str, findings: &mut Findings) -> Option<FieldType> {
    let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    TYPES.get(node.one_of(&names, path, findings)?).map(|(_, ty)| *ty)
}

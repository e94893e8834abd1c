//! The tests as published: an expression, what its names are worth, and what CEL says.

use jiff::{SignedDuration, Timestamp};
use rapport_rule::expr::{Type, Value};
use serde_json::Value as Json;

/// One published test.
pub struct Test {
    /// The file it stood in: `comparisons`.
    pub file: String,
    /// File, section and name.
    pub path: String,
    pub expr: String,
    /// The tree with its overloads as cel-go's checker gives it; none where that checker refuses the expression.
    pub checked: Option<String>,
    /// The namespace names are looked up in.
    pub container: String,
    /// Names of types that exist here.
    pub names: Vec<(String, Type, Value)>,
    /// Types of names that do not: `mapType`.
    pub foreign: Vec<String>,
    pub expected: Expected,
}

/// What CEL says.
#[derive(Debug)]
pub enum Expected {
    Value(Value),
    Error,
    /// A value of a type that does not exist here: `bytesValue`.
    Foreign(String),
    /// Nothing: only the type is looked at.
    TypeOnly,
}

/// All tests of all files.
pub fn read(json: &str) -> Vec<Test> {
    let root: Json = serde_json::from_str(json).expect("the conformance data is JSON");
    let mut tests = Vec::new();
    for file in list(&root, "suites") {
        let name = text(file, "name");
        section(file, name, name, &mut tests);
    }
    tests
}

fn section(json: &Json, file: &str, path: &str, tests: &mut Vec<Test>) {
    for test in list(json, "tests") {
        tests.push(one(test, file, path));
    }
    for inner in list(json, "suites") {
        section(inner, file, &format!("{path}/{}", text(inner, "name")), tests);
    }
}

fn one(json: &Json, file: &str, path: &str) -> Test {
    let original = &json["original"];
    let mut names = Vec::new();
    let mut foreign = Vec::new();
    for declared in list(original, "typeEnv") {
        let name = text(declared, "name");
        let bound = &original["bindings"][name]["value"];
        match type_of(&declared["ident"]["type"]) {
            Ok(ty) => names.push((name.to_owned(), ty, value(bound).unwrap_or(Value::Missing))),
            Err(kind) => foreign.push(kind),
        }
    }
    let expected = if original["checkOnly"] == true {
        Expected::TypeOnly
    } else if !original["evalError"].is_null() {
        Expected::Error
    } else {
        let typed = &original["typedResult"]["result"];
        let said = if typed.is_null() { &original["value"] } else { typed };
        match value(said) {
            Ok(value) => Expected::Value(value),
            // No word of the result means that it is true.
            Err(kind) if kind.is_empty() => Expected::Value(Value::Bool(true)),
            Err(kind) => Expected::Foreign(kind),
        }
    };
    Test {
        file: file.to_owned(),
        path: format!("{path}/{}", text(original, "name")),
        expr: text(original, "expr").to_owned(),
        checked: json["checkedAst"].as_str().map(str::to_owned),
        container: text(original, "container").to_owned(),
        names,
        foreign,
        expected,
    }
}

fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn type_of(json: &Json) -> Result<Type, String> {
    match (json["primitive"].as_str(), json["messageType"].as_str()) {
        (Some("BOOL"), _) => Ok(Type::Bool),
        (Some("INT64"), _) => Ok(Type::Count),
        (Some("DOUBLE"), _) => Ok(Type::Number),
        (Some("STRING"), _) => Ok(Type::Text),
        (_, Some("google.protobuf.Duration")) => Ok(Type::Duration),
        (_, Some("google.protobuf.Timestamp")) => Ok(Type::Instant),
        (Some(other), _) => Err(other.to_lowercase()),
        _ if json["listType"]["elemType"]["primitive"] == "STRING" => Ok(Type::List),
        _ => Err(json.as_object().and_then(|map| map.keys().next()).cloned().unwrap_or_else(|| "function".to_owned())),
    }
}

/// A published value as ours; its kind if there is none, empty if nothing is said.
fn value(json: &Json) -> Result<Value, String> {
    let Some((kind, inner)) = json.as_object().and_then(|map| map.iter().next()) else { return Err(String::new()) };
    let ours = match kind.as_str() {
        "boolValue" => inner.as_bool().map(Value::Bool),
        "int64Value" => inner.as_str().and_then(|text| text.parse().ok()).map(Value::Count),
        "doubleValue" => match inner.as_str() {
            Some("Infinity") => Some(Value::Number(f64::INFINITY)),
            Some("-Infinity") => Some(Value::Number(f64::NEG_INFINITY)),
            Some("NaN") => Some(Value::Number(f64::NAN)),
            _ => inner.as_f64().map(Value::Number),
        },
        "stringValue" => inner.as_str().map(Value::text),
        "listValue" => {
            let texts: Option<Vec<&str>> =
                list(inner, "values").iter().map(|one| one["stringValue"].as_str()).collect();
            texts.filter(|texts| !texts.is_empty()).map(Value::list)
        }
        "objectValue" => match inner["@type"].as_str() {
            Some("type.googleapis.com/google.protobuf.Duration") => duration(text(inner, "value")).map(Value::Duration),
            Some("type.googleapis.com/google.protobuf.Timestamp") => {
                text(inner, "value").parse::<Timestamp>().ok().map(Value::Instant)
            }
            _ => None,
        },
        _ => None,
    };
    ours.ok_or_else(|| kind.clone())
}

/// CEL's way to write a length of time, as far as it is whole seconds: `-90s`.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let seconds = text.strip_suffix('s')?.parse::<i64>().ok()?;
    // CEL allows 10,000 years.
    (seconds.unsigned_abs() <= 315_576_000_000).then(|| SignedDuration::from_secs(seconds))
}

//! What serde says of data that do not fit, in the words of people who write trackers.

/// A sentence with the field it is about.
pub(crate) fn at(path: Option<&str>, detail: &str) -> String {
    match path {
        Some(path) => format!("`{path}`: {detail}"),
        None => detail.to_owned(),
    }
}

/// A message of serde about data, told with the field's name and without the names of Rust.
pub(crate) fn told(path: Option<&str>, message: &str) -> String {
    let field = |name: &str| match path {
        Some(path) => format!("{path}.{name}"),
        None => name.to_owned(),
    };
    if let Some(name) = quoted(message, "missing field `") {
        return format!("`{}` is missing", field(name));
    }
    if let Some(name) = quoted(message, "duplicate field `") {
        return format!("`{}` is given twice", field(name));
    }
    let instead = |phrase: &str| {
        let rest = message.strip_prefix(phrase)?;
        // The last one: what was found may hold the phrase itself.
        let (found, expected) = rest.rsplit_once(", expected ")?;
        Some(at(path, &format!("{} where {} belongs", thing(found), wanted(expected))))
    };
    ["invalid type: ", "invalid value: ", "unknown variant "]
        .into_iter()
        .find_map(instead)
        .unwrap_or_else(|| at(path, message))
}

fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}

/// What stands there. Texts are never repeated: they may be personal.
fn thing(found: &str) -> String {
    let number = |kind: &str| found.strip_prefix(kind)?.strip_suffix('`');
    match found {
        "null" | "unit value" => "null".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        _ => match ["integer `", "floating point `", "boolean `"].into_iter().find_map(number) {
            Some(number) => number.to_owned(),
            None => "a text".to_owned(),
        },
    }
}

fn wanted(expected: &str) -> String {
    let text = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more,",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string" => "a text",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.starts_with("internally tagged") => "an object",
        other => other,
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_serde_names_field_and_what_belongs_there() {
        let told = |message| told(Some("lines[2].count"), message);
        assert_eq!(
            told("invalid value: integer `-1`, expected u32"),
            "`lines[2].count`: -1 where a whole number from 0 to 4294967295 belongs"
        );
        assert_eq!(
            told("invalid type: string \"a, expected b\", expected u64"),
            "`lines[2].count`: a text where a whole number, 0 or more, belongs"
        );
        assert_eq!(told("missing field `sku`"), "`lines[2].count.sku` is missing");
        assert_eq!(
            told("unknown variant `ada@blog.example`, expected one of `new`, `returning`"),
            "`lines[2].count`: a text where one of `new`, `returning` belongs"
        );
    }
}

//! Where the items of a feed come from, and which of its columns is which of our fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Currency, Findings};

use super::FieldType;

/// Fields whose type nobody has to say.
pub(super) const WELL_KNOWN: [(&str, FieldType); 8] = [
    ("id", FieldType::Text),
    ("name", FieldType::Text),
    ("image", FieldType::Url),
    ("price", FieldType::Money),
    ("url", FieldType::Url),
    ("category", FieldType::Text),
    ("valid_until", FieldType::Date),
    ("until", FieldType::Date),
];

/// Without these an item cannot be told from another, or leads nowhere.
const NEEDED: [&str; 2] = ["id", "url"];

/// Items taken when nothing is written.
const AT_MOST: usize = 5_000;
/// More do not fit into a file that is read with all others.
const AT_MOST_MAX: i64 = 20_000;

/// The keys that only say something beside `from`.
const BESIDE_FROM: [&str; 6] = ["format", "separator", "items", "columns", "at_most", "private"];

/// How a cell may be parted from the next.
pub(crate) const SEPARATORS: [&str; 4] = [",", ";", "|", "tab"];
/// Formats, as written in the file.
pub(crate) const FORMATS: [&str; 2] = ["csv", "json"];
/// What stands before the cents, as written in the file.
pub(crate) const DECIMALS: [&str; 2] = ["point", "comma"];

/// Where the items of a feed come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The place.
    pub from: Place,
    /// Whether it may be on this machine or in a private network, and be asked without TLS.
    pub private: bool,
    /// How it is written.
    pub format: Format,
    /// Where each field of an item stands.
    pub columns: BTreeMap<Arc<str>, Column>,
    /// No more items are taken.
    pub at_most: usize,
}

/// The place itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `https://…`, in private networks also `http://…`.
    Address(String),
    /// A file, from the project's folder on unless it is absolute.
    File(String),
}

/// How the source is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// A header and rows.
    Csv {
        /// What parts one cell from the next.
        separator: u8,
    },
    /// A list of items.
    Json {
        /// The keys that lead to the list; none when the whole is it.
        items: Vec<String>,
    },
}

/// Where a field stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// In this column of a table, or under this key of an item (`price.value` is a key of a key).
    Named(String),
    /// An amount of money whose parts stand apart.
    Money {
        /// The column of the number.
        amount: String,
        /// Its currency.
        currency: CurrencyIn,
        /// Whether cents stand behind a comma.
        comma: bool,
    },
}

/// Where the currency of an amount is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CurrencyIn {
    /// In a column of its own.
    Column(String),
    /// It is always this one.
    Always(Currency),
}

/// Reads the keys beside `from`, and what types the fields of an item have: those of `own` and the well-known ones. None when there
/// is no `from`, or findings say what is wrong with it.
pub(super) fn read(
    keys: &Fields<'_>,
    own: BTreeMap<Arc<str>, FieldType>,
    findings: &mut Findings,
) -> Option<(Origin, BTreeMap<Arc<str>, FieldType>)> {
    let path = keys.path();
    let before = findings.errors();
    let from_node = keys.take("from");
    let from = from_node.and_then(|node| place(node, keys, findings));
    let private = keys.take("private").and_then(|node| node.bool(path, findings)).unwrap_or(false);
    let format = keys.take("format").and_then(|node| node.one_of(&FORMATS, path, findings));
    let separator = keys.take("separator").and_then(|node| node.one_of(&SEPARATORS, path, findings));
    let items = keys.take("items").and_then(|node| node.filled_text(path, findings));
    let at_most = keys.take("at_most").and_then(|node| node.int(1..=AT_MOST_MAX, path, findings));
    let columns_node = keys.take("columns");
    let Some(from_node) = from_node else {
        for key in BESIDE_FROM {
            if let Some(span) = keys.key_span(key) {
                findings
                    .error("R0473", path, span, format!("`{key}` says nothing without `from`"))
                    .hint("It says how that is read which `rapport feeds pull` fetches; a `file` below config/ is read as it is.");
            }
        }
        return None;
    };
    if let Some(span) = keys.key_span("file") {
        findings
            .error("R0473", path, span, "`file` and `from` are both said")
            .hint("What is pulled from there is written to config/feeds/NAME.json; a `file` is written by hand.");
    }
    let mut columns = BTreeMap::new();
    let mut types = own;
    for (key, value) in columns_node.and_then(|node| node.map(path, findings)).unwrap_or_default() {
        let known = WELL_KNOWN.iter().find(|(name, _)| *name == key.text).map(|(_, ty)| *ty);
        let Some(ty) = types.get(key.text.as_str()).copied().or(known) else {
            findings
                .error("R0473", path, key.span, format!("nobody says what `{}` holds", key.text))
                .label(format!("add `fields: {{ {}: text }}`", key.text));
            continue;
        };
        if let Some(column) = column(&key.text, value, ty, path, findings) {
            let name: Arc<str> = key.text.as_str().into();
            types.insert(name.clone(), ty);
            columns.insert(name, column);
        }
    }
    // What is declared and stands nowhere else has a column of its own name.
    for name in types.keys() {
        columns.entry(name.clone()).or_insert_with(|| Column::Named(name.to_string()));
    }
    if findings.errors() == before {
        well_known(keys, &types, findings);
    }
    let format = format_of(keys, from_node, format, separator, items, findings);
    (findings.errors() == before).then_some(())?;
    let at_most = at_most.and_then(|most| usize::try_from(most).ok()).unwrap_or(AT_MOST);
    Some((Origin { from: from?, private, format: format?, columns, at_most }, types))
}

/// The fields everybody knows have the types everybody knows, and the needed ones are there.
fn well_known(keys: &Fields<'_>, types: &BTreeMap<Arc<str>, FieldType>, findings: &mut Findings) {
    let path = keys.path();
    let at = keys.key_span("fields").or_else(|| keys.key_span("from"));
    for (name, ty) in WELL_KNOWN {
        if types.get(name).is_some_and(|declared| *declared != ty) {
            findings
                .error("R0473", path, at, format!("`{name}` of an item that is pulled is {}", super::expected(ty)))
                .label("leave its type out, or give your field another name");
        }
    }
    for name in NEEDED.iter().filter(|name| !types.contains_key(**name)) {
        let at = keys.key_span("columns").or_else(|| keys.key_span("fields")).or_else(|| keys.key_span("from"));
        findings
            .error("R0473", path, at, format!("nobody says which column is the `{name}` of an item"))
            .label(format!("add `columns: {{ {name}: COLUMN }}`"))
            .hint("By its `id` an item is told from others, and its `url` is where it leads.");
    }
}

fn place(node: &Node, keys: &Fields<'_>, findings: &mut Findings) -> Option<Place> {
    let path = keys.path();
    let text = node.filled_text(path, findings)?.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => {
            let below = text.trim_start_matches("./");
            if below.starts_with("config/") || below.starts_with("workflows/") {
                findings
                    .error("R0473", path, node.text_span(), "this file is one of the project itself")
                    .label("a JSON file below config/ is named by `file`");
                return None;
            }
            return Some(Place::File(text.to_owned()));
        }
    };
    let private = keys.peek("private").is_some_and(|node| node.value == rapport_rule::yaml::Value::Bool(true));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let wrong = match scheme {
        "http" if !private => Some((
            "without https anybody on the way can change the items",
            "write https, or `private: true` for a network of your own",
        )),
        "http" | "https" if host.contains('@') => {
            Some(("a login in an address would be read by everybody who reads this file", "take it out"))
        }
        "http" | "https" if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Some(("this is no address", "write one like https://shop.example/products.csv"))
        }
        "http" | "https" => None,
        _ => Some(("items come by https or from a file", "write one like https://shop.example/products.csv")),
    };
    if let Some((wrong, remedy)) = wrong {
        findings.error("R0473", path, node.text_span(), wrong).label(remedy);
        return None;
    }
    Some(Place::Address(text.to_owned()))
}

fn format_of(
    keys: &Fields<'_>,
    from: &Node,
    format: Option<usize>,
    separator: Option<usize>,
    items: Option<&str>,
    findings: &mut Findings,
) -> Option<Format> {
    let path = keys.path();
    let whole = from.as_str().unwrap_or_default().trim();
    let file = whole.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let guessed = match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv" | "tsv") => Some(0),
        Some("json") => Some(1),
        _ => None,
    };
    if keys.peek("format").is_some() && format.is_none() {
        return None;
    }
    let foreign = |key: &'static str, of: &str, findings: &mut Findings| {
        if let Some(span) = keys.key_span(key) {
            findings.error("R0473", path, span, format!("`{key}` is for {of}"));
        }
    };
    match format.or(guessed) {
        Some(0) => {
            foreign("items", "JSON, where the list may stand below other keys", findings);
            let separator = match separator.and_then(|which| SEPARATORS.get(which)) {
                Some(&"tab") => b'\t',
                Some(text) => text.as_bytes().first().copied().unwrap_or(b','),
                None if file.ends_with(".tsv") => b'\t',
                None => b',',
            };
            Some(Format::Csv { separator })
        }
        Some(_) => {
            foreign("separator", "CSV", findings);
            let items = items.map(|items| items.trim().split('.').map(str::to_owned).collect()).unwrap_or_default();
            Some(Format::Json { items })
        }
        None => {
            findings
                .error("R0473", path, from.text_span(), "the ending does not say how this is written")
                .label("add `format: csv` or `format: json`");
            None
        }
    }
}

fn column(name: &str, node: &Node, ty: FieldType, path: &str, findings: &mut Findings) -> Option<Column> {
    if node.as_map().is_none() {
        return node.filled_text(path, findings).map(|text| Column::Named(text.trim().to_owned()));
    }
    let parts = Fields::of(node, path, findings)?;
    let amount = parts.require("amount", findings).and_then(|node| node.filled_text(path, findings));
    let from_column = parts.take("currency");
    let always = parts.take("in");
    let comma = parts.take("decimal").and_then(|node| node.one_of(&DECIMALS, path, findings)) == Some(1);
    parts.finish(&[], findings);
    if ty != FieldType::Money {
        findings.error("R0473", path, node.span, format!("`{name}` is no money")).label("name its column");
        return None;
    }
    let currency = match (from_column, always) {
        (Some(node), None) => {
            let text = node.filled_text(path, findings)?.trim();
            if Currency::parse(text).is_some() {
                findings
                    .error(
                        "R0473",
                        path,
                        node.text_span(),
                        format!("`{text}` is a currency, and here a column is named"),
                    )
                    .label(format!("write `in: {text}` if all amounts are in it"));
                return None;
            }
            CurrencyIn::Column(text.to_owned())
        }
        (None, Some(node)) => {
            let text = node.filled_text(path, findings)?.trim();
            let Some(currency) = Currency::parse(text) else {
                findings
                    .error("R0473", path, node.text_span(), format!("`{text}` is no currency of ISO 4217"))
                    .did_you_mean(Currency::nearest(text));
                return None;
            };
            CurrencyIn::Always(currency)
        }
        (column, _) => {
            let which = if column.is_some() { "two currencies" } else { "no currency" };
            findings
                .error("R0473", path, node.span, format!("`{name}` has {which}"))
                .label("add either `currency: COLUMN` or `in: EUR`");
            return None;
        }
    };
    Some(Column::Money { amount: amount?.trim().to_owned(), currency, comma })
}

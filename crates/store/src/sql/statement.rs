//! A statement as its file has it, and as each database wants it.

use std::sync::OnceLock;

/// Rows of a batch in one PostgreSQL statement: beyond this the arrays cost more than the round trip saved.
pub(crate) const POSTGRES_ROWS_MAX: usize = 2_000;
/// Rows of a batch in one SQLite statement; each size is its own prepared statement, so there are few.
pub(crate) const SQLITE_ROWS: [usize; 6] = [128, 32, 8, 4, 2, 1];

/// What a file writes as the name before, as the database wants it: the server's time, a JSON text to be looked into, and one to be made.
type Dialect = [(&'static str, &'static str); 4];
const POSTGRES: Dialect = [
    ("@now", "(extract(epoch from clock_timestamp()) * 1000)::bigint"),
    ("@json(body)", "body::jsonb"),
    ("@jsonb(figures)", "figures::jsonb"),
    ("@object(", "json_build_object("),
];
const SQLITE: Dialect = [
    ("@now", "CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
    ("@json(body)", "body"),
    ("@jsonb(figures)", "figures"),
    ("@object(", "json_object("),
];

/// The type of a batch's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Bytes,
    Bool,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "int" => Self::Int,
            "bytes" => Self::Bytes,
            "bool" => Self::Bool,
            _ => return None,
        })
    }

    const fn array(self) -> &'static str {
        match self {
            Self::Text => "text[]",
            Self::Int => "bigint[]",
            Self::Bytes => "bytea[]",
            Self::Bool => "boolean[]",
        }
    }
}

/// A statement, read from its file at first use.
pub(crate) struct Statement {
    postgres_file: &'static str,
    sqlite_file: &'static str,
    postgres: OnceLock<Text>,
    sqlite: OnceLock<Text>,
}

impl Statement {
    /// One text for both databases.
    pub(crate) const fn one(file: &'static str) -> Self {
        Self::pair(file, file)
    }

    /// A text for each.
    pub(crate) const fn pair(postgres_file: &'static str, sqlite_file: &'static str) -> Self {
        Self { postgres_file, sqlite_file, postgres: OnceLock::new(), sqlite: OnceLock::new() }
    }

    /// As PostgreSQL takes it, for any number of rows.
    pub(crate) fn postgres(&'static self) -> (&'static str, &'static [Kind]) {
        let text = self.postgres.get_or_init(|| Text::read(self.postgres_file, &POSTGRES));
        let sql = text.sized[0].get_or_init(|| {
            if text.columns.is_empty() {
                return text.body.clone();
            }
            let arrays = text.numbered();
            format!("WITH input ({}) AS (SELECT * FROM UNNEST({arrays}))\n{}", text.names(), text.body)
        });
        (sql, &text.kinds)
    }

    /// The same text, and how many values it wants.
    #[cfg(test)]
    pub(crate) fn postgres_text(&'static self) -> (&'static str, usize) {
        let (sql, kinds) = self.postgres();
        (sql, kinds.len() + self.postgres.get().map_or(0, |text| text.scalars))
    }

    /// As SQLite takes it for a batch of `SQLITE_ROWS[size]` rows, whose values come before the scalars.
    pub(crate) fn sqlite(&'static self, size: usize) -> &'static str {
        let text = self.sqlite.get_or_init(|| Text::read(self.sqlite_file, &SQLITE));
        text.sized[size].get_or_init(|| {
            if text.columns.is_empty() {
                return text.body.clone();
            }
            // The rows' places have no names: the driver looks each name up among all of them, for every value it binds.
            let row = format!("({})", vec!["?"; text.columns.len()].join(", "));
            let rows = SQLITE_ROWS[size];
            let values = vec![row; rows].join(", ");
            let body = moved(&text.body, rows * text.columns.len());
            format!("WITH input ({}) AS (VALUES {values})\n{body}", text.names())
        })
    }
}

/// A text with each `$n` moved up by `by`.
fn moved(body: &str, by: usize) -> String {
    let mut parts = body.split('$');
    let mut moved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>() {
            Ok(number) => moved.extend(["$", &(number + by).to_string(), rest]),
            Err(_) => moved.extend(["$", part]),
        }
    }
    moved
}

/// A file without its comments.
struct Text {
    body: String,
    /// How many `$n` the body itself has; the batch's come after them.
    scalars: usize,
    columns: Vec<(&'static str, Kind)>,
    kinds: Vec<Kind>,
    sized: [OnceLock<String>; SQLITE_ROWS.len()],
}

impl Text {
    fn read(file: &'static str, dialect: &Dialect) -> Self {
        let columns: Vec<_> = file
            .lines()
            .filter_map(|line| line.strip_prefix("-- rows: "))
            .flat_map(|columns| columns.split(", "))
            .filter_map(|column| column.split_once(' '))
            .filter_map(|(name, kind)| Some((name, Kind::parse(kind)?)))
            .collect();
        let lines: Vec<_> = file.lines().filter(|line| !line.starts_with("--")).collect();
        let body = lines.join("\n").trim().to_owned();
        let body = dialect.iter().fold(body, |body, (name, text)| body.replace(name, text));
        let scalars = body
            .split('$')
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok())
            .max()
            .unwrap_or(0);
        let kinds = columns.iter().map(|(_, kind)| *kind).collect();
        Self { body, scalars, columns, kinds, sized: [const { OnceLock::new() }; SQLITE_ROWS.len()] }
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// One array a column, after the body's own.
    fn numbered(&self) -> String {
        let first = self.scalars + 1;
        let places =
            self.columns.iter().enumerate().map(|(at, (_, kind))| format!("${}::{}", first + at, kind.array()));
        places.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TWO: Statement =
        Statement::one("-- About $9.\n-- rows: a text, b int\nINSERT INTO t SELECT a, b, $1 FROM input");

    #[test]
    fn a_batch_is_arrays_in_postgres_and_values_in_sqlite() {
        assert_eq!(
            TWO.postgres().0,
            "WITH input (a, b) AS (SELECT * FROM UNNEST($2::text[], $3::bigint[]))\nINSERT INTO t SELECT a, b, $1 FROM input"
        );
        let one = SQLITE_ROWS.len() - 1;
        assert_eq!(TWO.sqlite(one), "WITH input (a, b) AS (VALUES (?, ?))\nINSERT INTO t SELECT a, b, $3 FROM input");
        assert_eq!(
            TWO.sqlite(one - 1),
            "WITH input (a, b) AS (VALUES (?, ?), (?, ?))\nINSERT INTO t SELECT a, b, $5 FROM input"
        );
    }
}

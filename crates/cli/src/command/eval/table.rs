//! Tables as CSV with a header line, gzip unpacked: plain fields without quotes.

use std::fmt::Display;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::str::FromStr;

use crate::exit::{Doing as _, Failure};
use crate::printed;

/// A file's lines, with their columns found by name.
pub struct Table {
    path: String,
    text: String,
    columns: Vec<usize>,
}

/// One line of it.
pub struct Line<'a> {
    path: &'a str,
    number: usize,
    fields: Vec<&'a str>,
}

impl Table {
    /// Reads a file that has these columns; others are skipped, the order is of no account.
    pub fn read(path: &Path, columns: &[&str]) -> Result<Self, Failure> {
        let shown = path.display();
        let mut bytes =
            std::fs::read(path).map_err(|error| Failure::input(format!("{shown} cannot be read: {error}")))?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut unpacked = Vec::new();
            flate2::read::MultiGzDecoder::new(bytes.as_slice())
                .read_to_end(&mut unpacked)
                .map_err(|error| Failure::input(format!("{shown} is a broken gzip file: {error}")))?;
            bytes = unpacked;
        }
        let text = String::from_utf8(bytes).map_err(|_| Failure::input(format!("{shown} is not UTF-8")))?;
        let header: Vec<&str> = text.lines().next().unwrap_or("").split(',').map(str::trim).collect();
        let find = |column: &&str| {
            header.iter().position(|name| name == column).ok_or_else(|| {
                Failure::input(format!("{shown}:1: there is no column `{column}`"))
                    .help(format!("the file needs {}", columns.join(",")))
            })
        };
        let columns = columns.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self { path: shown.to_string(), text, columns })
    }

    /// The lines below the header, empty ones left out; fields in the order the columns were asked for.
    pub fn lines(&self) -> impl Iterator<Item = Result<Line<'_>, Failure>> {
        let lines = self.text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(index, line)| {
            let all: Vec<&str> = line.split(',').map(str::trim).collect();
            let fields: Option<Vec<&str>> = self.columns.iter().map(|at| all.get(*at).copied()).collect();
            let number = index + 1;
            let fields = fields.ok_or_else(|| Failure::input(format!("{}:{number}: too few fields", self.path)))?;
            Ok(Line { path: &self.path, number, fields })
        })
    }
}

impl<'a> Line<'a> {
    /// A field as it stands.
    pub fn text(&self, at: usize) -> &'a str {
        self.fields.get(at).copied().unwrap_or("")
    }

    /// A field read as what is needed.
    pub fn value<T: FromStr>(&self, at: usize, what: &str) -> Result<T, Failure> {
        self.text(at).parse().map_err(|_| self.wrong(at, what))
    }

    /// A field as a count; one beyond every count there is stays the largest.
    pub fn count(&self, at: usize) -> Result<u32, Failure> {
        let count = self.amount(at, "count")?;
        // Casts saturate.
        if count >= 0.0 && count.fract() == 0.0 { Ok(count as u32) } else { Err(self.wrong(at, "count")) }
    }

    /// A field as a number that is one. What was paid back may lie below 0.
    pub fn amount(&self, at: usize, what: &str) -> Result<f64, Failure> {
        let amount: f64 = self.value(at, what)?;
        if amount.is_finite() { Ok(amount) } else { Err(self.wrong(at, what)) }
    }

    /// A failure that names the field.
    pub fn wrong(&self, at: usize, what: &str) -> Failure {
        let seen = printed::harmless(self.text(at));
        Failure::input(format!("{}:{}: `{seen}` is no {what}", self.path, self.number))
    }
}

/// Writes a table.
pub fn write(path: &Path, header: &str, lines: impl IntoIterator<Item = impl Display>) -> Result<(), Failure> {
    let writing = format!("writing {}", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).doing(&writing)?);
    writeln!(file, "{header}").doing(&writing)?;
    for line in lines {
        writeln!(file, "{line}").doing(&writing)?;
    }
    file.flush().doing(&writing)
}

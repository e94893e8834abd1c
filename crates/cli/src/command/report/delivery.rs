//! Where a report goes: to the terminal, or into a file that is whole or not there.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::columnar;
use super::sheet::Sheet;
use crate::command_line::{ReportArguments, ReportFormat};
use crate::exit::{Doing, Failure};
use crate::printed::{harmless, line};

/// Whether the format can go where it shall, asked before anything is computed.
pub(super) fn check(arguments: &ReportArguments) -> Result<(), Failure> {
    match (arguments.format, &arguments.output) {
        (ReportFormat::Parquet, None) => Err(Failure::input("Parquet is no text: `--format parquet` needs a file")
            .help("say where it goes: rapport report … --format parquet --output report.parquet")),
        (ReportFormat::Human, Some(_)) => Err(Failure::input("columns for people go to the terminal, not into a file")
            .help("add --format csv, json or parquet to --output")),
        (_, Some(path)) => writable(path),
        (_, None) => Ok(()),
    }
}

/// The rows of a report, as CSV or Parquet.
pub(super) fn sheet(arguments: &ReportArguments, sheet: &Sheet) -> Result<(), Failure> {
    match &arguments.output {
        Some(path) if arguments.format == ReportFormat::Parquet => {
            replace(path, |file| columnar::write(sheet, file).doing("writing Parquet"))
        }
        _ => text(arguments, &sheet.csv().join("\n")),
    }
}

/// A report as data.
pub(super) fn data(arguments: &ReportArguments, data: &Value) -> Result<(), Failure> {
    text(arguments, &data.to_string())
}

fn text(arguments: &ReportArguments, text: &str) -> Result<(), Failure> {
    let Some(path) = &arguments.output else {
        line(text);
        return Ok(());
    };
    replace(path, |mut file| writeln!(file, "{text}").doing("writing the report"))
}

fn shown(path: &Path) -> String {
    harmless(&path.display().to_string())
}

/// A file there is may be replaced; a folder, a device or a pipe may not.
fn writable(path: &Path) -> Result<(), Failure> {
    if path.file_name().is_none() || path.as_os_str() == "-" {
        return Err(Failure::input(format!("`{}` names no file", shown(path)))
            .help("--output takes a path like reports/partners.parquet"));
    }
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Failure::input(format!("`{}` is no regular file", shown(path)))),
        _ => Ok(()),
    }
}

/// Writes beside it and renames: whoever reads the file meets the old report or the new one, never a half.
fn replace(path: &Path, write: impl FnOnce(&File) -> Result<(), Failure>) -> Result<(), Failure> {
    writable(path)?;
    let partial = path.with_file_name(format!(".rapport-report-{}.partial", std::process::id()));
    let file = File::create_new(&partial).map_err(|error| {
        Failure::new(format!("`{}` cannot be written: {error}", shown(&partial)))
            .help("the folder must be there, and yours to write in")
    })?;
    let written = write(&file)
        .and_then(|()| file.sync_all().doing("writing the report to disk"))
        .and_then(|()| fs::rename(&partial, path).doing(&format!("putting `{}` in place", shown(path))));
    if written.is_err() {
        // It is of no use to anybody; that it stays would be no second failure.
        let _ = fs::remove_file(&partial);
    }
    written?;
    line(format!("the report is in {}", shown(path)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_fails_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        let put = |text: &'static str| replace(&path, move |mut file| writeln!(file, "{text}").doing("writing"));
        put("one").unwrap();
        put("two").unwrap();
        let failed = replace(&path, |mut file| {
            writeln!(file, "half").doing("writing")?;
            Err(Failure::new("no more"))
        });
        assert_eq!(failed.unwrap_err().message, "no more");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something half written stays");
        assert!(replace(folder.path(), |_| Ok(())).unwrap_err().message.contains("is no regular file"));
        assert!(replace(Path::new("-"), |_| Ok(())).unwrap_err().message.contains("names no file"));
        let nowhere = folder.path().join("none/report.csv");
        assert!(replace(&nowhere, |_| Ok(())).unwrap_err().message.contains("cannot be written"));
    }
}

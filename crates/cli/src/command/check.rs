//! `rapport check`.

mod conditions;
mod history;

use std::path::{Component, Path, PathBuf};

use rapport_rule::finding::render::{human_all, json};
use rapport_rule::{Finding, Findings, Severity, Sources};
use serde_json::{Value, json};

use crate::command_line::{FindingFormat, Global};
use crate::exit::{self, Failure};
use crate::settings::{self, Settings};
use crate::{files, printed};

/// Prints all findings; exit code 2 when one is an error.
pub async fn run(global: &Global, format: FindingFormat, fix: bool, history: bool) -> Result<u8, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    if !folder.is_dir() {
        return Err(Failure::input(format!("there is no folder {}", folder.display())).help("see --dir"));
    }
    if fix {
        put_right(&folder)?;
    }
    let sources = files::sources(&files::read(&folder)?);
    let mut shown = sources.clone();
    let (mut rulebook, mut findings) = rapport_workflow::compile(&sources);
    if history && let Some(compiled) = rulebook.take() {
        let settings = Settings::load(global)?;
        rulebook = Some(history::check(&settings, compiled, &sources, &mut findings).await?);
    }
    if let Some(file) = Settings::check(global, &mut findings)?
        && sources.get(&file.path).is_none()
    {
        // Another file than the project's own, named by --config.
        shown.add(file);
    }
    let sources = settings::shown(&shown);
    match format {
        FindingFormat::Human => {
            if !findings.is_empty() {
                printed::line(human_all(&findings, &sources).trim_end());
            }
            if let Some(rulebook) = rulebook.as_ref().filter(|_| !findings.has_errors()) {
                let workflows: Vec<&str> = rulebook.workflows.iter().map(|workflow| &*workflow.id).collect();
                let (count, mails) = (workflows.len() as i64, rulebook.mails.len() as i64);
                printed::line(format!(
                    "{} with {} in order: {}",
                    printed::count(count, "workflow"),
                    printed::count(mails, "mail"),
                    workflows.join(", ")
                ));
            }
        }
        FindingFormat::Json => printed::line(json(&findings, &sources).to_string()),
        FindingFormat::Sarif => printed::line(sarif(&findings, &sources, &folder).to_string()),
        FindingFormat::Github => {
            findings.iter().for_each(|finding| printed::line(annotation(finding, &sources, &folder)));
        }
    }
    Ok(if findings.has_errors() { exit::BAD_INPUT } else { exit::OK })
}

/// Puts right what has one answer, and again what then comes to light, a few times over.
fn put_right(folder: &Path) -> Result<(), Failure> {
    for _ in 0..4 {
        let sources = files::sources(&files::read(folder)?);
        let (_, findings) = rapport_workflow::compile(&sources);
        let fixes = rapport_rule::finding::fix::fixes(&findings, &sources);
        if fixes.is_empty() {
            return Ok(());
        }
        for fix in &fixes {
            let wrong = sources.get(&fix.path).map(|source| source.slice(fix.span)).unwrap_or_default();
            printed::aside(format!("{}: `{wrong}` is now `{}`", fix.path, fix.instead));
        }
        let changed = rapport_rule::finding::fix::apply(&fixes, &sources);
        files::write(folder, &changed.into_iter().map(|source| (source.path, source.text)).collect())?;
    }
    Ok(())
}

/// SARIF 2.1.0 (OASIS): what code scanning of most platforms reads.
fn sarif(findings: &Findings, sources: &Sources, folder: &Path) -> Value {
    let data = json(findings, sources);
    let result = |finding| sarif_result(finding, folder);
    let results: Vec<Value> = data.as_array().into_iter().flatten().map(result).collect();
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|code| {
            let title = rapport_rule::codes::page(code).map_or(code, |page| page.title);
            json!({ "id": code, "shortDescription": { "text": title } })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "rapport", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn sarif_result(finding: &Value, folder: &Path) -> Value {
    let said = ["message", "label", "hint"].into_iter().filter_map(|part| finding[part].as_str());
    let uri = uri(&from_here(folder, finding["path"].as_str().unwrap_or_default()));
    let mut place = json!({ "artifactLocation": { "uri": uri } });
    if finding["line"].is_number() {
        place["region"] = json!({
            "startLine": finding["line"], "startColumn": finding["column"],
            "endLine": finding["end_line"], "endColumn": finding["end_column"],
        });
    }
    json!({
        "ruleId": finding["code"],
        "level": finding["severity"],
        "message": { "text": said.collect::<Vec<_>>().join(". ") },
        "locations": [{ "physicalLocation": place }],
    })
}

/// A file of the project from where we were called: what shows findings beside the lines looks for it in the whole
/// repository, of which the project may be a folder.
fn from_here(folder: &Path, path: &str) -> String {
    let is_own = path.starts_with("workflows/") || path.starts_with("config/");
    if !is_own || folder.is_absolute() {
        return path.to_owned();
    }
    let whole = folder.join(path);
    let named = whole.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    named.to_string_lossy().into_owned()
}

/// A path as a relative URI (RFC 3986): names of files may have spaces and letters that no URI has.
fn uri(path: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A workflow command of GitHub Actions: the finding appears beside the line in the pull request.
fn annotation(finding: &Finding, sources: &Sources, folder: &Path) -> String {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = finding.span.zip(sources.get(&finding.path)).map(|(span, source)| source.line_column(span.start));
    let place = place.map(|(line, column)| format!(",line={line},col={column}")).unwrap_or_default();
    let said: Vec<&str> = [Some(finding.message.as_str()), finding.label.as_deref(), finding.hint.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let property =
        |text: &str| text.replace('%', "%25").replace(['\r', '\n'], " ").replace(':', "%3A").replace(',', "%2C");
    let message = said.join(". ").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{level} file={}{place},title={}::{message}", property(&from_here(folder, &finding.path)), finding.code)
}

//! Where things run: the deployment keys of `config/rapport.yaml`, with `${NAME}` from the environment, overridden by
//! `RAPPORT_STORE`, `RAPPORT_KAFKA`, `RAPPORT_MAIL`, `RAPPORT_SHARDS`, `RAPPORT_LINK_KEY`, `RAPPORT_GATEWAY` and
//! `RAPPORT_GATEWAY_TOKEN`.
//!
//! Everything that may hold a secret is a [`Secret`], which prints as dots.

mod gateway;
mod kafka;
mod mail;
mod secret;
mod substitution;

use std::path::{Path, PathBuf};

use rapport_rule::finding::render::human_all;
use rapport_rule::yaml::{Fields, Node, parse, parse_filled};
use rapport_rule::{Finding, Findings, Severity, Source, Sources, Span, encoding};

pub use gateway::GatewaySettings;
pub use kafka::KafkaSettings;
pub use mail::{MailSettings, MailWay};
pub use secret::Secret;
use secret::masked;

use crate::command_line::{Global, LogFormat};
use crate::exit::{self, Failure};
use substitution::Environment;

/// The path findings speak of.
const PATH: &str = "config/rapport.yaml";

/// Where things run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project folder.
    pub folder: PathBuf,
    /// Which layout.
    pub layout: LayoutSettings,
    /// Where mail goes.
    pub mail: MailSettings,
    /// Where the gateway listens.
    pub gateway: GatewaySettings,
    /// Keys that sign links, newest first; empty when none is given.
    pub link_keys: Vec<Secret>,
    /// Parts the partners are spread over.
    pub shards: u32,
    /// Kept history in days.
    pub history_days: i64,
    /// The first programme.
    pub program: Option<String>,
    /// How the log is written.
    pub log_format: Option<LogFormat>,
    /// From which level on.
    pub log_level: Option<String>,
}

/// One file and one process, or database and broker.
#[derive(Debug, Clone)]
pub enum LayoutSettings {
    /// One SQLite file.
    Embedded {
        /// The file.
        file: PathBuf,
        /// It is begun anew whenever it is needed.
        disposable: bool,
    },
    /// Kafka and PostgreSQL.
    Cluster {
        /// The database's address.
        store: Secret,
        /// The broker.
        kafka: Box<KafkaSettings>,
    },
}

impl Settings {
    /// Reads them for a command; every finding is printed and then exit code 2.
    pub fn load(global: &Global) -> Result<Self, Failure> {
        let folder = project_folder(global)?;
        let Some(source) = source(global, &folder)? else {
            return Err(Failure::input(format!("there is no {} in {}", PATH, folder.display()))
                .help("name the project folder with --dir, or try `rapport demo`, which makes one"));
        };
        let environment = Environment::of_process();
        let mut findings = Findings::new();
        let settings = Self::read(&folder, &source, &environment, &mut findings);
        match settings.filter(|_| !findings.has_errors()) {
            Some(settings) => Ok(settings),
            None => {
                let shown = Source::new(source.path.clone(), masked(&source.text));
                crate::printed::aside(human_all(&findings, &[shown].into_iter().collect::<Sources>()));
                Err(Failure::said(exit::BAD_INPUT))
            }
        }
    }

    /// What is wrong with them, for `check`: what hangs on the machine they are for is no error where it is not known. Gives the
    /// file as it may be shown.
    pub fn check(global: &Global, findings: &mut Findings) -> Result<Option<Source>, Failure> {
        let folder = project_folder(global)?;
        let Some(source) = source(global, &folder)? else { return Ok(None) };
        Self::judge(&folder, &source, &Environment::of_process(), findings);
        Ok(Some(Source::new(source.path.clone(), masked(&source.text))))
    }

    fn judge(folder: &Path, source: &Source, environment: &Environment, findings: &mut Findings) {
        // That it is YAML the language says already.
        if parse(source, &mut Findings::new()).is_none() {
            return;
        }
        let mut found = Findings::new();
        let unset = Self::read_with(folder, source, environment, true, &mut found).1;
        for mut finding in found.iter().cloned() {
            let hangs_on_unset = finding
                .span
                .is_some_and(|span| unset.iter().any(|unset| unset.start < span.end && span.start < unset.end));
            let known = |known: &Finding| (known.code, known.span) == (finding.code, finding.span);
            match finding.severity {
                Severity::Error if hangs_on_unset => continue,
                // The language reads some of these keys, too.
                _ if findings.iter().any(known) => continue,
                // Files of keys are where mail leaves, and rarely where files are checked.
                Severity::Error if matches!(finding.code, "R0557" | "R0559") => finding.severity = Severity::Warning,
                _ => {}
            }
            findings.push(finding);
        }
    }

    /// Reads the deployment keys; other keys are the language's affair.
    fn read(folder: &Path, source: &Source, environment: &Environment, findings: &mut Findings) -> Option<Self> {
        Self::read_with(folder, source, environment, false, findings).0
    }

    /// With `lenient`, a variable that is not set is a warning; the places of those come back, too.
    fn read_with(
        folder: &Path,
        source: &Source,
        environment: &Environment,
        lenient: bool,
        findings: &mut Findings,
    ) -> (Option<Self>, Vec<Span>) {
        encoding::check(source, findings);
        let mut reader = Reader { path: source.path.as_str(), environment, findings, lenient, unset: Vec::new() };
        let settings = Self::of(folder, source, &mut reader);
        (settings, reader.unset)
    }

    fn of(folder: &Path, source: &Source, reader: &mut Reader<'_>) -> Option<Self> {
        let path = source.path.as_str();
        let root = parse_filled(source, reader.findings)?;
        let fields = Fields::of(&root, path, reader.findings)?;
        let program = fields.peek("programs").and_then(|node| match &node.value {
            rapport_rule::yaml::Value::Map(programs) => programs.first().map(|(key, _)| key.text.clone()),
            _ => None,
        });
        let store = reader.value("RAPPORT_STORE", fields.peek("store"));
        let kafka = kafka::read(reader, fields.peek("kafka"));
        let mail = mail::read(reader, fields.peek("mail"), folder);
        let gateway = gateway::read(reader, fields.peek("gateway"), folder);
        let link_keys = reader.link_keys(fields.peek("links"));
        let shards = reader.shards(fields.peek("shards"));
        let history_days = fields.peek("history").and_then(|node| node.length(path, reader.findings));
        let history_days = match history_days {
            Some(rapport_rule::Length::Weeks(weeks)) => weeks.saturating_mul(7),
            Some(rapport_rule::Length::Days(days)) => days,
            _ => 400,
        };
        let (log_format, log_level) = reader.log(fields.peek("log"));
        let store = store.unwrap_or_else(|| Told {
            path: path.to_owned(),
            span: None,
            text: Secret::new("sqlite:rapport.db".to_owned()),
        });
        let Told { path, span, text: url } = store;
        let layout = match (url.reveal().strip_prefix("sqlite:"), kafka) {
            (Some(file), None) if !file.is_empty() => {
                Some(LayoutSettings::Embedded { file: folder.join(file), disposable: false })
            }
            (Some(_), Some(_)) => {
                reader.findings.error("R0550", &path, span, "kafka needs a PostgreSQL store").hint(
                    "Embedded is one SQLite file without kafka; a cluster is `store: postgres://…` and `kafka:` (RAPPORT_STORE, RAPPORT_KAFKA).",
                );
                None
            }
            (None, kafka) if url.reveal().starts_with("postgres://") || url.reveal().starts_with("postgresql://") => {
                if let Err(why) = rapport_store::check_address(url.reveal()) {
                    reader
                        .findings
                        .error("R0573", &path, span, format!("the store's address cannot be used: {why}"))
                        .hint("Write `postgres://user:${PASSWORD}@host:5432/database?sslmode=require`.");
                    return None;
                }
                if kafka.is_none() {
                    reader
                        .findings
                        .error("R0550", &path, span, "a PostgreSQL store needs kafka")
                        .hint("Write `kafka: { brokers: \"host:9092\" }`, or set RAPPORT_KAFKA.");
                }
                kafka.map(|kafka| LayoutSettings::Cluster { store: url.clone(), kafka: Box::new(kafka) })
            }
            _ => {
                reader
                    .findings
                    .error("R0551", &path, span, "the store is of no known kind")
                    .label("write `sqlite:FILE` or `postgres://user:${PASSWORD}@host/database`");
                None
            }
        };
        Some(Self {
            folder: folder.to_owned(),
            shards: if matches!(layout, Some(LayoutSettings::Embedded { .. })) { 1 } else { shards },
            layout: layout?,
            mail: mail?,
            gateway: gateway?,
            link_keys,
            history_days,
            program,
            log_format,
            log_level,
        })
    }
}

fn project_folder(global: &Global) -> Result<PathBuf, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(Failure::input(format!("there is no folder {}", folder.display())).help("see --dir"))
}

/// The file they stand in; none where there is none and none was named.
fn source(global: &Global, folder: &Path) -> Result<Option<Source>, Failure> {
    let file = global.config.clone().unwrap_or_else(|| folder.join(PATH));
    let text = match std::fs::read(&file) {
        // What is not UTF-8 has its place among all that is wrong (R0581).
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && global.config.is_none() => return Ok(None),
        Err(error) => return Err(Failure::input(format!("{} cannot be read: {error}", file.display()))),
    };
    let shown = global.config.as_ref().map_or_else(|| PATH.to_owned(), |path| path.display().to_string());
    Ok(Some(Source::new(shown, text)))
}

/// The project's files as findings may show them.
pub fn shown(sources: &Sources) -> Sources {
    let open = |source: &Source| match source.path == PATH {
        true => Source::new(source.path.clone(), masked(&source.text)),
        false => source.clone(),
    };
    sources.iter().map(open).collect()
}

/// Reads values, from the environment where it says something.
struct Reader<'a> {
    path: &'a str,
    environment: &'a Environment,
    findings: &'a mut Findings,
    /// A variable that is not set is a warning.
    lenient: bool,
    /// Where those stand.
    unset: Vec<Span>,
}

/// A value, and what to blame when it is wrong: a place in the file, or a variable.
struct Told {
    path: String,
    span: Option<Span>,
    text: Secret,
}

impl Reader<'_> {
    /// A text with `${NAME}` filled in, or the variable that overrides it.
    fn value(&mut self, variable: &str, node: Option<&Node>) -> Option<Told> {
        if let Some(value) = self.environment.get(variable) {
            return Some(Told { path: variable.to_owned(), span: None, text: Secret::new(value.to_owned()) });
        }
        let node = node?;
        let text = self.text(node)?;
        Some(Told { path: self.path.to_owned(), span: Some(node.span), text: Secret::new(text) })
    }

    /// A text with `${NAME}` filled in.
    fn text(&mut self, node: &Node) -> Option<String> {
        let text = node.filled_text(self.path, self.findings)?;
        match substitution::fill(text, self.environment) {
            Ok(filled) => Some(filled),
            Err(problem @ substitution::Problem::Missing(_)) if self.lenient => {
                self.findings
                    .warning("R0552", self.path, node.span, format!("{problem} here"))
                    .hint("Where rapport runs it must be set; what it stands for is not checked.");
                self.unset.push(node.span);
                Some("x".repeat(64))
            }
            Err(problem) => {
                self.findings
                    .error("R0552", self.path, node.span, problem.to_string())
                    .hint("Secrets are read from the environment: export it before starting rapport.");
                None
            }
        }
    }

    fn shards(&mut self, node: Option<&Node>) -> u32 {
        if let Some(text) = self.environment.get("RAPPORT_SHARDS") {
            match text.parse::<u32>().ok().filter(|shards| (1..=4096).contains(shards)) {
                Some(shards) => return shards,
                None => {
                    self.findings.error(
                        "R0553",
                        "RAPPORT_SHARDS",
                        None,
                        "RAPPORT_SHARDS is not a number from 1 to 4096",
                    );
                }
            }
        }
        let written = node.and_then(|node| node.int(1..=4096, self.path, self.findings));
        written.and_then(|shards| u32::try_from(shards).ok()).unwrap_or(64)
    }

    /// `links.keys: [{ id, secret }]`, or the one of the environment.
    fn link_keys(&mut self, links: Option<&Node>) -> Vec<Secret> {
        if let Some(key) = self.environment.get("RAPPORT_LINK_KEY") {
            return self.strong(key.to_owned(), "RAPPORT_LINK_KEY", None).into_iter().collect();
        }
        let path = self.path;
        let Some(keys) =
            links.and_then(|node| Fields::of(node, path, self.findings)).and_then(|links| links.take("keys"))
        else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in keys.list(path, self.findings).unwrap_or_default() {
            let Some(fields) = Fields::of(item, path, self.findings) else { continue };
            fields.take("id");
            if let Some(node) = fields.require("secret", self.findings)
                && let Some(secret) = self.text(node)
            {
                all.extend(self.strong(secret, path, Some(node.span)));
            }
            fields.finish(&[], self.findings);
        }
        all
    }

    fn strong(&mut self, secret: String, path: &str, span: Option<Span>) -> Option<Secret> {
        if secret.len() < 32 {
            self.findings
                .error("R0554", path, span, "a key that signs links has at least 32 characters")
                .hint("Make one with `openssl rand -hex 32`.");
            return None;
        }
        Some(Secret::new(secret))
    }

    fn log(&mut self, node: Option<&Node>) -> (Option<LogFormat>, Option<String>) {
        let Some(fields) = node.and_then(|node| Fields::of(node, self.path, self.findings)) else {
            return (None, None);
        };
        let format = fields.take("format").and_then(|node| node.one_of(&["human", "json"], self.path, self.findings));
        let levels = ["error", "warn", "info", "debug"];
        let level = fields.take("level").and_then(|node| node.one_of(&levels, self.path, self.findings));
        fields.finish(&[], self.findings);
        let format = format.map(|which| if which == 0 { LogFormat::Human } else { LogFormat::Json });
        (format, level.and_then(|which| levels.get(which)).map(|level| (*level).to_owned()))
    }
}

#[cfg(test)]
mod tests;

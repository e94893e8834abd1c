//! `mail:`, or `RAPPORT_MAIL` with the way out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rapport_rule::yaml::{Fields, Node};
use rapport_smtp::{DkimKey, Signer, SmtpSettings};

use super::{Reader, Secret, Told};

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Where it goes.
    pub way: MailWay,
    /// Signs it; without keys it leaves unsigned.
    pub signer: Arc<Signer>,
}

impl MailSettings {
    /// Into a folder, unsigned.
    pub fn captured(folder: PathBuf) -> Self {
        Self { way: MailWay::Capture { folder }, signer: Arc::default() }
    }

    /// Whether it really leaves the machine.
    pub fn delivers(&self) -> bool {
        matches!(self.way, MailWay::Smtp(_))
    }
}

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum MailWay {
    /// Into a folder; nothing leaves the machine.
    Capture {
        /// The maildir.
        folder: PathBuf,
    },
    /// To the first of these relays that takes it; at least one.
    Smtp(Vec<SmtpSettings>),
}

pub(super) fn read(reader: &mut Reader<'_>, node: Option<&Node>, root: &Path) -> Option<MailSettings> {
    let fields = match node {
        Some(node) => Some(Fields::of(node, reader.path, reader.findings)?),
        None => None,
    };
    let folder = fields.as_ref().and_then(|fields| fields.take("folder")).and_then(|node| reader.text(node));
    let folder = root.join(folder.as_deref().unwrap_or("mails"));
    let deliver = fields.as_ref().and_then(|fields| fields.take("deliver"));
    let told = told(reader, deliver);
    let signer = Arc::new(signer(reader, fields.as_ref().and_then(|fields| fields.take("dkim")), root));
    if let Some(fields) = fields {
        fields.finish(&["deliver", "dkim", "folder"], reader.findings);
    }
    let way = way(reader, told?, folder, root)?;
    Some(MailSettings { way, signer })
}

/// The addresses, one or several in order: a list in the file, words in the variable. `None` when one of them cannot be read.
fn told(reader: &mut Reader<'_>, deliver: Option<&Node>) -> Option<Vec<Told>> {
    const VARIABLE: &str = "RAPPORT_MAIL";
    if let Some(told) = reader.value(VARIABLE, None) {
        // A folder may have spaces in its name; an address has none.
        let text = told.text.reveal();
        if text.starts_with("capture") || text.trim().is_empty() {
            return Some(vec![told]);
        }
        let one = |word: &str| Told { path: VARIABLE.to_owned(), span: None, text: Secret::new(word.to_owned()) };
        return Some(text.split_whitespace().map(one).collect());
    }
    let Some(node) = deliver else { return Some(Vec::new()) };
    let path = reader.path;
    if node.as_seq().is_some_and(<[Node]>::is_empty) {
        reader
            .findings
            .error("R0608", path, node.span, "there is no relay in the list")
            .label("name one, or `capture`");
        return None;
    }
    let mut all = Vec::new();
    for node in node.one_or_many() {
        let text = Secret::new(reader.text(node)?);
        all.push(Told { path: path.to_owned(), span: Some(node.span), text });
    }
    Some(all)
}

fn way(reader: &mut Reader<'_>, told: Vec<Told>, folder: PathBuf, root: &Path) -> Option<MailWay> {
    let alone = told.len() < 2;
    let Some(first) = told.first() else { return Some(MailWay::Capture { folder }) };
    if alone && first.text.reveal() == "capture" {
        return Some(MailWay::Capture { folder });
    }
    if let Some(folder) = first.text.reveal().strip_prefix("capture:").filter(|_| alone) {
        return Some(MailWay::Capture { folder: root.join(folder) });
    }
    let mut relays: Vec<SmtpSettings> = Vec::new();
    for Told { path, span, text: deliver } in &told {
        if deliver.reveal().split(':').next() == Some("capture") {
            reader
                .findings
                .error("R0608", path, *span, "mail is captured or it goes to relays, not both")
                .hint("`deliver: capture` stands alone; a list names relays, in the order in which they are tried.");
            return None;
        }
        let settings = match SmtpSettings::parse(deliver.reveal()) {
            Ok(settings) => settings,
            Err(error) => {
                // The error names what is wrong and never repeats the address, which may hold a password.
                reader
                    .findings
                    .error("R0555", path, *span, error.to_string())
                    .label("write `capture` or `smtps://user:${PASSWORD}@host:465`");
                return None;
            }
        };
        let same = |other: &SmtpSettings| {
            let user = |relay: &SmtpSettings| relay.login.as_ref().map(|login| login.user.clone());
            (&other.host, other.port, user(other)) == (&settings.host, settings.port, user(&settings))
        };
        if relays.iter().any(same) {
            reader
                .findings
                .error("R0608", path, *span, "this relay is in the list already")
                .hint("One that failed is left alone for a while, whatever its place in the list.");
            return None;
        }
        relays.push(settings);
    }
    Some(MailWay::Smtp(relays))
}

/// `dkim: [{ domain, selector, key }]`; the key is a file of the project, or PEM text from the environment.
fn signer(reader: &mut Reader<'_>, node: Option<&Node>, root: &Path) -> Signer {
    let path = reader.path;
    let mut keys = Vec::new();
    for item in node.and_then(|node| node.list(path, reader.findings)).unwrap_or_default() {
        let Some(fields) = Fields::of(item, path, reader.findings) else { continue };
        let mut text = |name| fields.require(name, reader.findings).and_then(|node| reader.text(node));
        let (domain, selector, key) = (text("domain"), text("selector"), text("key"));
        let at = fields.take("key").map(|node| node.span);
        fields.finish(&[], reader.findings);
        let (Some(domain), Some(selector), Some(key)) = (domain, selector, key) else { continue };
        let read = pem(&key, root)
            .and_then(|pem| DkimKey::from_pem(&domain, &selector, &pem).map_err(|error| error.to_string()));
        match read {
            Ok(key) => keys.push(key),
            Err(problem) => {
                reader
                    .findings
                    .error("R0559", path, at, problem)
                    .hint("`rapport dkim new --domain DOMAIN --selector NAME` makes a key and prints its DNS record.");
            }
        }
    }
    Signer::new(keys)
}

/// The text of a key. Errors name the file, never what stands in it.
fn pem(key: &str, root: &Path) -> Result<String, String> {
    if key.trim_start().starts_with("-----BEGIN") {
        return Ok(key.to_owned());
    }
    std::fs::read_to_string(root.join(key)).map_err(|error| match key.len() {
        0..=200 => format!("the key file {key} cannot be read: {error}"),
        // A long text that is no file may be a key without its first line.
        _ => format!("the key is neither PEM nor a file: {}", error.kind()),
    })
}

//! `mail:`, or `RAPPORT_MAIL` with the way out.

use std::path::{Path, PathBuf};

use rapport_rule::yaml::{Fields, Node};
use rapport_smtp::SmtpSettings;

use super::{Reader, Secret};

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum MailSettings {
    /// Into a folder; nothing leaves the machine.
    Capture {
        /// The maildir.
        folder: PathBuf,
    },
    /// To a server.
    Smtp(Box<SmtpSettings>),
}

pub(super) fn read(reader: &mut Reader<'_>, node: Option<&Node>, root: &Path) -> Option<MailSettings> {
    let fields = match node {
        Some(node) => Some(Fields::of(node, reader.path, reader.findings)?),
        None => None,
    };
    let folder = fields.as_ref().and_then(|fields| fields.take("folder")).and_then(|node| reader.text(node));
    let folder = root.join(folder.as_deref().unwrap_or("mails"));
    let deliver = fields.as_ref().and_then(|fields| fields.take("deliver"));
    let told = reader.value("RAPPORT_MAIL", deliver);
    if let Some(fields) = fields {
        fields.finish(&["deliver", "folder"], reader.findings);
    }
    let (span, deliver) = told.unwrap_or_else(|| (Default::default(), Secret::new("capture".to_owned())));
    if deliver.reveal() == "capture" {
        return Some(MailSettings::Capture { folder });
    }
    if let Some(folder) = deliver.reveal().strip_prefix("capture:") {
        return Some(MailSettings::Capture { folder: root.join(folder) });
    }
    match SmtpSettings::parse(deliver.reveal()) {
        Ok(settings) => Some(MailSettings::Smtp(Box::new(settings))),
        Err(error) => {
            // The error names what is wrong and never repeats the address, which may hold a password.
            reader
                .findings
                .error("R0555", reader.path, span, error.to_string())
                .label("write `capture` or `smtps://user:${PASSWORD}@host:465`");
            None
        }
    }
}

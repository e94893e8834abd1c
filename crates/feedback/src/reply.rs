//! Did a person write this? By RFC 3834's header, and by what else machines have been seen to write.

use mail_parser::Message;

/// How a mail shows that a machine wrote it; `None` for a person's. A machine's mail that passes as a person's stops a sequence that
/// the person never answered; a person's that passes as a machine's is not noticed: where in doubt, a person wrote.
pub(crate) fn automatic(mail: &Message<'_>) -> Option<String> {
    let header = |name: &str| mail.header_raw(name).map(|value| value.trim().to_ascii_lowercase());
    if let Some(value) = header("Auto-Submitted") {
        let keyword = value.split([';', ' ', '(']).next().unwrap_or_default();
        if !keyword.is_empty() && keyword != "no" {
            return Some(word(keyword));
        }
    }
    // Written by responders that came before the standard, or ignore it.
    for name in ["X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Response-From", "X-Vacation"] {
        if header(name).is_some_and(|value| value != "no") {
            return Some("auto-replied".to_owned());
        }
    }
    // Exchange's own automatic answers say so; the value `All` is a wish of the sender's about answers, and says nothing.
    if header("X-MS-Exchange-Generated-Message-Source").is_some() || header("X-MS-Exchange-Inbox-Rules-Loop").is_some()
    {
        return Some("auto-replied".to_owned());
    }
    if header("Precedence").is_some_and(|value| matches!(value.as_str(), "bulk" | "junk" | "list" | "auto_reply")) {
        return Some("bulk".to_owned());
    }
    if header("List-Id").is_some() || header("Feedback-ID").is_some() {
        return Some("list".to_owned());
    }
    // A mail with an empty return path wants no answer (RFC 3834, 2; RFC 5321, 4.5.5).
    if header("Return-Path").is_some_and(|value| value == "<>") {
        return Some("no-return-path".to_owned());
    }
    let from = mail.from().and_then(|from| from.first()).and_then(|from| from.address()).unwrap_or_default();
    let local = from.split('@').next().unwrap_or_default().to_ascii_lowercase();
    if ["mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"].contains(&local.as_str()) {
        return Some("no-reply-address".to_owned());
    }
    let subject = mail.subject().unwrap_or_default().trim().to_lowercase();
    SUBJECTS.iter().any(|start| subject.starts_with(start)).then(|| "subject".to_owned())
}

/// How the subjects of absence notes begin, in the languages of common mail programs. An answer begins with `Re:`, whatever follows.
const SUBJECTS: [&str; 17] = [
    "automatic reply:",
    "auto reply:",
    "autoreply:",
    "auto:",
    "out of office:",
    "out of the office",
    "automatische antwort:",
    "abwesenheitsnotiz",
    "abwesend:",
    "réponse automatique",
    "absence du bureau",
    "respuesta automática",
    "risposta automatica",
    "automatisch antwoord",
    "automatiskt svar",
    "automatisk svar",
    "automaattinen vastaus",
];

/// Fit for a record and a metric.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect()
}

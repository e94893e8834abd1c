//! Secrets in files: keys of services, and passwords in addresses.

use rapport_rule::{Findings, Source, Sources, Span};

/// How the keys of services that sign mails, charge cards or keep repositories begin.
const KEYS: [(&str, usize); 7] = [
    ("-----BEGIN PRIVATE KEY", 22),
    ("-----BEGIN RSA PRIVATE KEY", 26),
    ("sk_live_", 20),
    ("xoxb-", 20),
    ("ghp_", 30),
    ("AKIA", 20),
    ("SG.", 40),
];

pub(super) fn check(sources: &Sources, findings: &mut Findings) {
    for source in sources.iter() {
        keys(source, findings);
        passwords(source, findings);
    }
}

fn keys(source: &Source, findings: &mut Findings) {
    for (begins, length) in KEYS {
        for (at, _) in source.text.match_indices(begins) {
            let before = source.text.get(..at).and_then(|text| text.chars().next_back());
            let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            let rest = source.text.get(at..).unwrap_or_default();
            let whole = rest.chars().take_while(|c| is_word(*c)).count();
            let is_key = begins.starts_with('-') || (whole >= length && !before.is_some_and(is_word));
            if is_key {
                findings
                    .error("R0433", &source.path, Span::new(at, at + begins.len()), "this looks like a secret key")
                    .label("take it out, and replace it where it is used: whoever reads the repository has it")
                    .hint("Secrets are given by the environment or by files outside the project.");
            }
        }
    }
}

/// `smtps://user:password@host`, where `${NAME}` stands for no password of the file.
fn passwords(source: &Source, findings: &mut Findings) {
    for (at, sign) in source.text.match_indices("://") {
        let begin = at + sign.len();
        let rest = source.text.get(begin..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || c.is_control() || "/?#\"'`<>()[]…".contains(c);
        let authority = rest.split(ends).next().unwrap_or_default();
        let Some((user, password)) = authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':')) else {
            continue;
        };
        if password.is_empty() || password.contains("${") || password.contains("{{") {
            continue;
        }
        let from = begin + user.len() + 1;
        findings
            .error("R0433", &source.path, Span::new(from, from + password.len()), "a password stands in this address")
            .label("write `${NAME}` here, and change it where it is used: whoever reads the repository has it")
            .hint("`${NAME}` is read from the environment when rapport starts.");
    }
}

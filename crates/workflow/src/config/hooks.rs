//! `config/hooks.yaml`: other systems that workflows call. Where they are and the secrets they share with us stand in the
//! environment, never in a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::yaml::{Fields, Node, is_name};
use rapport_rule::{Findings, Length};

/// How long a call is tried when nothing is written.
const WITHIN: Length = Length::Hours(24);
/// Longer than this no journey waits for another system.
const WITHIN_MAX_MINUTES: i64 = 7 * 24 * 60;

/// What kind of system is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// JSON with a signature as Standard Webhooks has it.
    Webhook,
    /// A line for people, to an incoming webhook of Slack.
    Slack,
}

impl HookKind {
    /// The names in files, in the order of the variants.
    pub const CODES: [&str; 2] = ["webhook", "slack"];

    /// The name in files and SQL, and the verb that calls it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        let [webhook, slack] = Self::CODES;
        match self {
            Self::Webhook => webhook,
            Self::Slack => slack,
        }
    }
}

/// A system that workflows call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its kind.
    pub kind: HookKind,
    /// What it is, one sentence.
    pub about: String,
    /// For how long a call is tried.
    pub within: Length,
    /// Whether it may be on this machine or in a private network, and be called without TLS.
    pub private: bool,
}

pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> BTreeMap<Arc<str>, Hook> {
    let mut hooks = BTreeMap::new();
    let Some(fields) = Fields::of(node, path, findings) else { return hooks };
    let entries = fields.require("hooks", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, value) in entries {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(hook) = hook(&key.text, value, path, findings) {
            hooks.insert(key.text.as_str().into(), hook);
        }
    }
    hooks
}

/// The variable a hook's address is read from; its secret is under the same name with `_SECRET` behind it.
#[must_use]
pub fn hook_variable(name: &str) -> String {
    format!("RAPPORT_HOOK_{}", name.to_ascii_uppercase().replace('-', "_"))
}

fn hook(name: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<Hook> {
    let fields = Fields::of(node, path, findings)?;
    let before = findings.errors();
    for key in ["url", "secret"] {
        if let Some(span) = fields.key_span(key) {
            let variable = hook_variable(name) + if key == "secret" { "_SECRET" } else { "" };
            findings
                .error("R0565", path, span, format!("the {key} of `{name}` stands in a file"))
                .label(format!("export it as {variable}"))
                .hint("Whoever can read the file could call in our name, or listen.");
            return None;
        }
    }
    let kind = fields.require("kind", findings).and_then(|node| node.one_of(&HookKind::CODES, path, findings));
    let about = fields.require("about", findings).and_then(|node| node.filled_text(path, findings));
    let within = match fields.take("within") {
        Some(node) => node.length(path, findings).filter(|length| {
            let ok = (1..=WITHIN_MAX_MINUTES).contains(&length.about_minutes());
            if !ok {
                findings
                    .error("R0566", path, node.span, "a call is tried for a minute to a week")
                    .label("write `24 hours`");
            }
            ok
        }),
        None => Some(WITHIN),
    };
    let private = fields.take("private").and_then(|node| node.bool(path, findings)).unwrap_or(false);
    fields.finish(&[], findings);
    (findings.errors() == before).then_some(())?;
    let kind = if kind? == 0 { HookKind::Webhook } else { HookKind::Slack };
    Some(Hook { kind, about: about?.to_owned(), within: within?, private })
}

//! `received: { mail: noticed, between: [2026-10-01, 2026-10-31] }`: who got a mail, as a condition.
//!
//! It stands for `partner.received("re-engagement/noticed", date("2026-10-01"), date("2026-10-31"))`, and
//! `within: 30 days` for `partner.received_within("re-engagement/noticed", 30)`, which may be written as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_partner::state::DAYS_KEPT;
use rapport_rule::expr::{Method, Refused, Type, Value};
use rapport_rule::yaml::{Fields, Node, Value as Written};
use rapport_rule::{Findings, Length, Sources, suggest};

/// The object that has the methods.
pub(crate) const PARTNER: &str = "partner";
/// Got the mail on a day from one to another.
pub const RECEIVED: &str = "received";
/// Got the mail within so many days, today included.
pub const RECEIVED_WITHIN: &str = "received_within";

/// The names of mails by workflow.
pub(crate) type MailNames = BTreeMap<Arc<str>, BTreeSet<String>>;

/// Which mails the files under `workflows/` are, whatever is wrong in them.
pub(crate) fn mail_names(sources: &Sources) -> MailNames {
    let mut names = MailNames::new();
    for source in sources.under("workflows/") {
        let Some((id, _)) = source.path.trim_start_matches("workflows/").split_once('/') else { continue };
        let mails = names.entry(id.into()).or_default();
        if let Some(stem) = rapport_message::Mail::stem(&source.path) {
            mails.insert(stem.split('.').next().unwrap_or(stem).to_owned());
        }
    }
    names
}

/// The methods by name.
pub(crate) fn method(name: &str) -> Option<Method> {
    let args = match name {
        RECEIVED => vec![Type::Text, Type::Date, Type::Date],
        RECEIVED_WITHIN => vec![Type::Text, Type::Count],
        _ => return None,
    };
    Some(Method { args, returns: Type::Bool })
}

/// Whether an argument names a mail, `workflow/mail`, or is a number of days there are.
pub(crate) fn argument(mails: &MailNames, value: &Value) -> Result<(), Refused> {
    match value {
        Value::Text(name) => full_name(mails, name).and_then(|full| {
            let refused = |near: String| Refused {
                code: "R0571",
                message: format!("`{name}` does not say of which workflow"),
                near: Some(near),
            };
            if *full == **name { Ok(()) } else { Err(refused(full)) }
        }),
        Value::Count(days) if !(1..=i64::from(DAYS_KEPT)).contains(days) => Err(Refused {
            code: "R0571",
            message: format!("days are kept for {DAYS_KEPT} days, this asks for {days}"),
            near: None,
        }),
        _ => Ok(()),
    }
}

/// `workflow/mail` of a name that may go without its workflow where only one has such a mail.
fn full_name(mails: &MailNames, name: &str) -> Result<String, Refused> {
    let all = || mails.iter().flat_map(|(id, mails)| mails.iter().map(move |mail| format!("{id}/{mail}")));
    let refused = |message: String, near: Option<String>| Err(Refused { code: "R0571", message, near });
    if let Some((workflow, mail)) = name.split_once('/') {
        if mails.get(workflow).is_some_and(|mails| mails.contains(mail)) {
            return Ok(name.to_owned());
        }
        let known: Vec<String> = all().collect();
        let near = suggest::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        return refused(format!("there is no mail `{name}`"), near);
    }
    let of: Vec<String> = all().filter(|full| full.rsplit('/').next() == Some(name)).collect();
    match of.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let known: BTreeSet<&str> = mails.values().flatten().map(String::as_str).collect();
            refused(format!("there is no mail `{name}`"), suggest::nearest(name, known).map(str::to_owned))
        }
        [first, ..] => {
            let shown = suggest::listed(of.iter().map(String::as_str), 4);
            refused(format!("several workflows have a mail `{name}`: {shown}"), Some(first.clone()))
        }
    }
}

/// The expression a `received:` stands for.
pub(crate) fn spelled_out(mails: &MailNames, node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    let (mail_node, between, within) = match &node.value {
        Written::Map(_) => {
            let fields = Fields::of(node, path, findings)?;
            let mail = fields.require("mail", findings);
            let (between, within) = (fields.take("between"), fields.take("within"));
            fields.finish(&[], findings);
            (mail?, between, within)
        }
        _ => (node, None, None),
    };
    let name = match full_name(mails, mail_node.filled_text(path, findings)?) {
        Ok(name) => name,
        Err(refused) => {
            findings
                .error(refused.code, path, mail_node.text_span(), refused.message)
                .did_you_mean(refused.near.as_deref());
            return None;
        }
    };
    match (between, within) {
        (None, None) => Some(format!("{PARTNER}.{RECEIVED_WITHIN}(\"{name}\", {DAYS_KEPT})")),
        (Some(between), None) => {
            let Written::Seq(ends) = &between.value else {
                findings
                    .error("R0571", path, between.span, "`between` has a first and a last day")
                    .label("write `between: [2026-10-01, 2026-10-31]`");
                return None;
            };
            let [from, to] = ends.as_slice() else {
                findings.error("R0571", path, between.span, "`between` has a first and a last day");
                return None;
            };
            let (from_day, to_day) = (from.date(path, findings)?, to.date(path, findings)?);
            if to_day < from_day {
                findings.error("R0571", path, to.span, "the last day is before the first");
                return None;
            }
            Some(format!("{PARTNER}.{RECEIVED}(\"{name}\", date(\"{from_day}\"), date(\"{to_day}\"))"))
        }
        (None, Some(within)) => {
            let days = match within.length(path, findings)? {
                Length::Days(days) => days,
                Length::Weeks(weeks) => weeks.saturating_mul(7),
                _ => 0,
            };
            if !(1..=i64::from(DAYS_KEPT)).contains(&days) {
                findings
                    .error("R0571", path, within.span, format!("`within` is 1 to {DAYS_KEPT} days"))
                    .label("write days or weeks, like `30 days`; today is the last of them");
                return None;
            }
            Some(format!("{PARTNER}.{RECEIVED_WITHIN}(\"{name}\", {days})"))
        }
        (Some(_), Some(_)) => {
            findings.error("R0571", path, node.span, "`between` and `within` say the same thing twice");
            None
        }
    }
}

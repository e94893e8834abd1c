//! The audit: who did what, when, and why.

use rapport_engine::ports::operating::AuditRow;
use serde_json::{Value, json};

use crate::command_line::Global;
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::printed::{bold, harmless, line};

/// Lines at most.
const LINES: usize = 500;

/// Prints the lines whose action begins with this, newest first.
pub async fn run(global: &Global, action: &str, as_data: bool) -> Result<u8, Failure> {
    let settings = super::quiet(global)?;
    let desk = Desk::open(&settings).await?;
    let rows = desk.store.audits(action, LINES).await.doing("reading the audit");
    desk.close().await;
    let rows = rows?;
    if as_data {
        line(json!(rows.iter().map(data).collect::<Vec<_>>()).to_string());
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        line("nothing was noted yet");
    }
    rows.iter().for_each(tell);
    Ok(exit::OK)
}

fn data(row: &AuditRow) -> Value {
    json!({ "at": row.at.to_string(), "by": row.by, "approved_by": row.approved_by, "action": row.action,
        "subject": row.subject, "because": row.because, "done": row.done,
        "detail": serde_json::from_str::<Value>(&row.detail).unwrap_or_default() })
}

fn tell(row: &AuditRow) {
    let at = row.at.strftime("%Y-%m-%d %H:%M:%S");
    // A hash is shown as short as everywhere.
    let subject = if row.action == "apply" { row.subject.get(..12).unwrap_or(&row.subject) } else { &row.subject };
    let approved =
        row.approved_by.as_deref().map(|name| format!(", approved by {}", harmless(name))).unwrap_or_default();
    let because = row.because.as_deref().map(|why| format!(": {}", harmless(why))).unwrap_or_default();
    let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
    let refused = detail.get("refused").and_then(Value::as_str);
    let refused = refused.map(|why| format!("  {}: {}", bold("REFUSED"), harmless(why))).unwrap_or_default();
    line(format!("{at}  {}  {}  by {}{approved}{because}{refused}", row.action, harmless(subject), harmless(&row.by)));
    for (key, what) in [("new", "new"), ("gone", "gone"), ("service", "service mail")] {
        let names: Vec<&str> =
            detail.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if !names.is_empty() {
            line(format!("    {what}: {}", names.join(", ")));
        }
    }
}

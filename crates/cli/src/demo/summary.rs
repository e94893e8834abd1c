//! What happened in the year, on a page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rapport_contact::SuppressReason;
use serde_json::{Value, json};

use super::play::Played;
use super::score::{Score, Size};
use crate::command_line::DemoArguments;
use crate::printed::{bold, count, faint, line, number};

/// The page.
pub struct Summary<'a> {
    played: &'a Played,
    folder: &'a Path,
    seed: u64,
    elapsed: Duration,
}

impl<'a> Summary<'a> {
    /// From what was played.
    pub fn of(played: &'a Played, folder: &'a Path, arguments: &DemoArguments, elapsed: Duration) -> Self {
        Self { played, folder, seed: arguments.seed, elapsed }
    }

    fn one(&self, name: &str) -> i64 {
        self.played.counts.get(name).copied().unwrap_or(0)
    }

    /// Counts whose names begin so, by the rest of their names.
    fn group(&self, prefix: &str) -> BTreeMap<String, i64> {
        let named = self.played.counts.iter();
        let named = named.filter_map(|(name, count)| Some((name.strip_prefix(prefix)?.to_owned(), *count)));
        // What is kept of every review and membership is a history, no signal to anybody.
        named.filter(|(name, _)| name != "health.reviewed" && name != "segment.member").collect()
    }

    /// Mails by workflow that are in one of these states.
    fn mails(&self, states: &[&str]) -> BTreeMap<String, i64> {
        let mut by_workflow = BTreeMap::new();
        for (name, count) in self.group("messages/") {
            if let Some((workflow, state)) = name.split_once('/')
                && states.contains(&state)
            {
                *by_workflow.entry(workflow.to_owned()).or_insert(0) += count;
            }
        }
        by_workflow
    }

    fn sent(&self) -> BTreeMap<String, i64> {
        self.mails(&["sent", "in_doubt"])
    }

    fn mail_folder(&self) -> PathBuf {
        self.folder.join("mails").join("new")
    }

    /// The page as data.
    pub fn data(&self) -> Value {
        let mut dips = serde_json::to_value(&self.played.score).unwrap_or_default();
        dips["found_within_days"] = json!(28);
        dips["outage"] =
            json!(self.played.outage.map(|(first, days)| json!({ "from": first.to_string(), "days": days })));
        json!({
            "seed": self.seed,
            "from": self.played.dates.0.to_string(),
            "to": self.played.dates.1.to_string(),
            "partners": self.one("partners"),
            "events": self.played.taken.events,
            "conversions": self.one("conversions"),
            "signals": self.group("signals/"),
            "journeys": self.group("journeys/"),
            "mails_sent_by_workflow": self.sent(),
            "not_sent_by_reason": self.group("not_sent/"),
            "waiting": self.mails(&["queued", "attempting"]).values().sum::<i64>(),
            "tasks": self.one("tasks"),
            "dead_letters": self.group("dead_letters/").values().sum::<i64>(),
            "dips": dips,
            "mails_folder": self.mail_folder().display().to_string(),
        })
    }

    /// The page for people.
    pub fn print(&self) {
        let (from, to) = self.played.dates;
        line(format!(
            "\n{}   {}",
            bold(&format!("{}, {} to {}", self.played.program, from.strftime("%-d %B %Y"), to.strftime("%-d %B %Y"))),
            faint(&format!("played in {:.1} s, seed {}", self.elapsed.as_secs_f64(), self.seed))
        ));
        let signals: i64 = self.group("signals/").values().sum();
        let journeys: i64 = self.group("journeys/").values().sum();
        let sent: i64 = self.sent().values().sum();
        line(format!(
            "  {} · {} · {} · {} · {} · {} · {}\n",
            count(self.one("partners"), "partner"),
            count(self.played.taken.events as i64, "event"),
            count(self.one("conversions"), "conversion"),
            count(signals, "signal"),
            count(journeys, "journey"),
            count(sent, "mail"),
            count(self.one("tasks"), "task")
        ));
        beside("Signals", &sorted(self.group("signals/")), "Journeys by workflow", &sorted(self.group("journeys/")));
        let reasons = sorted(self.group("not_sent/")).into_iter().map(|(code, count)| (explained(&code), count));
        beside("Mails sent by workflow", &sorted(self.sent()), "Not sent, and why", &reasons.collect::<Vec<_>>());
        dips(&self.played.score);
        if let Some((first, days)) = self.played.outage {
            let (first, days) = (first.strftime("%-d %B"), count(days as i64, "day"));
            line(format!("  the shop was down on {first}, for {days}: no partner's fault, and none should be told so"));
        }
        let refused = sorted(self.group("dead_letters/"));
        if !refused.is_empty() {
            let codes: Vec<String> = refused.iter().map(|(code, count)| format!("{code} {}", number(*count))).collect();
            let all: i64 = refused.iter().map(|(_, count)| count).sum();
            line(format!("\n  {}: {} ({})", bold("not taken in"), count(all, "event"), codes.join(", ")));
            let (program, dir) = (program(), shell_word(&self.folder.display().to_string()));
            line(format!("  {program} --dir {dir} dead-letters   {}", faint("shows why")));
        }
        self.what_next();
    }

    fn what_next(&self) {
        let program = program();
        let dir = shell_word(&self.folder.display().to_string());
        let mails = self.mail_folder();
        line(format!("\n{}\n  {}   any mail program opens them, or a pager", bold("The mails"), mails.display()));
        line(format!("\n{}", bold("Look closer")));
        let mut commands: Vec<(String, String)> = self
            .played
            .examples
            .iter()
            .map(|(what, partner)| (format!("{program} --dir {dir} explain {partner}"), (*what).to_owned()))
            .collect();
        commands.push((format!("{program} --dir {dir} doctor"), "is everything as it must be?".to_owned()));
        print_commands(&commands);
        line(format!("\n{}", bold("Make it yours")));
        print_commands(&[
            (
                format!("{program} --dir {dir} check"),
                format!("after editing {dir}/workflows/, for example welcome/hello.mail.md"),
            ),
            (format!("{program} demo --seed {}", self.seed + 1), "another programme".to_owned()),
            (format!("{program} --help"), "everything else".to_owned()),
        ]);
    }
}

fn print_commands(commands: &[(String, String)]) {
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    for (command, what) in commands {
        line(format!("  {command:<width$}   {}", faint(what)));
    }
}

/// How this binary was called, so that what is printed can be typed.
fn program() -> String {
    let name = std::env::args().next().unwrap_or_else(|| "rapport".to_owned());
    let here = std::env::current_dir().ok();
    let short =
        here.and_then(|here| Path::new(&name).strip_prefix(here).ok().map(|path| format!("./{}", path.display())));
    shell_word(&short.unwrap_or(name))
}

/// Quoted where a shell would take it apart.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '+' | ',');
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn sorted(group: BTreeMap<String, i64>) -> Vec<(String, i64)> {
    let mut all: Vec<(String, i64)> = group.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}

/// A reason in words, where it has some.
fn explained(code: &str) -> String {
    match code {
        "no_basis" => "no_basis: did not agree to such mail".to_owned(),
        "no_address" => "no_address: none was ever known".to_owned(),
        "unsubscribe" => "unsubscribe: wants no more of it".to_owned(),
        "expired" => "expired: could not leave in time".to_owned(),
        "stop_when" => "stop_when: no longer called for".to_owned(),
        "replied" => "replied: wrote back, a person answers".to_owned(),
        "trigger_revoked" => "trigger_revoked: the reason fell away".to_owned(),
        "not_active" => "not_active: left the programme".to_owned(),
        code => match SuppressReason::parse(code) {
            Some(reason) => format!("{code}: {}", reason.about()),
            None => code.to_owned(),
        },
    }
}

const COLUMN: usize = 40;

/// Two lists beside each other.
fn beside(left_title: &str, left: &[(String, i64)], right_title: &str, right: &[(String, i64)]) {
    let pad = " ".repeat((COLUMN + 2).saturating_sub(left_title.chars().count()));
    line(format!("{}{pad}{}", bold(left_title), bold(right_title)));
    for row in 0..left.len().max(right.len()).max(1) {
        let cell = |list: &[(String, i64)]| match (list.get(row), row) {
            (Some((name, count)), _) => format!("{:>7}  {name}", number(*count)),
            (None, 0) => "      –".to_owned(),
            (None, _) => String::new(),
        };
        let (left, right) = (cell(left), cell(right));
        line(format!("{left:<width$}{right}", width = COLUMN + 2).trim_end());
    }
    line("");
}

fn dips(score: &Score) {
    line(format!("{}   {}", bold("Dips"), faint("the world knows them, the engine was not told")));
    line("  usual sales a week   true   found within 28 days      noticed as silence   not noticed");
    for Size { sales_a_week, true_dips, found, median_days, silence, unnoticed } in &score.by_size {
        let after = median_days.map(|days| format!("(median {})", count(days, "day"))).unwrap_or_default();
        line(format!(
            "  {sales_a_week:<18}   {true_dips:>4}   {found:>5}  {after:<18}   {silence:>18}   {unnoticed:>11}"
        ));
    }
    line(format!(
        "  together: {} true, {} found, {} missed, {} ({} a partner and year)",
        score.true_dips,
        score.found,
        score.missed,
        count(score.false_alarms as i64, "false alarm"),
        score.false_alarms_per_partner_year
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        assert_eq!(shell_word("rapport-demo"), "rapport-demo");
        assert_eq!(shell_word("my demo's"), r"'my demo'\''s'");
    }
}

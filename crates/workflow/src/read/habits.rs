//! What people bring from other tools, and what is written here instead. The letters of such a word are near to something else, or to
//! nothing: `do` is `then`, and `on` is not `once`.

use rapport_rule::suggest::nearest;
use rapport_rule::yaml::is_name;

/// Words from elsewhere, in small letters with `_` between, and the word of the language that each of them is here. What is no single
/// word is a remedy in full.
type Habits = [(&'static [&'static str], &'static str)];

/// Keys of a workflow.
pub(super) const WORKFLOW: &Habits = &[
    (&["on", "trigger", "triggers", "trigger_on", "event", "events", "start_when", "starts_when", "start_on"], "when"),
    (&["name", "title"], "workflow"),
    (&["description", "desc", "summary"], "about"),
    (&["filter", "filters", "where", "condition", "conditions", "only_if"], "if"),
    (&["except", "exclude", "exclusions", "skip_if", "if_not"], "unless"),
    (&["frequency", "repeat", "reentry", "re_entry", "how_often"], "once"),
    (&["exit_when", "exit_on", "exit_if", "cancel_when", "cancel_on", "stop_on", "stop_if"], "stop_when"),
    (&["actions", "do", "then", "flow", "sequence", "jobs", "tasks"], "steps"),
    (&["audience", "recipients", "to"], "send_to"),
    (&["control", "control_group"], "holdout"),
    (&["schedule", "cron"], "write `when: { at: \"0 9 * * MON\", each: everyone }`"),
];

/// Verbs of steps.
pub(super) const VERB: &Habits = &[
    (&["send", "send_email", "send_mail", "send_message", "message"], "email"),
    (&["delay", "sleep", "pause"], "wait"),
    (&["when", "condition"], "if"),
    (&["branch", "switch", "decide"], "choose"),
    (&["ab_test", "experiment", "random"], "split"),
    (&["todo", "assign"], "task"),
    (&["tag"], "add_tag"),
    (&["untag"], "remove_tag"),
    (&["http", "request", "call"], "webhook"),
    (&["fire", "publish", "raise"], "emit"),
    (&["run", "trigger", "call_workflow"], "start"),
    (&["end", "stop", "quit", "finish"], "exit"),
];

/// Keys beside `if` and `then`.
pub(super) const IF: &Habits = &[
    (&["elif", "elsif", "elseif", "else_if"], "write another arm: `choose: [{ if: …, then: … }, { if: …, then: … }]`"),
    (&["otherwise", "default"], "else"),
    (&["do"], "then"),
    (&["when", "condition", "where"], "if"),
];

/// Keys of an arm of `choose`.
pub(super) const ARM: &Habits = &[
    (&["elif", "elsif", "elseif", "else_if", "when", "case", "condition", "where"], "if"),
    (&["do", "steps", "actions", "run"], "then"),
    (&["otherwise", "default"], "else"),
];

/// What stands behind `once:`.
pub(super) const ONCE: &Habits = &[
    (&["daily", "per_day", "every_day", "each_day", "once_a_day", "once_per_day"], "every 1 day"),
    (&["weekly", "per_week", "every_week", "each_week", "once_a_week", "once_per_week"], "every 7 days"),
    (&["monthly", "per_month", "every_month", "each_month", "once_a_month", "once_per_month"], "every 30 days"),
    (&["quarterly", "per_quarter", "every_quarter", "once_a_quarter", "once_per_quarter"], "every 90 days"),
    (&["yearly", "annually", "per_year", "every_year", "once_a_year", "once_per_year"], "every 365 days"),
    (&["once", "ever", "once_ever", "per_person", "per_user", "per_contact", "once_per_partner"], "per partner"),
    (&["always", "unlimited", "every_time", "each_time", "every_event", "per_trigger", "once_per_event"], "per event"),
];

/// What is written here instead of a word from elsewhere.
pub(super) fn of(habits: &Habits, word: &str) -> Option<&'static str> {
    let plain = word.trim().to_lowercase().replace([' ', '-'], "_");
    habits.iter().find(|(words, _)| words.iter().any(|known| *known == plain)).map(|(_, instead)| *instead)
}

/// The same for a key, as the remedy beside the caret.
pub(super) fn key(habits: &Habits, word: &str) -> Option<String> {
    of(habits, word).map(|instead| match instead.contains(' ') {
        true => instead.to_owned(),
        false => format!("write `{instead}:`"),
    })
}

/// Whether a key was meant as this one: by habit, or by a slip.
pub(super) fn means(habits: &Habits, word: &str, key: &str) -> bool {
    of(habits, word).map_or_else(|| nearest(word, [key]).is_some(), |instead| instead == key)
}

/// The name of a mail, of that of its file: `hello` of `hello.mail.md` and `hello.de.mail.mjml`.
pub(super) fn mail_of_file(text: &str) -> Option<&str> {
    let file = [".mail.md", ".mail.mjml", ".md", ".mjml"].iter().find_map(|ending| text.strip_suffix(*ending))?;
    file.split('.').next().filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_elsewhere_are_known_however_they_are_put_together() {
        assert_eq!(key(WORKFLOW, "on").as_deref(), Some("write `when:`"));
        assert_eq!(key(ARM, "else if").as_deref(), Some("write `if:`"));
        assert_eq!(of(ONCE, "per month"), Some("every 30 days"));
        assert_eq!(of(ONCE, "per event"), None);
        assert_eq!(key(WORKFLOW, "wehn"), None, "a slip is no habit");
        assert!(means(ARM, "than", "then") && means(ARM, "do", "then") && !means(ARM, "when", "then"));
    }

    #[test]
    fn no_word_is_brought_from_two_places() {
        for habits in [WORKFLOW, VERB, IF, ARM, ONCE] {
            let mut words: Vec<&str> = habits.iter().flat_map(|(words, _)| words.iter().copied()).collect();
            let all = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), all);
        }
    }

    #[test]
    fn a_mail_is_named_without_the_ending_of_its_file() {
        for (text, name) in [
            ("hello.mail.md", Some("hello")),
            ("first-link.de-AT.mail.mjml", Some("first-link")),
            ("hello.md", Some("hello")),
            ("Hello.mail.md", None),
            (".mail.md", None),
            ("hello", None),
            ("hello.txt", None),
        ] {
            assert_eq!(mail_of_file(text), name, "{text}");
        }
    }
}

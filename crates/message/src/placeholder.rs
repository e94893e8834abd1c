//! Placeholders as other tools write them: `{partner.name}`, `%FIRSTNAME%`, `*|FNAME|*`. To Handlebars they are text, and would go out
//! as written.
//!
//! Of a name that mails have it is known what was meant (R0460); other marks of other tools are told, too (R0461). Both are warnings,
//! for somebody may mean what is written, and not everywhere is there another way to write it. What stands between backticks is shown as it is, and left alone.

use std::ops::Range;

use rapport_rule::Findings;
use rapport_rule::expr::Type;

use crate::markdown;
use crate::partial::Format;
use crate::tag;
use crate::template::Piece;
use crate::variable::{self, Given, Provider, Shape};

/// Findings for what a text would send as it is written. `format` is that of a body; none for one line.
pub(crate) fn lint(piece: &Piece<'_>, format: Option<Format>, findings: &mut Findings) {
    let mut apart: Vec<Range<usize>> = tag::tags(piece.text).iter().map(|tag| tag.start..tag.end).collect();
    let mut way_out = "";
    if format == Some(Format::Markdown) {
        apart.extend(markdown::code(piece.text));
        way_out = " What is meant as it stands is put between backticks.";
    }
    let path = piece.source.path.as_str();
    for Found { start, end, inside } in placeholders(piece.text) {
        if apart.iter().any(|range| range.start < end && start < range.end) {
            continue;
        }
        let span = piece.place(start, end);
        let what = format!("`{}` would go out as written", piece.text.get(start..end).unwrap_or_default());
        match instead(inside) {
            Some(write) => findings
                .warning("R0460", path, span, what)
                .label(format!("write {write}"))
                .hint(format!("A value stands between two braces at each end.{way_out}")),
            None => findings.warning("R0461", path, span, what).hint(format!(
                "It looks like the placeholder of another tool. A value is written {{{{program.name}}}}, a condition {{{{#if …}}}}.{way_out}"
            )),
        };
    }
}

/// Something between marks.
struct Found<'t> {
    start: usize,
    end: usize,
    inside: &'t str,
}

/// What between two marks is a placeholder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Anything: nobody writes such marks but for a tool.
    Anything,
    /// A name.
    Name,
    /// A name in capitals, or one that mails have.
    Capitals,
    /// A name that mails have.
    Known,
}

/// The longer before those they begin with.
const MARKS: [(&str, &str, Inside); 9] = [
    ("*|", "|*", Inside::Anything),
    ("<%", "%>", Inside::Anything),
    ("{%", "%}", Inside::Anything),
    ("[[", "]]", Inside::Name),
    ("%%", "%%", Inside::Name),
    ("${", "}", Inside::Known),
    ("#{", "}", Inside::Known),
    ("{", "}", Inside::Known),
    ("%", "%", Inside::Capitals),
];

/// No placeholder is longer.
const BYTES_MAX: usize = 100;

fn placeholders(text: &str) -> Vec<Found<'_>> {
    let mut all: Vec<Found<'_>> = Vec::new();
    for (start, _) in text.match_indices(['*', '<', '{', '[', '%', '$', '#']) {
        if all.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let found = MARKS.into_iter().find_map(|(opens, closes, wanted)| {
            let behind = text.get(start..)?.strip_prefix(opens)?;
            let near = behind.get(..behind.floor_char_boundary(BYTES_MAX))?;
            let inside = near.get(..near.find(closes)?)?;
            let end = start + opens.len() + inside.len() + closes.len();
            let before = text.get(..start).unwrap_or_default();
            let after = text.get(end..).unwrap_or_default();
            fits(wanted, inside, before, after).then_some(Found { start, end, inside })
        });
        all.extend(found);
    }
    all
}

fn fits(wanted: Inside, inside: &str, before: &str, after: &str) -> bool {
    match wanted {
        Inside::Anything => !inside.contains('\n') && inside.contains(|c: char| c.is_alphanumeric()),
        // `[[x]](address)` is a link whose text stands in brackets.
        Inside::Name => is_name(inside) && !after.starts_with(['(', '[']),
        // Of three braces or four it is somebody else's affair.
        Inside::Known => {
            is_name(inside) && instead(inside).is_some() && !before.ends_with('{') && !after.starts_with('}')
        }
        Inside::Capitals => {
            let is_loud = inside.len() > 2 && !inside.contains(|c: char| c.is_lowercase() || c == ' ');
            let fits = is_name(inside) && (is_loud || instead(inside).is_some());
            // `100%`, and `%C3%A4` in an address.
            fits && !before.ends_with(|c: char| c.is_alphanumeric() || c == '%') && !is_escape(inside, before)
        }
    }
}

/// Whether what stands behind `before` is a byte written as `%C3`, as in addresses.
fn is_escape(inside: &str, before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.contains("://") && inside.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
}

fn is_name(inside: &str) -> bool {
    let name = inside.trim().trim_start_matches('$');
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ' '))
}

/// What other tools call the one who is written to.
const RECIPIENTS: [&str; 8] =
    ["partner", "contact", "recipient", "subscriber", "user", "person", "customer", "affiliate"];
/// What names of mails begin with.
const ROOTS: [&str; 11] =
    ["partner", "sender", "program", "imprint", "topic", "survey", "offer", "event", "awaited", "goal", "segment"];

/// How a mail writes what is meant, if that is known.
fn instead(inside: &str) -> Option<String> {
    let word = inside.trim_start_matches(['=', '-', '$', ' ']).trim().to_lowercase().replace(['-', ' '], "_");
    if let Some(row) = given(&word) {
        return Some(written(row));
    }
    let (of, field) = word.rsplit_once('.').unwrap_or(("", word.as_str()));
    if of.is_empty() || RECIPIENTS.contains(&of) {
        let path = match field {
            "first_name" | "firstname" | "fname" | "given_name" | "vorname" => Some("partner.first_name"),
            "name" | "full_name" | "fullname" | "last_name" | "lastname" | "lname" | "surname" | "nachname" => {
                Some("partner.name")
            }
            "email" | "email_address" | "e_mail" => Some("partner.email"),
            "unsubscribe" | "unsub" | "unsubscribe_url" | "unsubscribe_link" => {
                return Some("{{unsubscribe_link}}".to_owned());
            }
            _ => None,
        };
        if let Some(row) = path.and_then(given) {
            return Some(written(row));
        }
    }
    let root = word.split('.').next().unwrap_or_default();
    let is_path = word.contains('.') && word.split('.').all(|part| !part.is_empty()) && ROOTS.contains(&root);
    let is_figure = !word.contains('.')
        && word
            .rsplit_once('_')
            .and_then(|(_, window)| window.strip_suffix('d'))
            .is_some_and(|days| !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit()));
    (is_path || is_figure).then(|| format!("{{{{{word}}}}}"))
}

/// The row of a name that a mail may write, of those with a dot: `lang` and `content` are words too.
fn given(path: &str) -> Option<&'static Given> {
    variable::lookup(path).filter(|row| row.path.contains('.') && row.provider != Provider::Layout)
}

fn written(row: &Given) -> String {
    let path = row.path;
    match row.shape {
        Shape::One(Type::Money) => format!("{{{{money {path}}}}}"),
        Shape::One(Type::Date | Type::Instant) => format!("{{{{date {path}}}}}"),
        _ if row.maybe_missing => format!("{{{{fallback {path} \"…\"}}}}"),
        _ => format!("{{{{{path}}}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(text: &str, expected: &[&str]) {
        let found: Vec<&str> = placeholders(text).iter().filter_map(|found| text.get(found.start..found.end)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn placeholders_of_other_tools_are_known_by_their_marks() {
        found("Hi {partner.name}, {first_name}, { Name }!", &["{partner.name}", "{first_name}", "{ Name }"]);
        found("${partner.name} #{first_name} {$name}", &["${partner.name}", "#{first_name}", "{$name}"]);
        found("%FIRSTNAME% %first_name% %%code%%", &["%FIRSTNAME%", "%first_name%", "%%code%%"]);
        found("*|FNAME|* *|IF:VIP|*", &["*|FNAME|*", "*|IF:VIP|*"]);
        found("[[x]] [[First Name]] <%= x %> {% if x %}", &["[[x]]", "[[First Name]]", "<%= x %>", "{% if x %}"]);
        found("{conversions_90d} {event.order}", &["{conversions_90d}", "{event.order}"]);
    }

    #[test]
    fn what_only_looks_alike_is_left_alone() {
        for text in [
            "100% sure, 50% and 20% more, 5%OFF%",
            "a{color:red} @media (x){.b{width:100%;height:50%}} {} {x} {name: 1}",
            "[1] [[1]] [[a]](https://a.example) [a][b] * | a | * <b> a < b",
            "https://a.example/?q=%C3%A4%DEAL%20 %20%30",
            "{{partner.name}} {{{x}}} #1 $5 # {a b c}",
        ] {
            found(text, &[]);
        }
    }

    #[test]
    fn a_known_name_is_told_as_a_mail_writes_it() {
        let told = |word: &str| instead(word).unwrap_or_default();
        assert_eq!(told("FNAME"), "{{fallback partner.first_name \"…\"}}");
        assert_eq!(told("= contact.email"), "{{partner.email}}");
        assert_eq!(told("offer.value"), "{{money offer.value}}");
        assert_eq!(told("event.order"), "{{event.order}}");
        assert_eq!(told("UNSUBSCRIBE"), "{{unsubscribe_link}}");
        assert_eq!(told("conversions_90d"), "{{conversions_90d}}");
        assert_eq!(told("lang"), "");
    }
}

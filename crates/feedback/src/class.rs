//! What a refusal says about the mailbox, by its enhanced status code (RFC 3463).

/// The meaning of a bounce for further mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The mailbox is not there or takes no mail: nothing more goes there.
    Hard,
    /// It may work another time; several of these in a time end mail, too.
    Soft,
    /// The receiver objects to us or to this mail: says nothing about the mailbox and never counts against it.
    Policy,
}

impl Class {
    /// Stable, for tables, records and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Class::Hard => "hard",
            Class::Soft => "soft",
            Class::Policy => "policy",
        }
    }

    /// By status code. `5.x` codes that many receivers use for more than one thing count as soft: several in a time decide.
    #[must_use]
    pub fn of_status(status: &str) -> Class {
        let mut parts = status.split('.');
        let (class, subject, detail) = (parts.next(), parts.next(), parts.next());
        match (class, subject, detail) {
            (Some("4"), _, _) => Class::Soft,
            // Security and policy, authentication among them.
            (_, Some("7"), _) => Class::Policy,
            // The sender's address.
            (_, Some("1"), Some("7" | "8")) => Class::Policy,
            // The content.
            (_, Some("6"), _) | (_, Some("3"), Some("4")) | (_, Some("2"), Some("3")) => Class::Policy,
            (Some("5"), Some("1"), Some(_)) => Class::Hard,
            // Disabled; `5.2.2` is a full mailbox, and `5.2.0` anything.
            (Some("5"), Some("2"), Some("1")) => Class::Hard,
            // No way to the domain.
            (Some("5"), Some("4"), Some("4")) => Class::Hard,
            _ => Class::Soft,
        }
    }
}

/// The first enhanced status code in a text, such as a diagnostic: `5.1.1` in `smtp; 550 5.1.1 no such user`.
#[must_use]
pub(crate) fn status_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    words.map(|word| word.trim_matches('.')).find(|word| is_status(word)).map(str::to_owned)
}

/// `class.subject.detail` of class 2, 4 or 5 (RFC 3463, 2).
#[must_use]
pub(crate) fn is_status(text: &str) -> bool {
    let mut parts = text.split('.');
    let number = |part: Option<&str>| {
        part.is_some_and(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(parts.next(), Some("2" | "4" | "5"))
        && number(parts.next())
        && number(parts.next())
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_about_the_mailbox_is_hard() {
        let table = [
            ("5.1.1", Class::Hard),
            ("5.1.2", Class::Hard),
            ("5.1.10", Class::Hard),
            ("5.2.1", Class::Hard),
            ("5.4.4", Class::Hard),
            ("5.2.2", Class::Soft),
            ("5.2.0", Class::Soft),
            ("5.0.0", Class::Soft),
            ("5.4.1", Class::Soft),
            ("5.3.0", Class::Soft),
            ("5.5.0", Class::Soft),
            ("4.4.7", Class::Soft),
            ("4.7.1", Class::Soft),
            ("5.7.1", Class::Policy),
            ("5.7.26", Class::Policy),
            ("5.1.8", Class::Policy),
            ("5.3.4", Class::Policy),
            ("5.2.3", Class::Policy),
            ("5.6.0", Class::Policy),
            ("", Class::Soft),
            ("9", Class::Soft),
        ];
        for (status, class) in table {
            assert_eq!(Class::of_status(status), class, "{status}");
        }
    }

    #[test]
    fn a_code_is_found_in_what_servers_say() {
        let found = |text| status_in(text);
        assert_eq!(found("smtp; 550 5.1.1 <a@b.example>... User unknown").as_deref(), Some("5.1.1"));
        assert_eq!(found("smtp;550-5.7.26 This mail").as_deref(), Some("5.7.26"));
        assert_eq!(found("host mx[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT)").as_deref(), Some("4.2.2"));
        assert_eq!(found("550 no such user here"), None);
        assert_eq!(found("version 3.1.4"), None);
    }
}

//! What a relay answers, and what follows from it.

use rapport_engine::ports::transport::{Delivery, RefusalClass};

/// One whole reply, all lines read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Three digits.
    pub code: u16,
    /// The lines without codes.
    pub lines: Vec<String>,
}

/// Where in the conversation a reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// To the sender's address.
    Mail,
    /// To the recipient's address.
    Rcpt,
    /// To DATA or the message itself.
    Data,
}

/// One line of a reply.
pub(crate) struct Line {
    pub code: u16,
    pub is_last: bool,
    pub text: String,
}

impl Line {
    /// `250-text`, `250 text`, `250`; without its line end.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = bytes else { return None };
        let code = [a, b, c].iter().fold(0, |code, digit| code * 10 + u16::from(**digit - b'0'));
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return None,
        };
        // A relay's words end up in tables, logs and on screens.
        let text = String::from_utf8_lossy(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Some(Self { code, is_last, text })
    }
}

impl Reply {
    pub(crate) const fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self.code / 100, 4 | 5)
    }

    /// The words, one line, at most 500 characters.
    pub(crate) fn text(&self) -> String {
        self.lines.join(" ").trim().chars().take(500).collect()
    }

    /// The enhanced code the words begin with, if it is of the reply's class (RFC 2034, 4).
    pub(crate) fn enhanced(&self) -> Option<&str> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.');
        let class = parts.next().filter(|class| class.len() == 1)?.parse::<u16>().ok()?;
        let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let (subject, detail) = (parts.next()?, parts.next()?);
        (class == self.code / 100 && is_number(subject) && is_number(detail) && parts.next().is_none()).then_some(word)
    }

    /// What a refusal means.
    ///
    /// `Permanent` is kept for what is said about the mailbox for good, since it leads to a suppression: enhanced codes `5.1.x`
    /// (address), `5.2.1` (disabled) and, to RCPT, `5.4.4` (no way to the domain), and a 5xx to RCPT without any enhanced code but 552.
    /// A full mailbox (`5.2.2`, or 552 to RCPT) and codes that receivers use for more than one thing are `Soft`. What is said about the
    /// relay (`5.3.x`), the protocol (`5.5.x`) or the content (`5.6.x`, `5.2.3` for its length) is neither; security and policy
    /// (`5.7.x`, and the authentication codes 530, 534, 535, 538), and any other 5xx to the sender's address or the content, are
    /// `Policy`: they say nothing about the recipient. Bounces that come back as mails are judged the same way.
    fn refusal_class(&self, stage: Stage) -> RefusalClass {
        if self.code < 500 {
            return RefusalClass::Transient;
        }
        let subject = self.enhanced().and_then(|enhanced| enhanced.split('.').nth(1));
        match (subject, self.code, stage) {
            (Some("7"), _, _) | (_, 530 | 534 | 535 | 538, _) => RefusalClass::Policy,
            // The sender's address, not the recipient's.
            (Some("1"), _, _) if matches!(self.enhanced(), Some("5.1.7" | "5.1.8")) => RefusalClass::Policy,
            (Some("1"), _, _) => RefusalClass::Permanent,
            (Some("2"), _, _) => match self.enhanced() {
                Some("5.2.1") => RefusalClass::Permanent,
                Some("5.2.3") => RefusalClass::Policy,
                _ => RefusalClass::Soft,
            },
            (Some("3" | "5" | "6"), _, _) => RefusalClass::Policy,
            (Some("4"), _, Stage::Rcpt) if self.enhanced() == Some("5.4.4") => RefusalClass::Permanent,
            (Some(_), _, Stage::Rcpt) | (None, 552, Stage::Rcpt) => RefusalClass::Soft,
            (None, _, Stage::Rcpt) => RefusalClass::Permanent,
            (_, _, Stage::Mail | Stage::Data) => RefusalClass::Policy,
        }
    }

    pub(crate) fn into_refusal(self, stage: Stage) -> Delivery {
        Delivery::Refused {
            code: self.code,
            enhanced: self.enhanced().map(str::to_owned),
            text: self.text(),
            class: self.refusal_class(stage),
        }
    }
}

/// What a reply of these octets means to the sender's address, to the recipient and to the content, in this order; `None` where it is no
/// refusal, or garbled. Mailers read a reply line by line as it comes; this is the same of one that is there as a whole.
#[must_use]
pub fn refusals(octets: &[u8]) -> Option<[Delivery; 3]> {
    let mut lines = octets.split(|octet| *octet == b'\n');
    let mut reply: Option<Reply> = None;
    loop {
        let line = lines.next()?;
        let line = Line::parse(line.strip_suffix(b"\r").unwrap_or(line))?;
        let whole = reply.get_or_insert_with(|| Reply { code: line.code, lines: Vec::new() });
        if whole.code != line.code {
            return None;
        }
        whole.lines.push(line.text);
        if line.is_last {
            break;
        }
    }
    let reply = reply.filter(Reply::is_refusal)?;
    Some([Stage::Mail, Stage::Rcpt, Stage::Data].map(|stage| reply.clone().into_refusal(stage)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(text: &str) -> Reply {
        let line = Line::parse(text.as_bytes()).unwrap();
        Reply { code: line.code, lines: vec![line.text] }
    }

    #[test]
    fn lines_are_read_or_refused() {
        let line = Line::parse(b"250-mail.example").unwrap();
        assert_eq!((line.code, line.is_last, line.text.as_str()), (250, false, "mail.example"));
        assert!(Line::parse(b"250").unwrap().is_last);
        assert_eq!(Line::parse(b"550 no\x1b[31m").unwrap().text, "no [31m");
        for bad in [&b""[..], b"25", b"650 x", b"2x0 x", b"250_x", b"HTTP/1.1 400"] {
            assert!(Line::parse(bad).is_none());
        }
    }

    #[test]
    fn refusals_by_code_and_stage() {
        use RefusalClass::{Permanent, Policy, Soft, Transient};
        use Stage::{Data, Mail, Rcpt};
        let table = [
            ("421 4.3.0 try later", Rcpt, Transient),
            ("450 4.7.1 greylisted", Rcpt, Transient),
            ("550 5.1.1 no such user", Rcpt, Permanent),
            ("550 no such user", Rcpt, Permanent),
            ("552 5.2.1 disabled", Data, Permanent),
            ("550 5.1.1 no such user", Data, Permanent),
            ("552 5.2.2 mailbox full", Rcpt, Soft),
            ("552 5.2.2 mailbox full", Data, Soft),
            ("552 exceeded storage allocation", Rcpt, Soft),
            ("552 exceeded storage allocation", Data, Policy),
            ("552 5.2.3 message too long", Rcpt, Policy),
            ("550 5.0.0 refused", Rcpt, Soft),
            ("550 5.4.1 access denied", Rcpt, Soft),
            ("550 5.4.4 no such domain", Rcpt, Permanent),
            ("550 5.7.1 blocked", Rcpt, Policy),
            ("554 5.7.509 does not pass DMARC", Data, Policy),
            ("530 authentication required", Mail, Policy),
            ("535 5.7.8 bad credentials", Mail, Policy),
            ("500 5.3.0 command failed", Rcpt, Policy),
            ("550 5.1.8 sender's domain does not exist", Rcpt, Policy),
            ("553 sender rejected", Mail, Policy),
            ("554 looks like spam", Data, Policy),
            // An enhanced code of another class is no enhanced code.
            ("550 4.7.1 odd", Rcpt, Permanent),
        ];
        for (text, stage, class) in table {
            let reply = reply(text);
            assert_eq!(reply.refusal_class(stage), class, "{text} at {stage:?}");
        }
        assert_eq!(reply("550 5.1.1 x").enhanced(), Some("5.1.1"));
        assert_eq!(reply("550 5.1 x").enhanced(), None);
        assert_eq!(reply("550 5.1.1.1 x").enhanced(), None);
        assert_eq!(reply("550 +5.1.1 x").enhanced(), None, "a number, and no code");
        assert_eq!(reply("550 0005.1.1 x").enhanced(), None);
    }

    proptest! {
        /// A relay is as foreign as anybody: its words are cut, harmless on a screen, and never make a code of what is none.
        #[test]
        fn any_words_of_a_relay_are_read_or_refused(
            head in "[0-9]{0,4}[ -]?([0-9]{1,5}\\.){0,4}[0-9]{0,5}", tail in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let bytes = [head.as_bytes(), tail.as_slice()].concat();
            let Some(line) = Line::parse(&bytes) else { return Ok(()) };
            prop_assert!((200..600).contains(&line.code) && !line.text.contains(char::is_control));
            let reply = Reply { code: line.code, lines: vec![line.text; 3] };
            prop_assert!(reply.text().chars().count() <= 500);
            if let Some(enhanced) = reply.enhanced() {
                prop_assert!(enhanced.len() <= 9 && enhanced.split('.').count() == 3, "{enhanced}");
            }
            for stage in [Stage::Mail, Stage::Rcpt, Stage::Data] {
                let class = reply.refusal_class(stage);
                prop_assert!(line.code >= 500 || class == RefusalClass::Transient);
            }
        }
    }
}

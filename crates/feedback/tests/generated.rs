//! Complaints in every form that RFC 5965 lets them have: fields in any order and letters, folded, with fields nobody knows, either
//! line ending, the mail returned whole, in its head, or not at all.

use proptest::prelude::*;
use rapport_feedback::{What, read_mail};

const PATH: &str = "bounce+5f0e-0123456789abcdef@mail.acme.example";

/// The types of feedback (RFC 5965, 7.3; RFC 6430; RFC 6591) and what they are.
fn kinds() -> impl Strategy<Value = (&'static str, What)> {
    let nothing = |name: &str| What::Nothing { name: name.to_owned() };
    prop_oneof![
        Just(("abuse", What::Complaint)),
        Just(("fraud", What::Complaint)),
        Just(("virus", What::Complaint)),
        Just(("other", What::Complaint)),
        Just(("opt-out", What::Complaint)),
        Just(("not-spam", What::NotSpam)),
        Just(("auth-failure", nothing("auth-failure"))),
    ]
}

/// How the mail that was complained about comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Returned {
    Whole,
    Head,
    Nothing,
}

/// Fields that say more, of which nothing is read.
fn more() -> impl Strategy<Value = Vec<(String, String)>> {
    let known = prop_oneof![
        Just(("Source-IP", "192.0.2.1")),
        Just(("Incidents", "3")),
        Just(("Arrival-Date", "Thu, 8 Mar 2026 14:00:00 -0400")),
        Just(("Authentication-Results", "mail.example; spf=fail smtp.mail=x@y.example")),
        Just(("Reported-URI", "http://acme.example/earn_money.html")),
        Just(("X-Nobody-Knows", "a: b; <c@d.example>")),
    ];
    proptest::collection::vec(known.prop_map(|(name, value)| (name.to_owned(), value.to_owned())), 0..6)
}

fn written(fields: &[(String, String)], loud: bool, folded: bool) -> String {
    let line = |(name, value): &(String, String)| {
        let name = if loud { name.to_uppercase() } else { name.clone() };
        format!("{name}:{}{value}\n", if folded { "\n\t " } else { " " })
    };
    fields.iter().map(line).collect()
}

proptest! {
    #[test]
    fn a_complaint_is_read_in_whatever_form_it_is_written(
        ((kind, expected), more) in (kinds(), more()),
        (local, id) in ("[a-z0-9]{1,12}", "[0-9a-f]{8,32}"),
        returned in prop_oneof![Just(Returned::Whole), Just(Returned::Head), Just(Returned::Nothing)],
        (loud, folded, crlf, named) in any::<(bool, bool, bool, bool)>(),
        order in Just((0..16).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let address = format!("{local}@partner.example");
        let kind = if loud { kind.to_uppercase() } else { kind.to_owned() };
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut fields = vec![
            field("Feedback-Type", &kind),
            field("User-Agent", "SomeGenerator/1.0"),
            field("Version", "1"),
            field("Original-Mail-From", &format!("<{PATH}>")),
        ];
        if named {
            fields.push(field("Original-Rcpt-To", &format!("<{address}>")));
        }
        fields.extend(more);
        let shuffled: Vec<_> = order.iter().filter_map(|place| fields.get(*place).cloned()).collect();
        prop_assert_eq!(shuffled.len(), fields.len());
        let head = format!("From: <ines@mail.acme.example>\nTo: <{address}>\nMessage-ID: <{id}@mail.acme.example>\n");
        let third = match returned {
            Returned::Whole => format!("--b\nContent-Type: message/rfc822\n\n{head}Subject: Hello\n\nHello\n\n"),
            Returned::Head => format!("--b\nContent-Type: text/rfc822-headers\n\n{head}\n"),
            Returned::Nothing => String::new(),
        };
        let mail = format!(
            "From: <abusedesk@provider.example>\nTo: <complaints@acme.example>\nSubject: FW: Hello\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\n\n\
             --b\nContent-Type: text/plain\n\nThis is an email abuse report.\n\n\
             --b\nContent-Type: message/feedback-report\n\n{}\n{third}--b--\n",
            written(&shuffled, loud, folded)
        );
        let mail = if crlf { mail.replace('\n', "\r\n") } else { mail };
        let (reports, envelope) = read_mail(mail.as_bytes(), None).unwrap();
        prop_assert_eq!(reports.len(), 1, "{}", mail);
        let report = &reports[0];
        prop_assert_eq!(&report.what, &expected, "{}", mail);
        let is_known = named || returned != Returned::Nothing;
        prop_assert_eq!(report.address.as_deref(), is_known.then_some(address.as_str()), "{}", mail);
        let told = format!("{id}@mail.acme.example");
        let is_returned = returned != Returned::Nothing;
        prop_assert_eq!(report.message_id.as_deref(), is_returned.then_some(told.as_str()), "{}", mail);
        prop_assert_eq!(&envelope.returned_paths, &[PATH.to_owned()], "{}", mail);
    }
}

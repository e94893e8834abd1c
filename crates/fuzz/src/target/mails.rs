//! What the mail world sends.

use rapport_feedback::provider::{mailgun, postmark, sendgrid, ses};
use rapport_feedback::{REPORTS_MAX, Report, Unread, What, read_mail};

use super::files_in;

/// An address longer than this is none (RFC 5321, 4.5.3.1), and neither is one with blanks.
const ADDRESS_BYTES_MAX: usize = 320;

const ANSWER: &str = "From: Ada <ada@partner.example>\r\nTo: ines@acme.example\r\nSubject: =?utf-8?q?Re=3A_Your_first_sale?=\r\nIn-Reply-To: <5f0e@mail.acme.example>\r\nContent-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThanks =E4\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+VGhhbmtzPC9iPg==\r\n--b--\r\n";

pub(super) fn mails() -> Vec<Vec<u8>> {
    let mut all = files_in("crates/feedback/tests/corpus", |path| path.ends_with(".eml"));
    all.push(ANSWER.as_bytes().to_vec());
    all.push(format!("Auto-Submitted: auto-replied\r\n{ANSWER}").into_bytes());
    all
}

pub(super) fn mail(bytes: &[u8]) -> String {
    match read_mail(bytes, Some("bounce+tag@mail.acme.example")) {
        Err(unread) => unread.code().to_owned(),
        Ok((reports, envelope)) => {
            let told = taken(&reports);
            envelope.recipients.iter().chain(&envelope.returned_paths).for_each(|address| sound(address));
            told
        }
    }
}

pub(super) fn calls() -> Vec<Vec<u8>> {
    let inner = r#"{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bounceSubType\":\"General\",\"bouncedRecipients\":[{\"emailAddress\":\"ada@partner.example\",\"status\":\"5.1.1\"}]},\"mail\":{\"headers\":[{\"name\":\"Message-ID\",\"value\":\"<5f0e@mail.acme.example>\"}]}}"#;
    let ses = format!(
        r#"{{"Type":"Notification","MessageId":"n1","TopicArn":"arn:aws:sns:eu-west-1:1:b","Message":"{inner}","Timestamp":"2026-03-10T12:00:00.000Z","SignatureVersion":"2","Signature":"AAAA"}}"#
    );
    [
        r#"{"signature":{"timestamp":"1529006854","token":"a8ce","signature":"d227"},"event-data":{"event":"failed","id":"G9","severity":"permanent","reason":"bounce","recipient":"ada@partner.example","delivery-status":{"code":605,"enhanced-code":"5.1.1","message":"550 5.1.1 no"},"message":{"headers":{"message-id":"5f0e@mail.acme.example"}}}}"#,
        r#"[{"email":"ada@partner.example","timestamp":1513299569,"smtp-id":"<5f0e@mail.acme.example>","event":"bounce","sg_event_id":"e1","status":"5.1.1"},{"email":"ada@partner.example","event":"spamreport","sg_event_id":7}]"#,
        r#"{"RecordType":"Bounce","ID":42,"Type":"HardBounce","Metadata":{"message-id":"5f0e@mail.acme.example"},"Details":"550 5.1.1 no","Email":"ada@partner.example"}"#,
        ses.as_str(),
    ]
    .map(|call| call.as_bytes().to_vec())
    .into()
}

/// Whoever it claims to be from: each reader is given it.
pub(super) fn call(bytes: &[u8]) -> String {
    if let Ok(signed) = mailgun::signed(bytes) {
        assert!(!signed.text.is_empty());
    }
    let notification = ses::notification(bytes);
    let readings: [Result<Vec<Report>, Unread>; 4] = [
        mailgun::read(bytes),
        sendgrid::read(bytes),
        postmark::read(bytes),
        notification.and_then(|notification| ses::read(&notification)),
    ];
    let is_understood = readings.iter().any(Result::is_ok);
    let told = readings.iter().map(|reading| match reading {
        Ok(reports) => taken(reports),
        Err(unread) => unread.code().to_owned(),
    });
    let told: Vec<String> = told.collect();
    format!("{}{}", if is_understood { "ok " } else { "" }, told.join(" | "))
}

fn taken(reports: &[Report]) -> String {
    assert!(reports.len() <= REPORTS_MAX, "{} reports", reports.len());
    let mut kinds: Vec<&str> = reports.iter().map(|report| kind(&report.what)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for report in reports {
        report.address.iter().for_each(|address| sound(address));
        let id = report.message_id.as_deref().unwrap_or_default();
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?} is no Message-ID");
    }
    format!("ok {}", kinds.join(" "))
}

#[track_caller]
fn sound(address: &str) {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    assert!(address.len() <= ADDRESS_BYTES_MAX && address.contains('@') && !address.contains(is_odd), "{address:?}");
}

fn kind(what: &What) -> &'static str {
    match what {
        What::Bounce { class, .. } => class.code(),
        What::Complaint => "complaint",
        What::NotSpam => "not-spam",
        What::Unsubscribe => "unsubscribe",
        What::Reply => "reply",
        What::AutoReply { .. } => "auto-reply",
        What::Nothing { .. } => "nothing",
    }
}

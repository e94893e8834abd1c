//! Signed mails, verified by two programs that are not ours: dkimpy (Python) and mailauth (Node.js).

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real processes, files and time-outs")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use rapport_engine::ports::transport::{Letter, Mailbox, Transport};
use rapport_smtp::{CaptureTransport, DkimError, DkimKey, Signer};

const DOMAIN: &str = "mail.acme.example";

/// Verdicts of both programs, a line each signature.
struct Verdicts {
    dkimpy: Vec<String>,
    mailauth: Vec<String>,
}

fn named(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run `cargo xtask test`, which installs the verifiers"))
}

fn ask(program: &str, arguments: &[&str], mail: &[u8]) -> Vec<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(mail).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn verify(mail: &[u8], signer: &Signer) -> Verdicts {
    let records: BTreeMap<String, String> = signer.keys().iter().map(|key| (key.record_name(), key.record())).collect();
    let records = serde_json::to_string(&records).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dkim");
    let (python, node) = (format!("{folder}/verify.py"), format!("{folder}/verify.mjs"));
    Verdicts {
        dkimpy: ask(&named("RAPPORT_TEST_DKIM_PYTHON"), &[&python, &records], mail),
        mailauth: ask("node", &[&node, &named("RAPPORT_TEST_MAILAUTH"), &records], mail),
    }
}

fn rsa(bits: u32) -> String {
    String::from_utf8(Rsa::generate(bits).unwrap().private_key_to_pem().unwrap()).unwrap()
}

fn both() -> Arc<Signer> {
    let (ed25519, _) = DkimKey::generate_ed25519(DOMAIN, "e1").unwrap();
    Arc::new(Signer::new(vec![DkimKey::from_pem(DOMAIN, "r1", &rsa(2048)).unwrap(), ed25519]))
}

fn letter() -> Letter {
    let mailbox = |name: &str, address: &str| Mailbox { name: name.into(), address: address.into() };
    Letter {
        from: mailbox("Ines, Partner Team", &format!("ines@{DOMAIN}")),
        to: mailbox("Ada Löwe", "ada@example.com"),
        reply_to: mailbox("Ines", "ines@acme.example"),
        subject: format!("Dein erster Verkauf: 42,00 € 🎉 {}", "und noch etwas ".repeat(12)),
        text: format!("Hallo Ada,\n\n  großartig!  \n.\n..\n{}\n\n\n", "x".repeat(1200)),
        html: "<p>Hallo Ada,</p>\n\n<p>gro&szlig;artig!</p>\n \t \n".into(),
        message_id: format!("3f2a@{DOMAIN}"),
        date: "2026-03-10T12:00:00Z".parse().unwrap(),
        headers: vec![
            ("List-Unsubscribe".into(), format!("<https://acme.example/u/{}>", "x".repeat(150))),
            ("List-Unsubscribe-Post".into(), "List-Unsubscribe=One-Click".into()),
            ("List-Id".into(), "<performance.default.mail.acme.example>".into()),
            ("Feedback-ID".into(), "welcome:performance:default:mail.acme.example".into()),
        ],
    }
}

fn composed(letter: &Letter, signer: &Arc<Signer>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    CaptureTransport::new(folder.path(), 1).unwrap().signing(signer.clone()).compose(letter).unwrap()
}

#[track_caller]
fn assert_both(mail: &[u8], signer: &Signer, all_pass: bool) {
    let verdicts = verify(mail, signer);
    for (program, words) in [("dkimpy", &verdicts.dkimpy), ("mailauth", &verdicts.mailauth)] {
        assert_eq!(words.len(), signer.keys().len(), "{program}: {words:?}");
        assert!(words.iter().all(|word| (word == "pass") == all_pass), "{program}: {words:?}");
    }
}

#[test]
fn both_verifiers_accept_both_kinds_of_signature() {
    let signer = both();
    let mail = composed(&letter(), &signer);
    assert_both(&mail, &signer, true);
    assert_eq!(composed(&letter(), &signer), mail, "the same mail has the same bytes");
}

#[test]
fn mails_of_every_shape_verify() {
    let signer = both();
    for text in ["", "\n\n\n", "a", " \t a\t \n b ", "a\r\n\r\n.\r\n"] {
        let letter = Letter { text: text.into(), headers: Vec::new(), subject: String::new(), ..letter() };
        assert_both(&composed(&letter, &signer), &signer, true);
    }
}

#[test]
fn a_relay_may_refold_and_add_white_space() {
    let signer = both();
    let mail = String::from_utf8(composed(&letter(), &signer)).unwrap();
    let refolded =
        mail.replace("\r\nDate: ", "\r\nDate:\r\n \t ").replacen("MIME-Version: 1.0", "mime-version:  1.0  ", 1);
    assert_ne!(refolded, mail);
    let stamped = format!("Received: from a by b;\r\n Tue, 10 Mar 2026 12:00:01 +0000\r\n{refolded}\r\n\r\n");
    assert_both(stamped.as_bytes(), &signer, true);
}

#[test]
fn what_is_tampered_with_fails() {
    let signer = both();
    let mail = String::from_utf8(composed(&letter(), &signer)).unwrap();
    let tampered = [
        ("the body", mail.replace("gro&szlig;artig", "furchtbar")),
        ("the subject", mail.replacen("Subject: ", "Subject: Gewinn! ", 1)),
        ("the way out", mail.replacen("<https://acme.example/u/", "<https://evil.example/u/", 1)),
        ("a second From", mail.replacen("\r\nFrom: ", "\r\nFrom: evil@evil.example\r\nFrom: ", 1)),
        ("a second From below", mail.replacen("\r\nTo: ", "\r\nFrom: evil@evil.example\r\nTo: ", 1)),
        ("an added Cc", mail.replacen("\r\nTo: ", "\r\nCc: evil@evil.example\r\nTo: ", 1)),
        ("a second Subject", mail.replacen("\r\nTo: ", "\r\nSubject: Gewinn\r\nTo: ", 1)),
        ("a second way out", mail.replacen("\r\nTo: ", "\r\nList-Unsubscribe: <https://evil.example>\r\nTo: ", 1)),
        ("the date", mail.replacen("2026", "2027", 1)),
        ("an appended part", format!("{mail}evil\r\n")),
    ];
    for (what, mail) in tampered {
        let verdicts = verify(mail.as_bytes(), &signer);
        for words in [&verdicts.dkimpy, &verdicts.mailauth] {
            assert!(!words.iter().any(|word| word == "pass"), "{what}: {words:?}");
        }
    }
    // Signed by somebody else under our name.
    let verdicts = verify(mail.as_bytes(), &both());
    assert!(!verdicts.dkimpy.iter().chain(&verdicts.mailauth).any(|word| word == "pass"));
}

#[test]
fn a_short_key_is_refused() {
    let short = Rsa::generate(1024).unwrap();
    let pkcs8 = PKey::from_rsa(short.clone()).unwrap().private_key_to_pem_pkcs8().unwrap();
    for pem in [short.private_key_to_pem().unwrap(), pkcs8] {
        let refused = DkimKey::from_pem(DOMAIN, "r1", &String::from_utf8(pem).unwrap());
        assert!(matches!(refused, Err(DkimError::Short)), "{refused:?}");
    }
}

#[test]
fn a_sender_without_a_key_is_refused_not_sent_unsigned() {
    let letter = Letter { from: Mailbox { name: String::new(), address: "ines@else.example".into() }, ..letter() };
    let folder = tempfile::tempdir().unwrap();
    let refused = CaptureTransport::new(folder.path(), 1).unwrap().signing(both()).compose(&letter).unwrap_err();
    assert!(refused.contains("no DKIM key"), "{refused}");
}

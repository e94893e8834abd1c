//! A mail's whole way with the real binary: signed, sent from a return path of its own, bounced, and the address closed.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files and sockets")]

mod project;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use self::project::{Running, edit, project, text, until};

fn command(folder: &Path, gateway: &str) -> Command {
    let mut command = project::command(folder);
    command
        .env("RAPPORT_USER", "kari")
        .env("RAPPORT_GATEWAY", gateway)
        .env("RAPPORT_GATEWAY_TOKEN", "a token of the tests");
    command
}

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, says: &[&str]) -> String {
    project::told(&command(folder, "127.0.0.1:1").args(arguments).output().unwrap(), arguments, code, says)
}

fn captured(folder: &Path) -> Option<String> {
    let file = std::fs::read_dir(folder.join("mails/new")).ok()?.flatten().next()?;
    std::fs::read_to_string(file.path()).ok()
}

fn post(gateway: &str, token: &str, mail: &str) -> String {
    let mut stream = TcpStream::connect(gateway).unwrap();
    let head = format!(
        "POST /v1/mail HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n",
        mail.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(mail.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn keys_are_made_shown_and_never_replaced() {
    let project = project();
    let folder = project.path();
    let new = ["dkim", "new", "--domain", "mail.acme.example", "--selector", "r1"];
    check(
        folder,
        &new,
        0,
        &["r1._domainkey.mail.acme.example. IN TXT", "k=rsa; p=MII", "keys/r1.mail.acme.example.pem"],
    );
    let file = folder.join("keys/r1.mail.acme.example.pem");
    let before = std::fs::read(&file).unwrap();
    check(folder, &new, 2, &["there is a file", "new selector"]);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    check(folder, &["dkim", "new", "--domain", "büro.example", "--selector", "r1"], 2, &["xn--"]);
    check(folder, &["dkim", "show"], 0, &["mail leaves unsigned"]);
    let keys =
        "  folder: mails\n  dkim: [{ domain: other.example, selector: r1, key: keys/r1.mail.acme.example.pem }]\n";
    edit(folder, "config/rapport.yaml", "  folder: mails\n", keys);
    check(folder, &["dkim", "show"], 0, &["r1._domainkey.other.example. IN TXT", "k=rsa"]);
    check(folder, &["apply", "--approved-by", "ines"], 0, &[]);
    // Nothing leaves unsigned by oversight.
    check(folder, &["run", "mailer"], 2, &["no key under `mail.dkim` signs for the sender"]);
}

#[test]
fn a_mail_is_signed_and_its_bounce_closes_the_address() {
    let project = project();
    let folder = project.path();
    let rules = "config/rapport.yaml";
    // Mail leaves at any hour, whenever this test runs.
    edit(folder, rules, "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n", "");
    edit(folder, rules, "  # bounces: bounce@mail.acme.example\n", "  bounces: bounce@mail.acme.example\n");
    check(
        folder,
        &["dkim", "new", "--domain", "acme.example", "--selector", "e1", "--kind", "ed25519"],
        0,
        &["k=ed25519"],
    );
    let keys = "  folder: mails\n  dkim: [{ domain: acme.example, selector: e1, key: keys/e1.acme.example.pem }]\n";
    edit(folder, rules, "  folder: mails\n", keys);
    // The event's second began before the files are in force.
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _running = Running::start(command(folder, &gateway), &["engine", "relay", "mailer", "gateway"]);
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let now = String::from_utf8_lossy(&now.stdout).trim().to_owned();
    let event = format!(
        r#"{{"id":"ada-1","kind":"partner.approved","program":"default","partner":"ada","occurred_at":"{now}","data":{{"name":"Ada","email":"Ada@blog.example","consent":{{"given":true,"source":"form","time":"{now}"}}}}}}"#
    );
    std::fs::write(folder.join("events.jsonl"), format!("{event}\n")).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["1 event"]);
    let mail = until("a mail", || captured(folder));
    assert!(mail.contains("\r\nDKIM-Signature: v=1; a=ed25519-sha256"), "{mail}");
    let path = mail.lines().next().and_then(|line| line.strip_prefix("Return-Path: <")?.strip_suffix('>')).unwrap();
    assert!(path.starts_with("bounce+") && path.ends_with("@mail.acme.example"), "{path}");
    let bounce = format!(
        "Return-Path: <>\r\nDelivered-To: {path}\r\nFrom: MAILER-DAEMON@relay.example\r\nTo: {path}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n\
         Final-Recipient: rfc822; ada@blog.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    );
    until("the mail to be settled", || {
        text(&command(folder, "127.0.0.1:1").args(["explain", "ada"]).output().unwrap()).contains("SENT").then_some(())
    });
    assert!(post(&gateway, "another token", &bounce).starts_with("HTTP/1.1 401"));
    let forged = bounce.replace("bounce+", "bounce+0");
    assert!(post(&gateway, "a token of the tests", &forged).contains("unproven"));
    assert!(post(&gateway, "a token of the tests", &bounce).contains("\"taken\":1"));
    assert!(post(&gateway, "a token of the tests", &bounce).contains("\"known\":1"));
    let explained = || text(&command(folder, "127.0.0.1:1").args(["explain", "ada"]).output().unwrap());
    let said = explained();
    assert!(said.contains("NO MAIL  any topic · hard_bounce") && said.contains("bounce.hard, told by mail"), "{said}");
    until("the bounce to end the journey", || explained().contains("suppressed").then_some(()));
}

#[test]
fn two_partners_with_one_address_are_welcomed_once() {
    let project = project();
    let folder = project.path();
    let rules = "config/rapport.yaml";
    edit(folder, rules, "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n", "");
    edit(folder, rules, "  same_address: 7 days ", "  same_address: 8 days ");
    check(folder, &["check"], 2, &["R0535", "between 1 hour and 7 days"]);
    edit(folder, rules, "  same_address: 8 days ", "  same_address: 2 days ");
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let now = String::from_utf8_lossy(&now.stdout).trim().to_owned();
    let approved = |partner: &str, email: &str| {
        format!(
            r#"{{"id":"{partner}-1","kind":"partner.approved","program":"default","partner":"{partner}","occurred_at":"{now}","data":{{"name":"Ada","email":"{email}","consent":{{"given":true,"source":"form","time":"{now}"}}}}}}"#
        ) + "\n"
    };
    let events = approved("ada", "ada@blog.example") + &approved("agency", "Ada@Blog.example");
    std::fs::write(folder.join("events.jsonl"), events).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["2 events"]);
    let _running = Running::start(command(folder, "127.0.0.1:0"), &["engine", "relay", "mailer"]);
    let explained = |who: &str| text(&command(folder, "127.0.0.1:1").args(["explain", who]).output().unwrap());
    let left_out = until("one of them to be left out", || {
        ["ada", "agency"].into_iter().find(|who| explained(who).contains("suppressed: same_address"))
    });
    assert!(explained(left_out).contains("the same mail went to this address for another partner"));
    let other = if left_out == "ada" { "agency" } else { "ada" };
    until("the other to be known as welcomed", || explained(other).contains("SENT").then_some(()));
    assert_eq!(project::delivered_to(folder).len(), 1);
    let report = text(&command(folder, "127.0.0.1:1").args(["report", "--workflows"]).output().unwrap());
    assert!(report.contains("same_address"), "{report}");
}

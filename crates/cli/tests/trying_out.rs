//! A mail tried on oneself by the real way (`send-test`), and the page that shows every edit (`dev`).
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files, sockets and the time of day")]

mod project;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mail_parser::MessageParser;
use serde_json::{Value, json};

use self::project::{Running, command, edit, project, rapport, text, told, until};

const RULES: &str = "config/rapport.yaml";

/// One conversation's mail: whom the envelope names, and the mail.
#[derive(Debug, Clone)]
struct Taken {
    from: String,
    to: String,
    mail: Vec<u8>,
}

/// A mail server that takes everything and keeps it.
struct Sink {
    way: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
        let taken: Arc<Mutex<Vec<Taken>>> = Arc::default();
        let shared = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                // A client that goes ends its conversation: nothing to tell anybody.
                std::thread::spawn(move || drop(converse(stream, &shared)));
            }
        });
        Self { way, taken }
    }

    fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

fn converse(stream: TcpStream, taken: &Mutex<Vec<Taken>>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    out.write_all(b"220 sink.example ESMTP\r\n")?;
    let between =
        |line: &str| line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(it, _)| it.to_owned());
    let (mut from, mut to) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb = line.trim_end().split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-sink.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "MAIL" => {
                from = between(&line).unwrap_or_default();
                b"250 ok\r\n"
            }
            "RCPT" => {
                to = between(&line).unwrap_or_default();
                b"250 ok\r\n"
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut mail = Vec::new();
                while !mail.ends_with(b"\r\n.\r\n") {
                    if lines.read_until(b'\n', &mut mail)? == 0 {
                        return Ok(());
                    }
                }
                mail.truncate(mail.len() - 3);
                taken.lock().unwrap().push(Taken { from: from.clone(), to: to.clone(), mail });
                b"250 taken as 4711\r\n"
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        out.write_all(reply)?;
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Only the welcome, at any hour: less to play, and nothing else to come.
fn welcome_only() -> tempfile::TempDir {
    let project = project();
    let folder = project.path();
    for other in std::fs::read_dir(folder.join("workflows")).unwrap().flatten() {
        if other.file_name() != "welcome" {
            std::fs::remove_dir_all(other.path()).unwrap();
        }
    }
    edit(folder, RULES, "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n", "");
    project
}

/// Everything kept of a partner, without when it was asked for.
fn kept(folder: &Path, partner: &str) -> Value {
    let output = rapport(folder, &["export", partner]);
    let mut kept: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    kept.as_object_mut().unwrap().remove("exported_at");
    kept
}

#[test]
fn a_test_mail_takes_the_real_way_to_an_address_of_ones_own_and_no_other() {
    let project = welcome_only();
    let folder = project.path();
    let sink = Sink::start();
    let send = |arguments: &[&str], code: i32, says: &[&str]| {
        let arguments = [&["send-test"], arguments].concat();
        let output = command(folder).env("RAPPORT_MAIL", &sink.way).args(&arguments).output().unwrap();
        told(&output, &arguments, code, says)
    };
    let strange = ["somebody@elsewhere.example is none of this project's own addresses", "allow_list"];
    send(&["welcome/hello", "--to", "somebody@elsewhere.example"], 2, &strange);
    send(&["welcome/hello", "--to", "no address"], 2, &["is no mail address"]);
    send(&["welcome/helo", "--to", "ines@acme.example"], 2, &["did you mean `welcome/hello`?"]);
    assert!(sink.taken().is_empty());

    // Without a list of one's own, senders may write to themselves.
    let says = ["\"[test] Welcome to Acme Partners, Ada\" to ines@acme.example: accepted: ", "taken as 4711"];
    send(&["welcome/hello", "--to", "ines@acme.example"], 0, &says);
    let [Taken { from, to, mail }] = &sink.taken()[..] else { panic!("{:?}", sink.taken()) };
    assert_eq!((from.as_str(), to.as_str()), ("ines@mail.acme.example", "ines@acme.example"));
    let mail = MessageParser::default().parse(mail).unwrap();
    assert_eq!(mail.subject(), Some("[test] Welcome to Acme Partners, Ada"));
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("ines@acme.example"));
    assert_eq!(mail.header_raw("X-Rapport-Test").map(str::trim), Some("sample"));
    assert!(mail.message_id().unwrap().starts_with("test."), "{:?}", mail.message_id());
    // Nothing a mail program would act on, and nothing that would be told of as a mail of a workflow.
    for header in ["List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID"] {
        assert_eq!(mail.header_raw(header), None, "{header}");
    }
    assert!(mail.body_text(0).unwrap().contains("Hi Ada,") && mail.body_html(0).unwrap().contains("Hi Ada,"));
    assert!(!folder.join("rapport.db").exists(), "a sample needs no store");

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = ["send-test", "welcome/hello", "--to", "ines@acme.example"];
    let output =
        command(folder).env("RAPPORT_MAIL", format!("smtp://{nobody}?tls=none")).args(arguments).output().unwrap();
    told(&output, &arguments, 1, &["reaching the mail server"]);
}

#[test]
fn a_partners_mail_tried_out_has_dead_links_and_is_counted_nowhere() {
    let project = welcome_only();
    let folder = project.path();
    let sink = Sink::start();
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let run = || {
        let mut command = command(folder);
        command.env("RAPPORT_GATEWAY", &gateway).env("RAPPORT_GATEWAY_TOKEN", "a token of the tests");
        command
    };
    let check =
        |arguments: &[&str], code, says: &[&str]| told(&run().args(arguments).output().unwrap(), arguments, code, says);
    check(&["apply", "--since", "2020-01-01"], 0, &["applied"]);
    let now = Timestamp::now().to_string();
    let fields = json!({ "name": "Ada Holm", "email": "ada@blog.example",
        "consent": { "given": true, "source": "form", "time": now } });
    let event = json!({ "id": "ada-1", "kind": "partner.approved", "program": "default", "partner": "ada",
        "occurred_at": now, "data": fields });
    std::fs::write(folder.join("events.jsonl"), format!("{event}\n")).unwrap();
    let _running = Running::start(run(), &["engine", "relay", "mailer", "gateway"]);
    check(&["ingest", "events.jsonl"], 0, &["1 event taken in"]);
    until("the welcome to be known as sent", || {
        text(&run().args(["explain", "ada"]).output().unwrap()).contains("waits at wait 3 days").then_some(())
    });
    let links = |mail: &[u8]| -> Vec<String> {
        let mail = MessageParser::default().parse(mail).unwrap().body_text(0).unwrap().into_owned();
        let links = mail.split_whitespace().filter_map(|word| word.strip_prefix("https://partners.acme.example"));
        links.map(str::to_owned).collect()
    };
    let captured = std::fs::read_dir(folder.join("mails/new")).unwrap().flatten().next().unwrap();
    let real = links(&std::fs::read(captured.path()).unwrap());
    assert!(real.len() > 4, "{real:?}");
    for link in &real {
        assert!(get(&gateway, link).starts_with("HTTP/1.1 200"), "the mail that was sent has links that live: {link}");
    }
    let (before, figures) = (kept(folder, "ada"), check(&["report", "--partners", "mails_7d"], 0, &["ada"]));

    let arguments = ["send-test", "welcome/hello", "--to", "ines@acme.example", "--partner", "ada"];
    let output = run().env("RAPPORT_MAIL", &sink.way).args(arguments).output().unwrap();
    told(&output, &arguments, 0, &["\"[test] Welcome to Acme Partners, Ada\" to ines@acme.example: accepted"]);
    let taken = sink.taken();
    let mail = MessageParser::default().parse(&taken[0].mail).unwrap();
    assert_eq!(mail.header_raw("X-Rapport-Test").map(str::trim), Some("ada"));
    let dead = links(&taken[0].mail);
    assert_eq!(dead.len(), real.len());
    for link in &dead {
        assert!(!real.contains(link), "{link}");
        let answer = get(&gateway, link);
        assert!(answer.starts_with("HTTP/1.1 4"), "{link}: {answer}");
    }
    // The next mail, which is not planned yet, reads as it will.
    let arguments = ["send-test", "first-link", "--to", "ines@acme.example", "--partner", "ada"];
    let output = run().env("RAPPORT_MAIL", &sink.way).args(arguments).output().unwrap();
    told(&output, &arguments, 0, &["[test] ", "accepted"]);
    // Where there is a list, who is on it, and nobody else.
    edit(folder, RULES, "guardrails:\n", "guardrails:\n  allow_list: [\"me@own.example\"]\n");
    for (to, code, says) in [("ines@acme.example", 2, "none of this project's own"), ("me@own.example", 0, "accepted")]
    {
        let arguments = ["send-test", "welcome/hello", "--to", to, "--partner", "ada"];
        told(&run().env("RAPPORT_MAIL", &sink.way).args(arguments).output().unwrap(), &arguments, code, &[says]);
    }
    let to: Vec<String> = sink.taken().into_iter().map(|taken| taken.to).collect();
    assert_eq!(to, ["ines@acme.example", "ines@acme.example", "me@own.example"]);

    assert_eq!(kept(folder, "ada"), before, "nothing is written down of it");
    assert_eq!(check(&["report", "--partners", "mails_7d"], 0, &["ada"]), figures);
    assert_eq!(std::fs::read_dir(folder.join("mails/new")).unwrap().count(), 1, "she got nothing by it");
}

/// `rapport dev` on a free port, ended when it goes.
struct Dev(Child, String);

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut child =
            command(folder).args(["dev", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let address =
            said.split_once("http://").and_then(|(_, rest)| rest.split_once('/')).map(|(it, _)| it.to_owned());
        let address = address.unwrap_or_else(|| panic!("{said}"));
        assert!(said.contains("shows every edit"), "{said}");
        Self(child, address)
    }

    fn state(&self) -> Value {
        let answer = get(&self.1, "/state");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }

    /// Tests that fail, by name.
    fn failed(state: &Value) -> Vec<&str> {
        let tests = state["tests"].as_array().map(Vec::as_slice).unwrap_or_default();
        let failed = tests.iter().filter(|test| !test["wrong"].as_array().unwrap().is_empty());
        failed.map(|test| test["name"].as_str().unwrap()).collect()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_edit_is_shown_beside_the_mails_and_the_tests() {
    let project = welcome_only();
    let folder = project.path();
    let mut dev = Dev::start(folder);
    let page = get(&dev.1, "/");
    for part in ["desktop", "375 px", "dark", "/state", "/events"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let state = dev.state();
    assert_eq!((&state["findings"], &state["edition"]), (&json!(""), &json!(0)));
    assert!(state["tests"].as_array().unwrap().len() > 5 && Dev::failed(&state).is_empty(), "{state}");
    let mails: Vec<_> = state["mails"].as_array().unwrap().iter().map(|mail| mail["name"].as_str().unwrap()).collect();
    let shipped = ["bonus", "first-link", "first-sale-tips", "hello", "need-a-hand"];
    assert_eq!(mails, shipped.map(|mail| format!("welcome/{mail}")));
    let number = mails.iter().position(|mail| *mail == "welcome/hello").unwrap();
    let shown = get(&dev.1, &format!("/mail/{number}"));
    // In its frame it can neither run anything nor lead anywhere.
    assert!(shown.contains("content-security-policy: sandbox; default-src 'none'"), "{shown}");
    assert!(shown.contains("Ada,") && shown.contains("prefers-color-scheme: dark"), "{shown}");
    assert!(get(&dev.1, "/mail/99").starts_with("HTTP/1.1 404"));

    // The page hears of an edit without asking.
    let mut told = TcpStream::connect(&dev.1).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(told, "GET /events HTTP/1.1\r\nhost: {}\r\n\r\n", dev.1).unwrap();
    let mut told = BufReader::new(told).lines().map_while(Result::ok);
    edit(folder, "workflows/welcome/workflow.yaml", "wait: 3 days", "wait: 5 days");
    assert!(told.by_ref().any(|line| line == "event: edited"), "the stream ended");
    assert!(told.next().is_some_and(|line| line.starts_with("data: ")));
    let state = until("the edit to be shown", || Some(dev.state()).filter(|state| !Dev::failed(state).is_empty()));
    assert!(state["edition"].as_u64() > Some(0), "{state}");
    let wrong = &state["tests"].as_array().unwrap().iter().find(|test| test["wrong"] != json!([])).unwrap()["wrong"];
    assert!(wrong.to_string().contains("expected first-link on day 4"), "{wrong}");

    // A mail's words, too.
    edit(folder, "workflows/welcome/hello.mail.md", "good to have you with us", "how good to have you here");
    let of_hello = |state: &Value| {
        let mails = state["mails"].as_array()?.clone();
        mails.into_iter().find(|mail| mail["name"] == "welcome/hello").map(|mail| mail["text"].to_string())
    };
    until("the words to be shown", || of_hello(&dev.state()).filter(|text| text.contains("how good to have you here")));

    // What is broken is said with its place, and mended it is gone.
    edit(folder, "workflows/welcome/workflow.yaml", "wait: 5 days", "wiat: 3 days");
    let broken = until("the finding to be shown", || Some(dev.state()).filter(|state| state["errors"] != json!(0)));
    let findings = broken["findings"].as_str().unwrap();
    assert!(
        findings.contains("workflows/welcome/workflow.yaml:") && findings.contains("did you mean `wait`"),
        "{findings}"
    );
    edit(folder, "workflows/welcome/workflow.yaml", "wiat: 3 days", "wait: 3 days");
    let whole = |state: &Value| state["errors"] == json!(0) && Dev::failed(state).is_empty();
    until("all to be well again", || Some(dev.state()).filter(whole));

    Command::new("kill").args(["-TERM", &dev.0.id().to_string()]).status().unwrap();
    assert!(dev.0.wait().unwrap().success(), "told to end, it ends well");
    assert!(!folder.join("rapport.db").exists() && !folder.join("mails").exists(), "nothing is stored or sent");
}

#[test]
fn the_page_is_for_this_machine_only() {
    let project = welcome_only();
    let arguments = ["dev", "--listen", "0.0.0.0:0"];
    told(&rapport(project.path(), &arguments), &arguments, 2, &["can be reached from elsewhere", "127.0.0.1"]);
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let arguments = ["dev", "--listen", &held.local_addr().unwrap().to_string()];
    told(&rapport(project.path(), &arguments), &arguments, 1, &["dev cannot listen on", "--listen"]);
}

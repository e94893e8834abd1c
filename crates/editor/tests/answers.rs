//! What an editor is told about the shipped project, through the whole protocol in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lsp_server::{Connection, Message, Notification, Request, RequestId};
use proptest::prelude::*;
use rapport_editor::{complete, cursor, hover, serve};
use rapport_workflow::{Vocabulary, look};
use serde_json::{Value as Json, json};

fn shipped() -> BTreeMap<String, String> {
    rapport_shipped::sources().iter().map(|source| (source.path.clone(), source.text.clone())).collect()
}

fn vocabulary() -> Vocabulary {
    look(&rapport_shipped::sources()).vocabulary
}

const WELCOME: &str = "workflows/welcome/workflow.yaml";

/// Labels proposed at the `|` of a text that stands in place of a shipped file.
#[track_caller]
fn proposed(path: &str, text: &str) -> Vec<String> {
    let at = text.find('|').expect("a cursor");
    let text = text.replacen('|', "", 1);
    let all = shipped();
    let workflow = if path == WELCOME { Some(text.clone()) } else { all.get(WELCOME).cloned() };
    let items = complete::complete(path, &text, at, &vocabulary(), workflow.as_deref());
    items.into_iter().map(|item| item.label).collect()
}

#[track_caller]
fn check(path: &str, text: &str, some: &[&str], none: &[&str]) {
    let labels = proposed(path, text);
    for label in some {
        assert!(labels.iter().any(|known| known == label), "{label} is not among {labels:?}");
    }
    for label in none {
        assert!(!labels.iter().any(|known| known == label), "{label} is among {labels:?}");
    }
}

#[test]
fn keys_are_proposed_where_they_may_stand() {
    check(WELCOME, "workflow: A\n|", &["when", "steps", "owner", "once"], &["workflow", "email", "then"]);
    check(WELCOME, "mail: { |", &["kind", "topic", "from", "or"], &["when"]);
    check(WELCOME, "steps:\n  - |", &["email", "wait", "task", "if"], &["owner"]);
    check(WELCOME, "steps:\n  - email: { mail: hello, | }", &["survey", "offer", "with"], &["mail", "email"]);
    check(WELCOME, "steps:\n  - wait_for: login\n    |", &["at_most", "then", "otherwise"], &["email", "survey"]);
    check("config/goals.yaml", "goals:\n  a: { | }", &["for", "reach", "metric"], &["when"]);
    check("workflows/welcome/tests.yaml", "tests:\n  - name: a\n    expect: { |", &["mails", "signals"], &["when"]);
}

#[test]
fn values_come_from_the_project() {
    check(WELCOME, "mail: { kind: |", &["marketing", "service"], &["low"]);
    check(WELCOME, "mail: { topic: |", &["onboarding", "news"], &[]);
    check(WELCOME, "mail: { from: |", &["ines", "manager"], &[]);
    check(WELCOME, "when: partner.|", &["partner.approved"], &["partner.erased", "message.sent"]);
    check(WELCOME, "steps:\n  - email: |", &["hello", "first-link"], &["noticed"]);
    check(WELCOME, "steps:\n  - email: { mail: hello, survey: | }", &["motivation"], &[]);
    check(WELCOME, "steps:\n  - start: |", &["re-engagement"], &[]);
    check(WELCOME, "when: [{ entered: | }]", &["never_sold"], &["vip"]);
    check("config/offers.yaml", "bonus: { for: | }", &["never_sold"], &["vip"]);
    check("config/resources.yaml", "course: { type: | }", &["tool", "training"], &["never_sold"]);
}

#[test]
fn names_are_proposed_in_conditions_and_texts() {
    let names = ["partner.country", "conversions_total", "group", "segment.never_sold", "goal.first_sale.percent"];
    check(WELCOME, "when: login\nif: |", &names, &["event.drop_percent"]);
    check(WELCOME, "when: dip.conversions\nif: [event.|]", &["event.drop_percent", "event.expected"], &[]);
    check(WELCOME, "when: login\nif: 'group == \"|\"'", &["vip", "quiet"], &["conversions_total"]);
    check(WELCOME, "when: training.completed\nif: 'event.training == \"|\"'", &["first-steps"], &["link-builder"]);
    check(
        WELCOME,
        "steps:\n  - task: { to: ines, text: \"{{partner.|}}\" }",
        &["partner.name", "partner.country"],
        &[],
    );
    check(
        "workflows/welcome/hello.mail.md",
        "---\nsubject: Hi\n---\nHi {{|",
        &["partner.first_name", "fallback", "sender.name"],
        &[],
    );
    check("workflows/welcome/hello.mail.md", "---\n|\n---\n", &["subject", "preheader"], &["partner.name"]);
}

#[test]
fn words_are_explained() {
    let vocabulary = vocabulary();
    let told = |text: &str| {
        let at = text.find('|').unwrap();
        hover::hover(WELCOME, &text.replacen('|', "", 1), at, &vocabulary, None)
            .map(|(_, told)| told)
            .unwrap_or_default()
    };
    assert!(told("wor|kflow: A\n").contains("title, for people"));
    let figure = told("when: login\nif: reven|ue_28d > money(\"1 EUR\")\n");
    assert!(figure.contains("money") && figure.contains("Formula: sum over the window"), "{figure}");
    assert!(told("when: dip.conv|ersions\n").contains("event.drop_percent"));
    assert_eq!(told("wor|zel: A\n"), "");
}

/// A conversation with the server over channels.
struct Editor {
    connection: Connection,
    server: std::thread::JoinHandle<()>,
    next: i32,
    told: BTreeMap<String, Vec<Json>>,
}

const ROOT: &str = "/project";

impl Editor {
    fn new() -> Self {
        let (server, client) = Connection::memory();
        let read = Box::new(|_: &Path| shipped());
        let server = std::thread::spawn(move || serve(&server, PathBuf::from(ROOT), read).expect("a conversation"));
        let mut editor = Self { connection: client, server, next: 0, told: BTreeMap::new() };
        let capabilities = editor.ask("initialize", json!({ "capabilities": {}, "rootUri": format!("file://{ROOT}") }));
        assert_eq!(capabilities["capabilities"]["hoverProvider"], json!(true));
        editor.tell("initialized", json!({}));
        editor
    }

    fn tell(&self, method: &str, params: Json) {
        self.connection.sender.send(Message::Notification(Notification::new(method.to_owned(), params))).unwrap();
    }

    fn ask(&mut self, method: &str, params: Json) -> Json {
        self.next += 1;
        let id = RequestId::from(self.next);
        self.connection.sender.send(Message::Request(Request::new(id.clone(), method.to_owned(), params))).unwrap();
        loop {
            match self.connection.receiver.recv().expect("an answer") {
                Message::Response(response) if response.id == id => {
                    return serde_json::to_value(&response).unwrap().get("result").cloned().unwrap_or_default();
                }
                Message::Notification(note) => self.note(note),
                _ => {}
            }
        }
    }

    fn note(&mut self, note: Notification) {
        if note.method == "textDocument/publishDiagnostics" {
            let uri = note.params["uri"].as_str().unwrap_or_default().trim_start_matches("file:///project/").to_owned();
            self.told.insert(uri, note.params["diagnostics"].as_array().cloned().unwrap_or_default());
        }
    }

    /// The codes told of a file, once there are some or none as wanted.
    fn wait_for(&mut self, path: &str, some: bool) -> Vec<String> {
        loop {
            if let Some(told) = self.told.get(path)
                && told.is_empty() != some
            {
                return told.iter().map(|one| one["code"].as_str().unwrap_or_default().to_owned()).collect();
            }
            if let Message::Notification(note) = self.connection.receiver.recv().expect("findings") {
                self.note(note);
            }
        }
    }

    fn end(mut self) {
        self.ask("shutdown", Json::Null);
        self.tell("exit", Json::Null);
        drop(self.connection);
        self.server.join().expect("a clean end");
    }
}

#[test]
fn what_is_unsaved_is_checked_put_right_and_formatted() {
    let uri = format!("file://{ROOT}/{WELCOME}");
    let mut editor = Editor::new();
    let text = shipped()[WELCOME].replace("stop_when:", "stop_wehn:");
    let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    assert_eq!(editor.wait_for(WELCOME, true), ["R0101"]);
    let line = text.lines().position(|line| line.starts_with("stop_wehn")).unwrap();
    let at = json!({ "line": line, "character": 2 });
    let asked = json!({ "textDocument": { "uri": uri }, "range": { "start": at, "end": at }, "context": { "diagnostics": [] } });
    let actions = editor.ask("textDocument/codeAction", asked);
    assert_eq!(actions[0]["title"], "Write `stop_when`");
    let edit = actions[0]["edit"]["changes"][&uri][0].clone();
    let change = json!({ "range": edit["range"], "text": edit["newText"] });
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [change] }),
    );
    editor.wait_for(WELCOME, false);
    // A blank too much at a line's end is taken out by formatting, and nothing else.
    let start = json!({ "line": line, "character": 0 });
    let change = json!({ "range": { "start": start, "end": start }, "text": "  # a remark   \n\n\n" });
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 3 }, "contentChanges": [change] }),
    );
    let options = json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 2, "insertSpaces": true } });
    let edits = editor.ask("textDocument/formatting", options);
    assert!(edits[0]["newText"].as_str().unwrap().contains("# a remark\n\n"), "{edits}");
    assert_eq!(
        editor.ask("textDocument/hover", json!({ "textDocument": { "uri": uri }, "position": at }))["contents"]["kind"],
        Json::Null
    );
    assert_eq!(editor.ask("rapport/unknown", json!({})), Json::Null);
    editor.end();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_and_no_place_ends_the_server(
        file in 0_usize..6, cut in any::<(prop::sample::Index, prop::sample::Index)>(), at in any::<prop::sample::Index>(),
        put in "[ -~\n{}\\[\\]|:\"'#é𝄞]{0,12}",
    ) {
        let all = shipped();
        let paths = [WELCOME, "workflows/re-engagement/workflow.yaml", "workflows/welcome/tests.yaml", "config/segments.yaml",
            "config/rapport.yaml", "workflows/welcome/hello.mail.md"];
        let path = paths[file];
        let mut text = all[path].clone();
        let place = |index: prop::sample::Index, text: &str| text.floor_char_boundary(index.index(text.len() + 1));
        let (one, other) = (place(cut.0, &text), place(cut.1, &text));
        let end = other.max(one).min(one.min(other) + 40);
        let end = text.ceil_char_boundary(end);
        text.replace_range(one.min(other)..end, &put);
        let offset = place(at, &text);
        cursor::find(&text, offset);
        let vocabulary = Vocabulary::default();
        complete::complete(path, &text, offset, &vocabulary, Some(&text));
        hover::hover(path, &text, offset, &vocabulary, Some(&text));
    }
}

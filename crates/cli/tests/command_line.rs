//! The real binary, as a person meets it: exit codes, texts, places and remedies.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::process::Command;

use self::project::{check, edit, project, rapport, text};

#[test]
fn help_is_an_answer_and_nonsense_is_bad_input() {
    let here = tempfile::tempdir().unwrap();
    check(here.path(), &["--help"], 0, &["rapport demo", "Exit codes"]);
    check(here.path(), &["demo", "--help"], 0, &["--seed", "--fresh", "`demo`, ./rapport-demo"]);
    check(here.path(), &["demo", "--config", "nowhere.yaml"], 2, &["does not read nowhere.yaml"]);
    check(here.path(), &["chekc"], 2, &["unrecognized subcommand 'chekc'", "check"]);
    check(here.path(), &[], 2, &["Usage"]);
}

#[test]
fn the_shipped_files_are_in_order() {
    let project = project();
    check(project.path(), &["check"], 0, &["workflows", "welcome"]);
}

#[test]
fn a_broken_workflow_is_shown_with_its_place_and_changes_nothing() {
    let project = project();
    edit(project.path(), "workflows/welcome/workflow.yaml", "when: partner.approved", "wehn: partner.approved");
    let place = ["R0101", "workflows/welcome/workflow.yaml:7:1", "did you mean `when`?"];
    check(project.path(), &["check"], 2, &place);
    check(project.path(), &["apply"], 2, &["R0101", "nothing was changed"]);
    check(project.path(), &["run"], 2, &["R0101", "nothing was changed"]);
    assert!(!project.path().join("rapport.db").exists());
    let github = check(
        project.path(),
        &["check", "--format", "github"],
        2,
        &["::error file=workflows/welcome/workflow.yaml,line=7"],
    );
    assert!(github.contains("title=R0101"), "{github}");
    let output = rapport(project.path(), &["check", "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let first = &sarif["runs"][0]["results"][0];
    assert_eq!(first["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
    let output = rapport(project.path(), &["check", "--format", "json"]);
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings[0]["code"], "R0101");
}

#[test]
fn code_scanning_finds_the_files_of_a_project_that_is_a_folder_of_the_repository() {
    let repository = tempfile::tempdir().unwrap();
    let folder = repository.path().join("shop/partners");
    std::fs::create_dir_all(folder.join("workflows/welcome")).unwrap();
    std::fs::create_dir_all(folder.join("config")).unwrap();
    std::fs::write(folder.join("workflows/welcome/größe 1.mail.md"), "Hello").unwrap();
    let file = "shop/partners/workflows/welcome/größe 1.mail.md";
    let github = ["check", "--dir", "./shop/partners", "--format", "github"];
    check(repository.path(), &github, 2, &[&format!("::error file={file},")]);
    let output = rapport(repository.path(), &["check", "--dir", "shop/partners", "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let uri = |result: &serde_json::Value| {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().to_owned()
    };
    let uris: Vec<String> = results.iter().map(uri).collect();
    let wanted = "shop/partners/workflows/welcome/gr%C3%B6%C3%9Fe%201.mail.md";
    assert!(uris.iter().any(|uri| uri == wanted), "{uris:?}");
}

#[test]
fn misspelt_words_are_put_right_where_there_is_one_answer() {
    let project = project();
    let file = "workflows/welcome/workflow.yaml";
    edit(project.path(), file, "once: per partner", "onec: per partner");
    edit(project.path(), file, "topic: onboarding", "topic: onbording");
    check(project.path(), &["check"], 2, &["R0101", "R0504"]);
    check(
        project.path(),
        &["check", "--fix"],
        0,
        &["`onec` is now `once`", "`onbording` is now `onboarding`", "in order"],
    );
}

#[test]
fn what_has_one_right_form_is_put_right() {
    let project = project();
    edit(project.path(), "workflows/welcome/workflow.yaml", "links_created_total == 0", "links_created_total = 0");
    edit(project.path(), "workflows/re-engagement/workflow.yaml", "drop_percent >= 40", "drop_percent >= 40%");
    edit(project.path(), "workflows/follow-up/workflow.yaml", "then_at: \"10:00\"", "then_at: 10:00");
    check(project.path(), &["check"], 2, &["R0202", "R0025"]);
    let made = ["`=` is now `==`", "`40%` is now `40`", "`10:00` is now `\"10:00\"`", "in order"];
    check(project.path(), &["check", "--fix"], 0, &made);
}

#[test]
fn a_file_in_another_encoding_is_one_finding_among_the_others_and_is_not_written_back() {
    let project = project();
    let folder = project.path();
    edit(folder, "workflows/welcome/workflow.yaml", "once: per partner", "onec: per partner");
    let append = |file: &str, bytes: &[u8]| {
        let mut whole = std::fs::read(folder.join(file)).unwrap();
        let lines = whole.iter().filter(|byte| **byte == b'\n').count();
        whole.extend_from_slice(bytes);
        std::fs::write(folder.join(file), &whole).unwrap();
        (lines + 1, whole)
    };
    let (mail, settings) = ("workflows/welcome/hello.mail.md", "config/rapport.yaml");
    let (line, latin) = append(mail, b"Sch\xf6ne Gr\xfc\xdfe\n");
    let in_mail = format!("{mail}:{line}:4");
    check(folder, &["check"], 2, &["R0101", "R0581", &in_mail, "save the file as UTF-8"]);
    let (line, _) = append(settings, b"# f\xfcr alle\n");
    let in_settings = format!("{settings}:{line}:4");
    check(folder, &["check"], 2, &["R0101", &in_mail, &in_settings]);
    check(folder, &["doctor"], 2, &["R0581", &in_settings]);
    check(folder, &["fmt"], 2, &["config/rapport.yaml is not UTF-8"]);
    check(folder, &["check", "--fix"], 2, &["`onec` is now `once`", &in_mail, &in_settings]);
    assert_eq!(std::fs::read(folder.join(mail)).unwrap(), latin);
}

#[test]
fn the_shipped_tests_pass_and_a_changed_workflow_fails_them() {
    let project = project();
    let junit = project.path().join("junit.xml");
    let arguments = ["test", "welcome", "--coverage", "--junit", junit.to_str().unwrap()];
    check(project.path(), &arguments, 0, &["tests passed", "welcome: 17 of 17 steps and branches walked"]);
    assert!(std::fs::read_to_string(&junit).unwrap().contains("<testsuite name=\"welcome\""));
    edit(project.path(), "workflows/welcome/workflow.yaml", "wait: 3 days", "wait: 5 days");
    let says = ["✗ welcome", "expected first-link on day 4", "workflows/welcome/tests.yaml:", "failed"];
    check(project.path(), &["test", "welcome"], 1, &says);
    check(project.path(), &["test", "nonsense"], 2, &["there are no tests named like `nonsense`"]);
}

#[test]
fn a_new_workflow_from_a_recipe_is_in_order_and_can_be_looked_at() {
    let project = project();
    check(project.path(), &["new"], 0, &["re-engagement", "welcome"]);
    check(project.path(), &["new", "welcom"], 2, &["did you mean `welcome`?"]);
    check(project.path(), &["new", "welcome", "greeting"], 0, &["workflows/greeting"]);
    check(project.path(), &["new", "welcome", "greeting"], 2, &["is there already"]);
    check(project.path(), &["test", "greeting"], 0, &["13 tests passed"]);
    check(project.path(), &["graph", "greeting"], 0, &["flowchart TD", "when partner.approved", "yes"]);
    check(project.path(), &["graph", "greeting", "--format", "dot"], 0, &["digraph", "s0 -> s1"]);
    check(project.path(), &["graph", "greeting", "--format", "svg"], 0, &["<svg", "</svg>"]);
    check(project.path(), &["graph", "greting"], 2, &["did you mean `greeting`?"]);
    let says = ["Subject: Welcome to Acme Partners, Ada", "as in the test"];
    check(project.path(), &["preview", "greeting/hello", "--out", "seen"], 0, &says);
    assert!(std::fs::read_to_string(project.path().join("seen/hello.preview.html")).unwrap().contains("375 px"));
    check(project.path(), &["preview", "greeting/helo"], 2, &["did you mean `greeting/hello`?"]);
    // Two workflows have it now.
    let says = ["`hello` is a mail of several workflows", "greeting/hello", "welcome/hello"];
    check(project.path(), &["preview", "hello"], 2, &says);
    check(project.path(), &["send-test", "hello", "--to", "ines@acme.example"], 2, &says);
}

#[test]
fn a_recipe_begins_a_project_in_an_empty_folder_with_all_it_needs() {
    for (recipe, brings) in
        [("recognition", "config/labels.yaml: thanks"), ("congratulation", "config/goals.yaml: milestones")]
    {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), &["new", recipe], 0, &[&format!("workflows/{recipe}: "), brings]);
        check(folder.path(), &["check"], 0, &[]);
        check(folder.path(), &["test", recipe], 0, &["tests passed"]);
    }
}

#[test]
fn a_mail_that_no_test_sends_is_shown_with_sample_values_in_any_of_its_languages() {
    let project = project();
    std::fs::remove_file(project.path().join("workflows/welcome/tests.yaml")).unwrap();
    let says = ["Subject: Welcome to Acme Partners, Ada", "with sample values", "workflows/welcome/hello.mail.md"];
    check(project.path(), &["preview", "welcome/hello"], 0, &says);
    let says = ["Subject: ", "with sample values, in de", "workflows/welcome/hello.de.mail.md"];
    check(project.path(), &["preview", "welcome/hello", "--language", "de"], 0, &says);
    let says = ["there is no text in fr", "workflows/welcome/hello.mail.md"];
    check(project.path(), &["preview", "welcome/hello", "--language", "fr"], 0, &says);
    check(project.path(), &["preview", "welcome/hello", "--language", "german!"], 2, &["is no language"]);
}

#[test]
fn the_mail_that_tells_of_what_found_no_place_is_shown_and_tried_out_like_any_other() {
    let project = project();
    let folder = project.path();
    let says = ["Subject: 3 things that came together for you", "with sample values: config/digest.mail.md"];
    let told = check(folder, &["preview", "digest", "--out", "seen"], 0, &says);
    assert!(!told.contains("no test"), "{told}");
    assert!(std::fs::read_to_string(folder.join("seen/digest.preview.html")).unwrap().contains("375 px"));
    let says = ["Subject: 3 Nachrichten", "with sample values, in de: config/digest.de.mail.md"];
    check(folder, &["preview", "digest", "--language", "de"], 0, &says);
    let says = ["\"[test] 3 things that came together for you\" to ines@acme.example: captured in"];
    check(folder, &["send-test", "digest", "--to", "ines@acme.example"], 0, &says);
    assert_eq!(self::project::delivered_to(folder), ["ines@acme.example"]);
    check(folder, &["preview", "digets"], 2, &["there is no mail `digets`", "did you mean `digest`?"]);
    // What a partner's would tell of nobody can know before.
    let says = ["known when it leaves", "leave --partner away"];
    check(folder, &["preview", "digest", "--partner", "ada"], 2, &says);
    check(folder, &["send-test", "digest", "--to", "ines@acme.example", "--partner", "ada"], 2, &says);
    for file in ["config/digest.mail.md", "config/digest.de.mail.md"] {
        std::fs::remove_file(folder.join(file)).unwrap();
    }
    check(folder, &["preview", "digest"], 2, &["there is no mail `digest`"]);
}

#[test]
fn files_are_brought_into_one_form_once() {
    let project = project();
    check(project.path(), &["fmt", "--check"], 0, &[]);
    edit(project.path(), "workflows/welcome/workflow.yaml", "once: per partner\n", "");
    edit(project.path(), "workflows/welcome/workflow.yaml", "owner:", "once: per partner   \nowner:");
    check(project.path(), &["fmt", "--check"], 3, &["workflows/welcome/workflow.yaml"]);
    check(project.path(), &["fmt"], 0, &["workflows/welcome/workflow.yaml"]);
    check(project.path(), &["fmt", "--check"], 0, &[]);
    check(project.path(), &["check"], 0, &["in order"]);
}

#[test]
fn broken_settings_are_findings_and_secrets_stay_unsaid() {
    let project = project();
    edit(
        project.path(),
        "config/rapport.yaml",
        "store: sqlite:rapport.db",
        "store: \"postgres://u:${NO_SUCH_VARIABLE}@h/d\"",
    );
    check(project.path(), &["doctor"], 2, &["config/rapport.yaml:", "the environment has no NO_SUCH_VARIABLE"]);
    let output = Command::new(env!("CARGO_BIN_EXE_rapport"))
        .current_dir(project.path())
        .args(["migrate"])
        .env("RAPPORT_STORE", "mysql://u:hunter2@h/d")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let all = text(&output);
    assert!(all.contains("R0551") && !all.contains("hunter2"), "{all}");
    // Whose fault it is: the file's it is not.
    assert!(all.contains("RAPPORT_STORE") && !all.contains("config/rapport.yaml"), "{all}");
}

#[test]
fn no_command_shows_a_secret_of_the_settings() {
    let project = project();
    let clean = std::fs::read_to_string(project.path().join("config/rapport.yaml")).unwrap();
    let broken = [
        "store: postgres://u:hunter2hunter2@h/d\n",
        "linkz: { keys: [{ id: k1, secret: hunter2hunter2 }] }\n",
        "gateway: { tokn: hunter2hunter2 }\n",
        "gateway: hunter2hunter2\n",
        "kafka: { brokrs: k, properties: { a: hunter2hunter2, sasl.password: hunter2hunter2 } }\n",
        "gateway: { token: \"hunter2hunter2\" \n",
    ];
    for addition in broken {
        std::fs::write(project.path().join("config/rapport.yaml"), format!("{clean}{addition}")).unwrap();
        for command in [&["check"][..], &["check", "--format", "json"], &["apply"], &["run"], &["doctor"], &["test"]] {
            let output = rapport(project.path(), command);
            let all = text(&output);
            assert!(!all.contains("hunter2"), "{addition}{command:?}: {all}");
            if !matches!(command, ["test"] | ["doctor"]) {
                assert_eq!(output.status.code(), Some(2), "{addition}{command:?}: {all}");
            }
        }
    }
}

#[test]
fn check_finds_what_would_keep_run_from_starting() {
    let project = project();
    let clean = std::fs::read_to_string(project.path().join("config/rapport.yaml")).unwrap();
    let with = |from: &str, to: &str| {
        assert!(clean.contains(from), "{from}");
        std::fs::write(project.path().join("config/rapport.yaml"), clean.replacen(from, to, 1)).unwrap();
    };
    with("store: sqlite:rapport.db", "store: sqlite:rapport.db\nkafka: { brokrs: \"k:9092\" }");
    check(project.path(), &["check"], 2, &["R0101", "did you mean `brokers`?"]);
    with("store: sqlite:rapport.db", "store: mysql:x");
    check(project.path(), &["check"], 2, &["R0551"]);
    with("deliver: capture", "deliver: capure");
    check(project.path(), &["check"], 2, &["R0555"]);
    with("log: {", "gateway: { lissten: \"127.0.0.1:1\" }\nlog: {");
    check(project.path(), &["check"], 2, &["R0101", "did you mean `listen`?"]);
    // What the environment of the server holds is not known here: told, and no error.
    let cluster = "store: postgres://u:${NO_SUCH_ONE}@h/d\nkafka: { brokers: \"${NO_SUCH_TWO}\" }\n\
                   gateway: { listen: \"${NO_SUCH_THREE}\", token: \"${NO_SUCH_FOUR}\" }";
    with("store: sqlite:rapport.db", cluster);
    let told = check(project.path(), &["check"], 0, &["warning R0552", "NO_SUCH_ONE", "NO_SUCH_THREE", "0 errors"]);
    assert_eq!(told.matches("R0552").count(), 4, "{told}");
    with("  # keys: [{", "  keys: [{");
    check(project.path(), &["check"], 0, &["warning R0552", "RAPPORT_LINK_KEY"]);
}

/// Asks for a path, without anything but a socket.
fn get(address: &str, path: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_database_that_does_not_answer_is_waited_for_and_said() {
    let project = project();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut run = self::project::command(project.path());
    run.env("RAPPORT_STORE", "postgres://nobody:hunter2@127.0.0.1:1/rapport").env("RAPPORT_KAFKA", "127.0.0.1:1");
    run.args(["run", "engine", "--listen", &address]).stderr(std::process::Stdio::null());
    let mut child = run.spawn().unwrap();
    let answer = self::project::until("readiness to tell why", || {
        get(&address, "/readyz").filter(|answer| answer.starts_with("HTTP/1.1 503") && !answer.contains("not open yet"))
    });
    assert!(answer.contains("start") && !answer.contains("hunter2"), "{answer}");
    assert!(get(&address, "/livez").unwrap().starts_with("HTTP/1.1 200"));
    assert!(child.try_wait().unwrap().is_none(), "it goes on waiting");
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_not_there_is_said() {
    let empty = tempfile::tempdir().unwrap();
    check(empty.path(), &["check"], 2, &["neither workflows/ nor config/", "help:", "--dir"]);
    check(empty.path(), &["run"], 2, &["there is no config/rapport.yaml", "rapport demo"]);
    check(empty.path(), &["--dir", "nowhere", "check"], 2, &["there is no folder nowhere"]);
    let project = project();
    check(project.path(), &["ingest", "nowhere.jsonl"], 2, &["nowhere.jsonl cannot be read"]);
    // Looking leaves nothing behind.
    for looking in [&["explain", "nobody"][..], &["dead-letters"], &["pause"], &["doctor"], &["report"]] {
        check(project.path(), looking, 1, &["nothing is applied yet", "rapport apply"]);
    }
    check(project.path(), &["plan"], 0, &["nothing is applied yet"]);
    assert!(!project.path().join("rapport.db").exists());
    check(project.path(), &["apply", "--since", "yesterday"], 2, &["`yesterday` is no date"]);
}

#[test]
fn pages_and_completions_are_printed() {
    let here = tempfile::tempdir().unwrap();
    check(here.path(), &["code", "R0201"], 0, &["# R0201", "Put right"]);
    check(here.path(), &["code", "R9999"], 2, &["there is no code `R9999`"]);
    for shell in ["bash", "zsh", "fish"] {
        check(here.path(), &["completions", shell], 0, &["rapport", "dead-letters"]);
    }
}

#[test]
fn files_go_in_once_and_what_is_refused_is_kept() {
    let project = project();
    let at = "2026-11-01T10:00:00Z";
    let good =
        format!(r#"{{"id":"a","kind":"login","program":"default","partner":"ada","occurred_at":"{at}","data":{{}}}}"#);
    // An event of the last year, whenever this test runs.
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT00:00:00Z"]).output().unwrap();
    let good = good.replace(at, String::from_utf8_lossy(&now.stdout).trim());
    std::fs::write(project.path().join("events.jsonl"), format!("{good}\nnot json\n")).unwrap();
    check(project.path(), &["apply", "--approved-by", "ines"], 0, &["applied", "welcome"]);
    check(project.path(), &["apply"], 0, &["in force already"]);
    let says = ["1 event taken in, 1 refused", "events.jsonl:2: bad_json", "rapport dead-letters"];
    check(project.path(), &["ingest", "events.jsonl"], 1, &says);
    check(project.path(), &["dead-letters"], 0, &["events.jsonl:2", "bad_json"]);
    // Its record lies ahead of every present a replay would bring.
    let ran_live = ["this store has run live", "of its own"];
    check(project.path(), &["ingest", "--clock", "replay", "events.jsonl"], 2, &ran_live);
    check(project.path(), &["explain", "nobody"], 1, &["there is no partner `nobody`"]);
    std::fs::write(project.path().join("broken.jsonl"), format!("{{}}\n{}\n", good.replace("\"ada\"", "[]"))).unwrap();
    let says = [
        "0 events taken in, 2 refused",
        "broken.jsonl:1: missing_field: `kind` is missing",
        "`partner`: a list where a text belongs",
    ];
    let told = check(project.path(), &["ingest", "broken.jsonl"], 2, &says);
    assert!(!told.contains("at line 1 column"), "{told}");
    std::fs::write(project.path().join("sales.csv"), "id,kind,partner\n1,login,ada\n").unwrap();
    check(
        project.path(),
        &["ingest", "sales.csv"],
        2,
        &["holds no events but a table", "customer_id,date,orders,spend"],
    );
    std::fs::write(project.path().join("all.json"), format!("[{good}]")).unwrap();
    check(project.path(), &["ingest", "all.json"], 2, &["is a JSON array", "jq -c '.[]'"]);
    check(project.path(), &["dead-letters", "replay"], 0, &["0 accepted now, 3 still refused"]);
    let told = check(project.path(), &["doctor"], 1, &["✗ dead letters", "bad_json 1", "✓ invariants"]);
    assert!(!told.contains("not json"), "{told}");
}

#[test]
fn a_second_run_says_who_holds_the_lock() {
    let project = project();
    let mut first = Command::new(env!("CARGO_BIN_EXE_rapport"))
        .current_dir(project.path())
        .args(["run", "engine", "relay", "mailer"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    {
        use std::io::BufRead as _;
        let mut lines = std::io::BufReader::new(first.stderr.as_mut().unwrap()).lines();
        // The log says when it runs; the process closes the pipe when it cannot.
        let said = lines.by_ref().map_while(Result::ok).any(|line| line.contains("running"));
        assert!(said, "the first run did not start");
    }
    check(project.path(), &["run", "engine"], 1, &[&format!("process {} already runs", first.id())]);
    Command::new("kill").args(["-TERM", &first.id().to_string()]).status().unwrap();
    assert!(first.wait().unwrap().success());
    check(project.path(), &["doctor"], 0, &["all well"]);
}

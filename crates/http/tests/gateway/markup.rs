//! Every page, and every shipped mail in every language it is written in, is right HTML: html-validate finds nothing.

use std::{collections::BTreeMap, path::Path, process::Command};

use rapport_message::{
    Locale, Mail, RenderError, Request, render,
    sample::{SAMPLES, surroundings},
};
use rapport_workflow::Sampled;
use serde_json::{Value, json};

use crate::browser::{named, pages};

/// Rules of `recommended` that a mail cannot keep. What clients of mail do not know leaves it broken; what has been superseded for
/// pages is the only thing that all of them know.
const NOT_OF_MAILS: [&str; 2] = [
    // Some clients remove a stylesheet, so that what every reader must see stands at the element.
    "no-inline-style",
    // Outlook lays a mail out by its tables and takes `width`, `align`, `bgcolor`, `cellpadding` and `cellspacing` of them, not of styles.
    "no-deprecated-attr",
];

/// A name that a stranger chose is not ours to shorten, and each of its signs is written as five.
const NOT_OF_STRANGERS: [&str; 3] = [NOT_OF_MAILS[0], NOT_OF_MAILS[1], "long-title"];

/// Shows that what is looked for would be found, in a mail too.
const BAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>x</title></head>\n\
    <body><p style=\"margin:0\" id=\"a\"><b>crossed</p></b><img src=\"a.png\" id=\"a\"><button>x</button></body>\n</html>\n";
const WRONG_WITH_IT: [&str; 4] = ["close-order", "no-dup-id", "no-implicit-button-type", "wcag/h37"];

/// What the validator goes by.
fn rules(switched_off: &[&str]) -> Value {
    let off = switched_off.iter().map(|rule| ((*rule).to_owned(), json!("off")));
    let ours = [
        // Browsers read either; this project writes it as it writes all other names.
        ("doctype-style".to_owned(), json!(["error", { "style": "lowercase" }])),
        // Several boxes of one name are how HTML says "any of these". The rule would have them named `topic[]`, which only PHP asks for.
        (
            "form-dup-name".to_owned(),
            json!(["error", { "shared": ["radio", "checkbox", "button", "reset", "submit"] }]),
        ),
    ];
    let rules: BTreeMap<String, Value> = ours.into_iter().chain(off).collect();
    json!({ "root": true, "extends": ["html-validate:recommended"], "rules": rules })
}

/// What is found, by the file's number; the rule first.
fn found(folder: &Path, texts: &[(String, String)], rules: &Value) -> BTreeMap<usize, Vec<String>> {
    let settings = folder.join("rules.json");
    std::fs::write(&settings, rules.to_string()).unwrap();
    let files = texts.iter().enumerate().map(|(number, (_, text))| {
        let file = folder.join(format!("{number}.html"));
        std::fs::write(&file, text).unwrap();
        file
    });
    let validator = named("RAPPORT_TEST_HTML_VALIDATE").join("node_modules/html-validate/bin/html-validate.mjs");
    // Into a file: it ends before all is written where a pipe is full.
    let told = folder.join("told.json");
    let output = Command::new("node")
        .arg(validator)
        .args(["--formatter", &format!("json={}", told.display()), "--config"])
        .arg(&settings)
        .args(files)
        .output()
        .expect("node runs: `cargo xtask test` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    let told = std::fs::read(told).unwrap_or_else(|error| panic!("{error}: {said}"));
    let told: Value = serde_json::from_slice(&told).unwrap_or_else(|error| panic!("{error}: {said}"));
    let of_file = |file: &Value| {
        let path = Path::new(file["filePath"].as_str().unwrap());
        let number: usize = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let messages = file["messages"].as_array().unwrap().iter();
        let line = |it: &Value| {
            let word = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
            format!("{}: {} ({}:{})", word("ruleId"), word("message"), it["line"], it["column"])
        };
        (number, messages.map(line).collect::<Vec<String>>())
    };
    told.as_array().unwrap().iter().map(of_file).collect()
}

/// The validator finds nothing in them, and finds what is wrong in one that is bad.
#[track_caller]
fn holds(mut texts: Vec<(String, String)>, rules: &Value) {
    texts.push(("bad".into(), BAD.into()));
    let folder = tempfile::tempdir().unwrap();
    let mut found = found(folder.path(), &texts, rules);
    let bad = found.remove(&(texts.len() - 1)).unwrap_or_default();
    for rule in WRONG_WITH_IT {
        assert!(bad.iter().any(|line| line.starts_with(&format!("{rule}: "))), "{rule}: {bad:?}");
    }
    let wrong: Vec<String> = found
        .iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(number, lines)| format!("{}:\n  {}", texts[*number].0, lines.join("\n  ")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every shipped mail, the digest too, as `rapport preview` makes it: in each language for which there is a file.
fn mails() -> Vec<(String, String)> {
    let looked = rapport_workflow::look(&rapport_shipped::sources());
    let (rulebook, vocabulary) = (looked.rulebook.expect("the shipped files are in order"), looked.vocabulary);
    let mut mails = Vec::new();
    let mut add = |sampled: Option<Result<Sampled, RenderError>>, place: &str, wished: &Locale| {
        let sampled = sampled.unwrap_or_else(|| panic!("there is no {place}"));
        let sampled = sampled.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(sampled.locale.language(), wished.language(), "{}", sampled.path);
        mails.push((format!("{place}, {wished}"), sampled.rendered.html));
    };
    let (english, german) = (Locale::english(), Locale::parse("de").unwrap());
    for (workflow, library) in &rulebook.libraries {
        for name in library.names() {
            let tagged = library.variants(name).filter_map(Mail::locale);
            // The file without a tag is in the programme's language.
            for wished in std::iter::once(&english).chain(tagged) {
                let sampled = rapport_workflow::sampled(&rulebook, &vocabulary, workflow, name, Some(wished));
                add(sampled, &format!("{workflow}/{name}"), wished);
            }
        }
    }
    for wished in [&english, &german] {
        add(rapport_workflow::sampled_digest(&rulebook, Some(wished)), "digest", wished);
    }
    assert!(mails.len() > 100, "{} mails", mails.len());
    mails
}

/// Every shipped mail to somebody of whom nothing is known, and to one whose name and goods are markup.
fn mails_to_strangers() -> Vec<(String, String)> {
    let (rulebook, _) = rapport_workflow::compile(&rapport_shipped::sources());
    let rulebook = rulebook.expect("the shipped files are in order");
    let around = surroundings();
    let mut mails = Vec::new();
    for sample in SAMPLES.iter().filter(|sample| ["no-name", "hostile"].contains(&sample.id)) {
        for mail in
            rulebook.libraries.values().flat_map(|library| library.names().flat_map(move |name| library.variants(name)))
        {
            let context = sample.context(mail, &|_| None);
            let locale = mail.locale().cloned().unwrap_or_else(Locale::english);
            let request = Request {
                context: &context,
                locale: &locale,
                person: &sample.person(),
                sender: &around.sender,
                program: &around.program,
                imprint: &around.imprint,
                topic: &around.topic,
                links: &around.links,
                reason: None,
            };
            let place = format!("{} for {}", mail.path(), sample.id);
            let rendered = render(mail, &rulebook.layout, &request);
            mails.push((place.clone(), rendered.unwrap_or_else(|error| panic!("{place}: {error}")).html));
        }
    }
    assert!(mails.len() > 200, "{} mails", mails.len());
    mails
}

#[tokio::test]
async fn html_validate_finds_nothing_wrong_with_a_page() {
    holds([pages("en").await, pages("de").await].concat(), &rules(&[]));
}

#[test]
fn html_validate_finds_nothing_wrong_with_a_shipped_mail_but_what_clients_need() {
    holds(mails(), &rules(&NOT_OF_MAILS));
}

#[test]
fn html_validate_finds_nothing_wrong_with_a_mail_whose_names_are_markup_or_missing() {
    holds(mails_to_strangers(), &rules(&NOT_OF_STRANGERS));
}

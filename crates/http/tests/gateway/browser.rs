//! Every page and every shipped mail in a real Chromium, 320 px wide, light and dark: axe finds nothing, and nothing is wider than the
//! window.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use rapport_message::Locale;
use serde_json::Value;

use crate::{
    certificates, goals, reviews,
    surveys::{self, TEXT},
    world::{PARTNER, anonymous, answer, goal, path, preferences, review, unsubscribe, why},
};

/// Shows one page after the other in a narrow frame, and writes down what each tells.
const WATCHER: &str = include_str!("browser.html");
/// What a page tells of itself, by the rules of axe that are asked.
const TELLS: &str = "<script src=\"axe.min.js\"></script>\n<script>axe.run(document, RULES).then(\
    found => parent.postMessage({ dark: matchMedia('(prefers-color-scheme: dark)').matches, \
    width: document.documentElement.scrollWidth, passes: found.passes.length, \
    violations: found.violations.map(it => it.id + ' at ' + it.nodes.map(node => node.html).join(' ')) }, '*'), \
    error => parent.postMessage({ error: String(error) }, '*'))</script>\n";
const ALL_RULES: &str = "{}";
/// Landmarks and one heading above all, which axe advises, are of pages: a mail is read inside somebody else's.
const RULES_OF_MAILS: &str = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }";
/// Shows that what is looked for would be found.
const BAD: &str =
    "<!doctype html><title>x</title><p style=\"width:500px;color:#bbb;background:#fff\">pale and wide</p>";
/// Pixels; what the widest page may have.
const WIDTH: u64 = 320;

pub fn named(variable: &str) -> PathBuf {
    let place = std::env::var_os(variable);
    place.unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`, which installs it")).into()
}

/// What the pages tell, in their order.
fn shown(folder: &Path, dark: bool) -> Vec<Value> {
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let output = Command::new(named("RAPPORT_TEST_CHROMIUM"))
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .args([&scheme, "--window-size=800,1000", "--virtual-time-budget=600000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", folder.join("watcher.html").display()))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    let told = page.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>"));
    let Some((told, _)) = told else {
        panic!("{}: {page}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    };
    serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// The pages of the gateway by name: what a link shows, and what a button answers.
pub async fn pages(language: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut add = |name: &str, page: crate::world::Answer| {
        assert!(page.body.starts_with("<!doctype html>"), "{name}: {page:?}");
        pages.push((format!("{name}, {language}"), page.body));
    };
    let world = surveys::world(language).await;
    let offered = [
        ("unsubscribe", unsubscribe("performance")),
        ("an answer", answer("holiday")),
        ("a score", surveys::claims(surveys::NPS, "9")),
        ("words", surveys::claims(TEXT, "written")),
        ("an anonymous answer", anonymous(PARTNER, "9")),
        ("why", why()),
        ("preferences", preferences()),
        ("no goal", goal("none")),
    ];
    for (name, claims) in &offered {
        add(name, world.get(&path(claims)).await);
    }
    add("unsubscribed", world.form(&path(&unsubscribe("performance")), "List-Unsubscribe=One-Click").await);
    add("preferences kept", world.form(&path(&preferences()), "shown=news&topic=news").await);
    add("a pace chosen", world.form(&path(&preferences()), "pace=weekly").await);
    add("a time of rest", world.form(&path(&preferences()), "pause=begin").await);
    add("a time of rest ended", world.form(&path(&preferences()), "pause=end").await);
    add("answered", world.form(&path(&answer("holiday")), "answer=holiday&comment=back+soon").await);
    add("answered without a name", world.form(&path(&anonymous(PARTNER, "9")), "answer=9&comment=so").await);
    add("forged", world.get(&format!("{}x", path(&why()))).await);
    add("nowhere", world.get("/u/x").await);
    let other = if language == "de" { "en" } else { "de" };
    add("another language chosen", world.form(&path(&preferences()), &format!("language={other}")).await);
    world.form(&path(&preferences()), &format!("language={language}")).await;
    world.state(&reviews::busy(7).0).await;
    add("a review", world.get(&path(&review("2026-Q3"))).await);
    world.stop().await;
    let world = goals::world(language, &[]).await;
    add("a goal", world.get(&path(&goal("p1"))).await);
    add("a goal that is answered in no way", world.form(&path(&goal("p1")), "answer=counter").await);
    add("a goal agreed on", world.form(&path(&goal("p1")), "answer=accept").await);
    world.stop().await;
    let world = certificates::world(language).await;
    add("a certificate", world.get(&path(&certificates::certificate("a1"))).await);
    world.stop().await;
    pages
}

/// Every shipped mail as a sample partner gets it, in English and German by turns.
fn mails() -> Vec<(String, String)> {
    let looked = rapport_workflow::look(&rapport_shipped::sources());
    let (rulebook, vocabulary) = (looked.rulebook.expect("the shipped files are in order"), looked.vocabulary);
    let names =
        rulebook.libraries.iter().flat_map(|(workflow, library)| library.names().map(move |name| (workflow, name)));
    let mut mails = Vec::new();
    for ((workflow, name), language) in names.zip(["en", "de"].into_iter().cycle()) {
        let place = format!("{workflow}/{name}, {language}");
        let wished = Locale::parse(language);
        let sampled = rapport_workflow::sampled(&rulebook, &vocabulary, workflow, name, wished.as_ref());
        let sampled = sampled.unwrap_or_else(|| panic!("there is no {place}"));
        mails.push((place.clone(), sampled.unwrap_or_else(|error| panic!("{place}: {error}")).rendered.html));
    }
    assert!(mails.len() > 50, "{} mails", mails.len());
    mails
}

#[tokio::test]
async fn every_page_fits_a_narrow_window_and_axe_finds_nothing() {
    holds([pages("en").await, pages("de").await].concat(), ALL_RULES);
}

#[test]
fn every_shipped_mail_fits_a_narrow_window_and_axe_finds_nothing() {
    holds(mails(), RULES_OF_MAILS);
}

/// Shows them and one that is bad, light and dark.
#[track_caller]
fn holds(mut pages: Vec<(String, String)>, rules: &str) {
    let folder = tempfile::tempdir().unwrap();
    let tells = TELLS.replace("RULES", rules);
    pages.push(("bad".into(), BAD.into()));
    for (number, (name, page)) in pages.iter().enumerate() {
        assert!(!page.contains("<script"), "{name} works without");
        std::fs::write(folder.path().join(format!("{number}.html")), format!("{page}{tells}")).unwrap();
    }
    std::fs::copy(named("RAPPORT_TEST_AXE"), folder.path().join("axe.min.js")).unwrap();
    let watcher = WATCHER.replace("PAGES", &pages.len().to_string()).replace("WIDTH", &WIDTH.to_string());
    std::fs::write(folder.path().join("watcher.html"), watcher).unwrap();
    for dark in [false, true] {
        let told = shown(folder.path(), dark);
        assert_eq!(told.len(), pages.len());
        let (bad, good) = told.split_last().unwrap();
        assert!(
            bad["width"].as_u64() > Some(WIDTH) && bad["violations"].to_string().contains("color-contrast"),
            "{bad}"
        );
        let wrong: Vec<String> = good
            .iter()
            .zip(&pages)
            .filter(|(told, _)| {
                told["dark"] != dark
                    || told["width"] != WIDTH
                    || told["violations"] != serde_json::json!([])
                    || told["passes"].as_u64() < Some(10)
            })
            .map(|(told, (name, _))| format!("{name}: {told}"))
            .collect();
        assert!(wrong.is_empty(), "dark: {dark}\n{}", wrong.join("\n"));
    }
}

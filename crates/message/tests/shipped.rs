//! The mails that are shipped: each in every language for twelve unlike partners, and by the rules of good copy.

#![allow(clippy::disallowed_methods)] // the files shipped are read from the repository

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rapport_message::sample::{SAMPLES, surroundings};
use rapport_message::{Layout, Library, Locale, Mail, Partials, Rendered, Request, render};
use rapport_rule::{Findings, Source, Sources};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> Source {
    Source::new(path, fs::read_to_string(root().join(path)).unwrap())
}

fn folders() -> Vec<(String, Vec<Source>)> {
    let mut folders: Vec<(String, Vec<Source>)> = fs::read_dir(root().join("workflows"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|folder| {
            let mut files: Vec<String> = fs::read_dir(root().join("workflows").join(&folder))
                .unwrap()
                .map(|entry| format!("workflows/{folder}/{}", entry.unwrap().file_name().into_string().unwrap()))
                .filter(|path| path.ends_with(".mail.md"))
                .collect();
            files.sort();
            (folder, files.iter().map(|path| read(path)).collect())
        })
        .collect();
    folders.sort_by(|a, b| a.0.cmp(&b.0));
    folders
}

fn sound(findings: &Findings) {
    let said: Vec<String> =
        findings.iter().map(|f| format!("{} {} {:?} {}", f.code, f.path, f.span, f.message)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

fn layout() -> Layout {
    let mut findings = Findings::new();
    let layout = Layout::parse(
        &read("config/layout.mail.html"),
        &read("config/layout.mail.txt"),
        &Locale::english(),
        &mut findings,
    );
    sound(&findings);
    layout.unwrap()
}

/// Every mail with its folder.
fn mails() -> Vec<(String, Mail)> {
    let mut all = Vec::new();
    for (folder, sources) in folders() {
        let mut findings = Findings::new();
        let library = Library::parse(&sources, &Locale::english(), &Partials::none(&Locale::english()), &mut findings);
        sound(&findings);
        for name in library.names() {
            let variants: Vec<&Mail> = library.variants(name).collect();
            assert_eq!(variants.len(), 2, "{folder}/{name} is written in English and German");
            all.extend(variants.into_iter().map(|mail| (folder.clone(), mail.clone())));
        }
    }
    assert!(all.len() >= 24);
    all
}

fn show(mail: &Mail, layout: &Layout, sample: usize) -> Rendered {
    let (sample, s) = (&SAMPLES[sample], surroundings());
    let context = sample.context(mail, &|_| None);
    let locale = mail.locale().cloned().unwrap_or_else(Locale::english);
    let request = Request {
        context: &context,
        locale: &locale,
        person: &sample.person(),
        sender: &s.sender,
        program: &s.program,
        imprint: &s.imprint,
        topic: &s.topic,
        links: &s.links,
        reason: None,
    };
    render(mail, layout, &request).unwrap_or_else(|error| panic!("{} for {}: {error}", mail.path(), sample.id))
}

#[test]
fn every_mail_renders_for_every_partner() {
    let layout = layout();
    for (_, mail) in mails() {
        for (at, sample) in SAMPLES.iter().enumerate() {
            let rendered = show(&mail, &layout, at);
            let place = format!("{} for {}", mail.path(), sample.id);
            assert!(rendered.html.len() < 102_000, "{place}");
            for bad in ["undefined", "[object", "null", "{{", "&amp;amp;", "\u{E000}"] {
                assert!(
                    !rendered.html.contains(bad) && !rendered.text.contains(bad) && !rendered.subject.contains(bad),
                    "{place}: {bad}"
                );
            }
            for bad in [" ,", " .", "  ", "Hi ,", "Hallo ,"] {
                assert!(!rendered.subject.contains(bad), "{place}: {}", rendered.subject);
                assert!(
                    sample.text.contains(bad) || !rendered.text.replace("\n  ", "\n").contains(bad),
                    "{place}: {bad:?} in\n{}",
                    rendered.text
                );
            }
            for (before, _) in rendered
                .html
                .match_indices("href=\"")
                .map(|(at, m)| rendered.html.split_at(at + m.len()))
                .map(|(_, rest)| rest.split_once('"').unwrap())
            {
                let url = before.replace("&amp;", "&");
                assert!(
                    rendered.text.contains(url.strip_prefix("mailto:").unwrap_or(&url)),
                    "{place}: {url} is not in the text"
                );
            }
            assert!(rendered.html.contains("Storgata 12") && rendered.text.contains("Storgata 12"), "{place}");
        }
    }
}

/// The words of a mail's own body for the usual partner.
fn body(mail: &Mail, layout: &Layout) -> String {
    show(mail, layout, 0).text.split("\n\nInes Dahl\n").next().unwrap().to_owned()
}

#[test]
fn every_mail_is_short_and_asks_one_thing() {
    let layout = layout();
    for (_, mail) in mails() {
        let body = body(&mail, &layout);
        let words = body.split_whitespace().filter(|word| !word.contains("://")).count();
        assert!(words <= 150, "{} has {words} words", mail.path());
        let questions = body.matches('?').count() - body.matches("?a=").count();
        let links = body.matches("https://").count();
        let mut items = body.split("\n- ").skip(1).filter_map(|item| item.split("\n\n").next());
        // A survey's choices are one question, a list of products one thing to look at; a list without links asks for nothing.
        let is_choice = items.any(|item| item.contains("https://"));
        let asks = questions + if is_choice { 0 } else { links };
        assert_eq!(asks, 1, "{}: {questions} questions, {links} links\n{body}", mail.path());
        assert!(show(&mail, &layout, 0).subject.chars().count() <= 60, "{}", mail.path());
    }
}

#[test]
fn every_mail_holds_a_fact_about_its_partner() {
    for (folder, mail) in mails() {
        assert!(
            !mail.planned().iter().all(|path| path.starts_with("survey")),
            "{folder}: {} could go to anybody",
            mail.path()
        );
    }
}

#[test]
fn no_two_mails_share_a_paragraph() {
    let layout = layout();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (_, mail) in mails() {
        for paragraph in body(&mail, &layout).split("\n\n").map(|p| p.replace('\n', " ")) {
            // Greetings, and the survey's own words.
            if paragraph.split(' ').count() <= 3 || paragraph.starts_with("- ") {
                continue;
            }
            if let Some(other) = seen.insert(paragraph.clone(), mail.path().to_owned()) {
                panic!("{} and {other} share: {paragraph}", mail.path());
            }
        }
    }
}

/// What stands in a file between its conditions and empty lines: what each partner may read, whatever branch theirs is.
fn passages(text: &str) -> Vec<String> {
    let body = text.splitn(3, "---").last().unwrap_or_default();
    let (mut passages, mut rest) = (vec![String::new()], body);
    while let Some((before, tagged)) = rest.split_once("{{") {
        let (tag, after) = tagged.split_once("}}").unwrap_or((tagged, ""));
        let last = passages.last_mut().unwrap();
        last.push_str(before);
        if tag.starts_with(['#', '/']) || tag.starts_with("else") {
            passages.push(String::new());
        } else {
            last.push_str(&format!("{{{{{tag}}}}}"));
        }
        rest = after;
    }
    passages.last_mut().unwrap().push_str(rest);
    let paragraphs = passages.iter().flat_map(|passage| passage.split("\n\n"));
    let plain = paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    plain.filter(|text| text.split(' ').count() >= 6).collect()
}

#[test]
fn no_two_mails_share_what_only_some_partners_read() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (_, sources) in folders() {
        for source in sources {
            for passage in passages(&source.text) {
                if let Some(other) = seen.insert(passage.clone(), source.path.clone()) {
                    assert_eq!(other, source.path.clone(), "they share: {passage}");
                }
            }
        }
    }
    assert!(seen.len() > 300, "{} passages", seen.len());
}

#[test]
fn the_incentive_states_its_conditions() {
    for (_, mail) in mails().into_iter().filter(|(_, mail)| ["incentive", "bonus"].contains(&mail.name())) {
        let mut findings = Findings::new();
        mail.check_offer(&mut findings);
        sound(&findings);
    }
}

#[test]
fn the_layouts_lack_nothing_the_law_asks_for() {
    let html = read("config/layout.mail.html");
    let text = read("config/layout.mail.txt");
    let without = |word: &str| {
        let mut findings = Findings::new();
        let html = Source::new(html.path.clone(), html.text.replace(word, "program.url"));
        assert!(Layout::parse(&html, &text, &Locale::english(), &mut findings).is_none());
        let sources: Sources = [html].into_iter().collect();
        findings.iter().map(|f| rapport_rule::finding::render::human(f, &sources)).collect::<String>()
    };
    assert!(without("unsubscribe_link").contains("R0502"));
    assert!(without("why_link").contains("R0452"));
    let mut findings = Findings::new();
    assert!(Layout::parse(&html, &text, &Locale::parse("fr").unwrap(), &mut findings).is_none());
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["R0450"]);
}

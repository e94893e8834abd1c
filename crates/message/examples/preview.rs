//! Writes every shipped mail for every sample partner as HTML and text into a folder, to be looked at:
//! `cargo run -p rapport-message --example preview -- FOLDER`.

#![allow(clippy::disallowed_methods)] // reads mails and writes previews; nothing here is part of the core

use std::error::Error;
use std::fs;
use std::path::Path;

use rapport_message::sample::{SAMPLES, surroundings};
use rapport_message::{Layout, Library, Locale, Partials, Request, layout, render};
use rapport_rule::{Findings, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder to write to")?;
    let out = Path::new(&folder);
    fs::create_dir_all(out)?;
    let read = |path: &str| fs::read_to_string(path).map(|text| Source::new(path, text));
    let mut findings = Findings::new();
    let frame = Layout::parse(&read(layout::HTML_PATH)?, &read(layout::TEXT_PATH)?, &Locale::english(), &mut findings);
    let frame = frame.ok_or("the layout has errors: run it in the programme's folder")?;
    for entry in fs::read_dir("workflows")? {
        let workflow = entry?.path();
        if !workflow.is_dir() {
            continue;
        }
        let mut sources = Vec::new();
        for file in fs::read_dir(&workflow)? {
            let path = file?.path();
            if let Some(path) = path.to_str().filter(|path| path.ends_with(".mail.md")) {
                sources.push(read(path)?);
            }
        }
        let library = Library::parse(&sources, &Locale::english(), &Partials::none(&Locale::english()), &mut findings);
        let workflow = workflow.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        for mail in library.names().flat_map(|name| library.variants(name)) {
            for sample in &SAMPLES {
                let (s, locale) = (surroundings(), mail.locale().cloned().unwrap_or_else(Locale::english));
                let request = Request {
                    context: &sample.context(mail, &|_| None),
                    locale: &locale,
                    person: &sample.person(),
                    sender: &s.sender,
                    program: &s.program,
                    imprint: &s.imprint,
                    topic: &s.topic,
                    links: &s.links,
                    reason: None,
                };
                let rendered = render(mail, &frame, &request)?;
                let stem = format!("{workflow}.{}.{locale}.{}", mail.name(), sample.id);
                fs::write(out.join(format!("{stem}.html")), &rendered.html)?;
                fs::write(out.join(format!("{stem}.txt")), format!("{}\n\n{}", rendered.subject, rendered.text))?;
            }
        }
    }
    for finding in findings.iter() {
        eprintln!("{} {}: {}", finding.code, finding.path, finding.message);
    }
    Ok(())
}

//! Everything that is fed: one list.

mod events;
mod feeds;
mod files;
mod mails;
mod relays;
mod words;

use std::path::Path;

/// A parser with what it usually reads.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it reads, and from whom.
    pub about: &'static str,
    /// Valid inputs, and known invalid ones.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Feeds it: `ok …` when it was understood, else the reasons; the same input has the same answer. It panics when something that must
    /// hold does not.
    pub feed: fn(&[u8]) -> String,
    /// How many inputs a test feeds: fewer where each takes long.
    pub tries: usize,
}

/// All targets.
pub static ALL: [Target; 12] = [
    Target {
        name: "event",
        about: "events of trackers: Kafka, HTTP, files",
        seeds: events::events,
        feed: events::event,
        tries: 3_000,
    },
    Target {
        name: "record",
        about: "records of rapport.events",
        seeds: events::records,
        feed: events::record,
        tries: 2_000,
    },
    Target {
        name: "headers",
        about: "CloudEvents in binary mode, positions and stamps",
        seeds: events::with_headers,
        feed: events::headers,
        tries: 2_000,
    },
    Target {
        name: "mail",
        about: "mail that comes in: bounces, complaints, replies",
        seeds: mails::mails,
        feed: mails::mail,
        tries: 2_000,
    },
    Target { name: "webhook", about: "calls of mail providers", seeds: mails::calls, feed: mails::call, tries: 2_000 },
    Target {
        name: "yaml",
        about: "YAML as such, and values in it",
        seeds: files::yamls,
        feed: files::yaml,
        tries: 400,
    },
    Target {
        name: "expression",
        about: "conditions and texts with names in them",
        seeds: files::expressions,
        feed: files::expression,
        tries: 2_000,
    },
    Target {
        name: "mail_file",
        about: "mails in Markdown and MJML",
        seeds: files::mail_files,
        feed: files::mail_file,
        tries: 300,
    },
    Target {
        name: "project",
        about: "workflows, their tests, and configuration, as a whole",
        seeds: files::projects,
        feed: files::project,
        tries: 60,
    },
    Target {
        name: "words",
        about: "lengths, amounts, schedules, rates, names of figures, addresses of relays and hooks, signed links",
        seeds: words::seeds,
        feed: words::words,
        tries: 3_000,
    },
    Target {
        name: "feed",
        about: "products that shops publish, as CSV and JSON",
        seeds: feeds::seeds,
        feed: feeds::feed,
        tries: 2_000,
    },
    Target {
        name: "relay",
        about: "what mail servers answer: refusals, and the words of who accepted",
        seeds: relays::seeds,
        feed: relays::reply,
        tries: 3_000,
    },
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

/// The files of a folder of the repository, in order of their names, as far as they are wanted; also of those within it.
fn files_in(folder: &str, wanted: fn(&str) -> bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    read(&rapport_shipped::root().join(folder), wanted, &mut found);
    assert!(!found.is_empty(), "{folder} has none of the files");
    found
}

fn read(folder: &Path, wanted: fn(&str) -> bool, found: &mut Vec<Vec<u8>>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file of the repository").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(&path, wanted, found);
        } else if wanted(&path.to_string_lossy()) {
            found.push(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
}

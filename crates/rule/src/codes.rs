//! The page of every code a finding can have: what it means, an example, the example put right.
//!
//! One file per hundred, two for the fifth. A crate that adds a code adds its page here; tests see to it that pages are complete, in order and
//! true to `docs/codes/`, that the example gives the finding where it stands, and that put right it does not.

pub mod place;

mod r00_yaml;
mod r01_keys;
mod r02_expressions;
mod r03_literals;
mod r04_mails;
mod r050_references;
mod r05_references;
mod r06_tests;

pub use place::Place;

/// The page of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePage {
    /// `R0201`.
    pub code: &'static str,
    /// What is wrong, in a few words, lower case.
    pub title: &'static str,
    /// What it means and why it matters: one paragraph.
    pub meaning: &'static str,
    /// Where example and example put right stand.
    pub place: Place,
    /// What somebody wrote.
    pub example: &'static str,
    /// The same, put right.
    pub put_right: &'static str,
}

/// All pages, file by file.
pub const CODES: &[&[CodePage]] = &[
    r00_yaml::PAGES,
    r01_keys::PAGES,
    r02_expressions::PAGES,
    r03_literals::PAGES,
    r04_mails::PAGES,
    r050_references::PAGES,
    r05_references::PAGES,
    r06_tests::PAGES,
];

/// All pages in the order of their codes.
pub fn pages() -> impl Iterator<Item = &'static CodePage> {
    CODES.iter().copied().flatten()
}

/// The page of a code (`R0201`), in any case.
pub fn page(code: &str) -> Option<&'static CodePage> {
    pages().find(|page| page.code.eq_ignore_ascii_case(code))
}

impl CodePage {
    /// The page as Markdown, as it stands in `docs/codes/`.
    pub fn markdown(&self) -> String {
        let CodePage { code, title, meaning, place, example, put_right } = self;
        let (at, language) = (place.told(), place.language());
        format!(
            "# {code}: {title}\n\n{meaning}\n\nWritten{at}:\n\n```{language}\n{example}\n```\n\nPut right:\n\n\
             ```{language}\n{put_right}\n```\n"
        )
    }
}

/// The list of all codes as Markdown, as it stands in `docs/codes/README.md`.
pub fn index_markdown() -> String {
    let mut text = String::from(
        "# Codes of findings\n\nWritten from the tables in `crates/rule/src/codes/` by \
         `cargo run -p rapport-rule --example code_pages`.\n\n| code | what is wrong |\n|---|---|\n",
    );
    for CodePage { code, title, .. } in pages() {
        text.push_str(&format!("| [{code}]({code}.md) | {} |\n", title.replace('|', "\\|")));
    }
    text
}

//! Every code has a page, complete and in order, and `docs/codes/` says what the pages say. That examples are true is held by
//! `crates/workflow/tests/code_examples.rs` and `crates/cli/tests/machine_codes.rs`, which read whole projects.

#![allow(clippy::disallowed_methods, reason = "compares with the files in docs/")]

use std::path::Path;

use rapport_rule::codes::{self, CodePage, Place};

#[test]
fn pages_are_complete_and_in_order() {
    let codes: Vec<&str> = codes::pages().map(|page| page.code).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    for page in codes::pages() {
        let CodePage { code, title, meaning, place, example, put_right } = page;
        assert!(code.len() == 5 && code.starts_with('R'), "{code}");
        assert!(!title.ends_with('.') && meaning.ends_with('.'), "{code}: a title has no full stop, a paragraph has");
        assert!(!example.is_empty() && !put_right.is_empty() && example != put_right, "{code}");
        if let Place::In(files) = place {
            let marks: usize = files.iter().map(|(_, lines)| lines.matches('…').count()).sum();
            assert_eq!(marks, 1, "{code}: the example stands at one place");
        }
    }
    assert_eq!(codes::page("r0201").map(|page| page.code), Some("R0201"));
}

#[test]
fn the_documentation_is_what_the_tables_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/codes");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let remedy = "run `cargo run -p rapport-rule --example code_pages`";
    assert_eq!(read("README.md"), codes::index_markdown(), "{remedy}");
    for page in codes::pages() {
        assert_eq!(read(&format!("{}.md", page.code)), page.markdown(), "{remedy}");
    }
}

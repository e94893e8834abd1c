//! Workflows as pictures.

use rapport_shipped::sources;
use rapport_workflow::compile;
use rapport_workflow::graph::{Inside, dot, mermaid, svg};

const LONG: &str = "{{partner.name}} has had no click in two weeks";

#[test]
fn how_many_are_at_a_step_shows_however_long_its_words_are() {
    let rulebook = compile(&sources()).0.unwrap();
    let welcome = rulebook.workflow("welcome").unwrap();
    let inside: Inside = [(format!("task {LONG}"), 1_234_567)].into();
    let drawn = svg(welcome, &inside);
    let shown = ">☐ {{partner.name}} has had… · 1234567 here</text>";
    assert!(drawn.contains(shown), "{drawn}");
    let whole = format!("☐ {LONG} · 1234567 here");
    assert!(drawn.contains(&format!("<title>{whole}</title>")), "{drawn}");
    assert!(mermaid(welcome, &inside).contains(&whole) && dot(welcome, &inside).contains(&whole));
    // Where nobody is the words have all the room.
    let empty = svg(welcome, &Inside::new());
    assert!(empty.contains(">☐ {{partner.name}} has had no click in tw…</text>"), "{empty}");
}

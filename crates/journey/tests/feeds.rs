//! Which items of a feed a mail is planned with, by the day it is planned on.

mod play;

use play::Stage;
use rapport_rule::Source;
use serde_json::{Value as Json, json};

const WORKFLOW: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\n\
                        when: login\nonce: per event\n\
                        steps: [{ email: { mail: hello, with: { products: { feed: shop, limit: 5 } } } }]\n";
const MAIL: &str = "---\nsubject: Hello\n---\n{{#if products}}\n{{#each products}}\n- [{{name}}]({{url}})\n{{/each}}\n{{else}}\nNothing new just now.\n{{/if}}\n";
const FEEDS: &str = "feeds:\n  new-this-month:\n    file: feeds/new-this-month.json\n    \
                     fields: { id: text, title: text, url: url, price: money, commission_percent: percent, until: date }\n  \
                     shop:\n    from: https://shop.example/products.csv\n    \
                     columns: { id: sku, name: title, url: link, valid_until: ends }\n    fresh_for: 7 days\n";

#[test]
fn expired_items_are_not_shown_and_none_of_a_feed_that_nobody_renewed() {
    let mut sources = play::files();
    sources.add(Source::new("config/feeds.yaml", FEEDS));
    let items = json!([
        { "id": "a", "name": "Lamp", "url": "https://shop.example/a", "valid_until": "2026-02-04" },
        { "id": "b", "name": "Mug", "url": "https://shop.example/b" },
    ]);
    let file = json!({ "pulled_at": "2026-02-02T06:00:00Z", "items": items });
    sources.add(Source::new("config/feeds/shop.json", file.to_string()));
    sources.add(Source::new("workflows/tried/workflow.yaml", WORKFLOW));
    sources.add(Source::new("workflows/tried/hello.mail.md", MAIL));
    let mut stage = Stage::new(play::rulebook(&sources), &["tried"]);
    stage.event(1, "08:00", json!({ "kind": "partner.approved" }));
    // Day 1 is the second of February.
    for day in [3, 4, 8, 9] {
        stage.event(day, "10:00", json!({ "kind": "login" }));
    }
    let shown = |plan: &rapport_journey::PlannedMessage| -> Vec<Json> {
        plan.context["products"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    let shown: Vec<Vec<Json>> = stage.plans.iter().map(shown).collect();
    let [a, b] = [json!("a"), json!("b")];
    assert_eq!(shown, [vec![a, b.clone()], vec![b], vec![], vec![]]);
}

//! Which resource a mail is planned with, and to whom an offer is not given.

mod play;

use play::Stage;
use rapport_rule::{Source, Sources};
use serde_json::{Value as Json, json};

const HEAD: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\nwhen: login\nonce: per event\n";

/// What a mail that asks for all kinds of resource is planned with on a login of the fortieth day.
fn planned(mut sources: Sources, partner: &Json, told: &[Json]) -> Json {
    sources.add(Source::new("workflows/tried/workflow.yaml", format!("{HEAD}steps: [{{ email: hello }}]\n")));
    let block = |options: &str| format!("{{{{#next_resource{options}}}}}{{{{title}}}}{{{{/next_resource}}}}\n\n");
    let body: String =
        ["", " type=\"training\"", " type=\"training\" level=\"basic\"", " type=\"material\""].map(block).concat();
    let mail = format!("---\nsubject: Hello\n---\nGood morning.\n\n{body}");
    sources.add(Source::new("workflows/tried/hello.mail.md", mail));
    let mut stage = Stage::new(play::rulebook(&sources), &["tried"]);
    let mut approved = json!({ "kind": "partner.approved" });
    for (name, value) in partner.as_object().unwrap() {
        approved[name] = value.clone();
    }
    stage.event(1, "08:00", approved);
    for (at, event) in told.iter().enumerate() {
        stage.event(2 + at as i64, "09:00", event.clone());
    }
    stage.event(40, "10:00", json!({ "kind": "login" }));
    stage.plans[0].context.clone()
}

/// The titles, by slot; `-` where there is nothing to show.
fn shown(partner: Json, told: &[Json]) -> Vec<String> {
    let context = planned(play::files(), &partner, told);
    let title = |slot: &str| match &context["next_resource"][slot]["title"] {
        Json::String(title) => title.clone(),
        _ => "-".to_owned(),
    };
    ["any", "training", "training_basic", "material"].map(title).to_vec()
}

fn completed(training: &str) -> Json {
    json!({ "kind": "training.completed", "training": training })
}

fn used(resource: &str) -> Json {
    json!({ "kind": "resource.used", "resource": resource })
}

fn sold() -> Json {
    json!({ "kind": "conversion", "conversion_id": "c1", "status": "pending", "amount": 4000, "commission": 400, "currency": "EUR" })
}

#[test]
fn the_first_in_the_order_of_the_file_that_a_partner_may_have_and_has_not_had() {
    let content = json!({ "type": "content" });
    let links = "Links that readers follow";
    assert_eq!(shown(content.clone(), &[]), [links, links, links, "Pictures for the season"]);
    // Those for another type are for nobody whose type is not known either.
    for partner in [json!({ "type": "app" }), json!({})] {
        let first = "First steps";
        assert_eq!(shown(partner, &[]), [first, first, first, "Pictures for the season"]);
    }
    let first = "First steps";
    assert_eq!(
        shown(content, &[completed("links-in-articles"), used("season-pictures")]),
        [first, first, first, "The size guide"]
    );
}

#[test]
fn what_is_for_a_segment_and_what_comes_after_something_wait_for_it() {
    let app = || json!({ "type": "app" });
    let sale = "The first sale";
    assert_eq!(shown(app(), &[completed("first-steps")]), [sale, sale, sale, "Pictures for the season"]);
    // Who has sold something is no longer meant.
    let figures = "Reading your own figures";
    assert_eq!(shown(app(), &[completed("first-steps"), sold()]), [figures, figures, "-", "Pictures for the season"]);
    let all =
        [completed("first-steps"), sold(), completed("reading-figures"), used("season-pictures"), used("size-guide")];
    assert_eq!(shown(app(), &all), ["The link builder", "-", "-", "-"]);
    let everything: Vec<Json> = all.into_iter().chain([used("link-builder")]).collect();
    assert_eq!(shown(app(), &everything), ["-", "-", "-", "-"]);
}

#[test]
fn titles_are_in_the_readers_language_and_what_is_in_none_of_theirs_is_left_out() {
    let german = json!({ "language": "de-AT" });
    assert_eq!(shown(german, &[]), ["Erste Schritte", "Erste Schritte", "Erste Schritte", "Bilder für die Saison"]);
    // The programme's language is at the end of everybody's.
    let french = json!({ "language": "fr" });
    assert_eq!(shown(french, &[])[0], "First steps");
}

#[test]
fn an_address_is_that_of_the_file_to_the_last_letter() {
    let mut sources = play::files();
    let course = "course: { type: training, title: Course, about: One hour., url: https://acme.example/course/ }\n";
    sources.add(Source::new("config/resources.yaml", course));
    let context = planned(sources, &json!({}), &[]);
    assert_eq!(context["next_resource"]["training"]["url"], "https://acme.example/course/");
}

#[test]
fn an_offer_for_a_segment_is_refused_to_others_before_anybody_is_asked() {
    let text = format!("{HEAD}steps: [{{ grant: first-sale-bonus }}, {{ task: {{ to: ines, text: Done }} }}]\n");
    let mut stage = Stage::of(&text, &[]);
    stage.event(1, "08:00", json!({ "kind": "partner.approved" }));
    stage.event(5, "10:00", json!({ "kind": "login" }));
    stage.event(40, "10:00", json!({ "kind": "login" }));
    stage.expect(&[
        "5 10:00: begin tried",
        "5 10:00: task tried: Done",
        "5 10:00: exit tried: completed",
        "40 10:00: begin tried",
        "40 10:00: reserve first-sale-bonus",
        "40 10:00: task tried: Done",
        "40 10:00: exit tried: completed",
    ]);
    let refused = |line: &&rapport_journey::TraceLine| line.code == "offer_refused";
    let lines: Vec<&str> = stage.journeys[0].history.iter().filter(refused).map(|line| line.detail.as_str()).collect();
    assert_eq!(lines, ["not_entitled"]);
    assert!(!stage.journeys[1].history.iter().any(|line| line.code == "offer_refused"));
}

#[test]
fn a_mail_with_an_offer_that_is_for_others_does_not_go_out() {
    let mut sources = play::files();
    let steps = "steps:\n  - email: { mail: hello, offer: first-sale-bonus, if_not_sent: [{ task: { to: ines, text: Call } }] }\n";
    sources.add(Source::new("workflows/tried/workflow.yaml", format!("{HEAD}{steps}")));
    let mail = "---\nsubject: Hello\n---\n{{money offer.value}} for {{offer.condition}}, until {{date offer.ends_on}}. [Terms]({{offer.terms}})\n";
    sources.add(Source::new("workflows/tried/hello.mail.md", mail));
    let mut stage = Stage::new(play::rulebook(&sources), &["tried"]);
    stage.event(1, "08:00", json!({ "kind": "partner.approved" }));
    stage.event(5, "10:00", json!({ "kind": "login" }));
    stage.expect(&["5 10:00: begin tried", "5 10:00: task tried: Call", "5 10:00: exit tried: completed"]);
    assert!(stage.plans.is_empty());
}

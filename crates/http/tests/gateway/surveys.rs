use rapport_engine::ports::store::Store;
use rapport_event::{ActivityData, Event, Kind, Payload, ProgramId, activity::SurveyData};
use rapport_message::link::{Claims, Keys};

use crate::world::{PARTNER, World, anonymous, now, path, why};

pub const NPS: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
pub const TEXT: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

pub fn claims(message: &str, choice: &str) -> Claims {
    Claims::Answer {
        program: "default".into(),
        partner: PARTNER.into(),
        message: message.into(),
        choice: choice.into(),
    }
}

fn link(message: &str, choice: &str) -> String {
    path(&claims(message, choice))
}

/// A partner who was also sent a mail with a score and one with a question for words.
pub async fn world(language: &str) -> World {
    let world = World::new(language).await;
    world.survey(NPS, "nps").await;
    world.survey(TEXT, "testimonial").await;
    world
}

fn data(event: &Event) -> &SurveyData {
    assert_eq!(event.kind, Kind::SurveyAnswered);
    let Payload::Activity(ActivityData::Survey(data)) = &event.payload else { panic!("{event:?}") };
    data
}

/// What is told of the anonymous survey: answers with how often each was given.
async fn told(world: &World) -> Vec<(String, i64)> {
    let tallies = world.store.anonymous_tallies(&ProgramId::new("default").unwrap()).await.unwrap();
    tallies.into_iter().map(|tally| (tally.answer, tally.answers)).collect()
}

#[tokio::test]
async fn a_score_can_be_chosen_anew_and_its_reason_given_on_the_page() {
    let world = world("en").await;
    let page = world.get(&link(NPS, "7")).await;
    assert!(page.status == 200 && page.body.contains("How likely are you to recommend"), "{page:?}");
    assert_eq!(page.body.matches("type=\"radio\"").count(), 11);
    assert!(page.body.contains("name=\"answer\" value=\"7\" required checked><span>7</span>"), "{}", page.body);
    assert!(page.body.contains("0 – not at all") && page.body.contains("10 – without hesitation"), "{}", page.body);
    assert!(
        page.body.contains("What is the main reason?") && page.body.contains("maxlength=\"2000\""),
        "{}",
        page.body
    );
    let page = world.form(&link(NPS, "7"), "answer=9&comment=You+pay%0D%0Aon+time%00+%3Cb%3E").await;
    assert!(page.status == 200 && page.body.contains("You pay\non time &lt;b&gt;"), "{page:?}");
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let data = data(record);
    assert_eq!((&*data.survey, data.answer.as_deref()), ("nps", Some("9")));
    assert_eq!((data.score, data.out_of, &data.comment), (Some(9.0), Some(10.0), &None));
    assert_eq!(data.extra.get("recommendation").and_then(serde_json::Value::as_f64), Some(9.0));
    assert_eq!(world.person().await["said.recommendation"], "You pay\non time <b>");
    // The last word counts, and takes back what was said with the one before.
    assert_eq!(world.form(&link(NPS, "7"), "").await.status, 200);
    assert_eq!(world.outbox().await.len(), 2);
    assert_eq!(world.person().await["said.recommendation"], "");
    world.stop().await;
}

/// What the page sends along to say when it was made.
fn shown(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"shown\" value=\"").unwrap();
    rest.split_once('"').unwrap().0
}

#[tokio::test]
async fn a_page_that_is_sent_again_is_one_answer_and_does_not_write_over_a_newer_one() {
    let world = world("en").await;
    let page = world.get(&link(NPS, "7")).await;
    let at: i64 = shown(&page.body).parse().unwrap();
    assert_eq!(at, now().as_millisecond());
    let older = format!("answer=3&comment=Slow&shown={}", at - 600_000);
    let newer = format!("answer=9&comment=Better+now&shown={}", at - 300_000);
    for body in [&older, &older, &newer, &older] {
        assert_eq!(world.form(&link(NPS, "7"), body).await.status, 200);
    }
    let records = world.outbox().await;
    let answers: Vec<_> = records.iter().map(|record| data(record).answer.as_deref().unwrap()).collect();
    assert_eq!(answers, ["3", "9"]);
    assert_eq!(world.person().await["said.recommendation"], "Better now");
    let page = world.get(&link(TEXT, "written")).await;
    assert_eq!(shown(&page.body), at.to_string());
    assert!(page.body.contains("name=\"answer\" value=\"written\""), "{}", page.body);
    world.stop().await;
}

#[tokio::test]
async fn a_survey_that_became_anonymous_is_answered_no_more_by_name() {
    let world = World::new("en").await;
    let choices = serde_json::json!([{ "id": "5", "label": "Five" }]);
    let values = serde_json::json!({ "survey": { "id": "pulse", "question": "How fair?", "choices": choices } });
    world.survey_shown(NPS, "pulse", values).await;
    let before = (world.written().await, world.person().await);
    assert_eq!(world.get(&link(NPS, "5")).await.status, 410);
    assert_eq!(world.form(&link(NPS, "5"), "answer=5").await.status, 410);
    assert_eq!((world.written().await, world.person().await), before);
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_answer_is_said_and_changes_nothing() {
    let world = world("en").await;
    let before = (world.written().await, world.person().await);
    let long = "x".repeat(2_001);
    for wrong in ["answer=11", "answer=-1", "answer=5.5", "answer=", "answer=fine", &format!("comment={long}")] {
        let page = world.form(&link(NPS, "7"), wrong).await;
        assert_eq!(page.status, 422, "{wrong}");
        assert!(page.body.contains("role=\"alert\"") && page.body.contains("type=\"radio\""), "{}", page.body);
    }
    for nothing in ["", "comment=", "comment=+%0A%09", "answer=written"] {
        let page = world.form(&link(TEXT, "written"), nothing).await;
        assert!(page.status == 422 && page.body.contains("please write something first"), "{nothing}: {page:?}");
    }
    for gone in [link(NPS, "11"), link(NPS, "fine"), link(TEXT, "5"), link("0c0c", "5")] {
        assert_eq!(world.get(&gone).await.status, 410, "{gone}");
        assert_eq!(world.form(&gone, "answer=5&comment=x").await.status, 410, "{gone}");
    }
    assert_eq!((world.written().await, world.person().await), before);
    world.stop().await;
}

#[tokio::test]
async fn words_are_kept_apart_from_the_record_up_to_two_thousand_characters() {
    let world = world("de").await;
    let page = world.get(&link(TEXT, "written")).await;
    assert!(page.body.contains("In deinen Worten") && page.body.contains("required>\n</textarea>"), "{}", page.body);
    let words = "%F0%9F%98%80".repeat(2_000);
    assert_eq!(world.form(&link(TEXT, "written"), &format!("comment={words}")).await.status, 200);
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((data(record).answer.as_deref(), data(record).score), (Some("written"), None));
    assert_eq!(record.person_version, Some(record.occurred_at.as_millisecond()));
    assert_eq!(world.person().await["said.praise"].as_str().map(|said| said.chars().count()), Some(2_000));
    assert_eq!(world.form(&link(TEXT, "written"), &"x".repeat(40_000)).await.status, 413);
    world.stop().await;
}

#[tokio::test]
async fn four_anonymous_answers_show_nothing_and_a_fifth_shows_all() {
    let world = World::new("en").await;
    let before = (world.written().await, world.person().await);
    for (index, choice) in ["1", "5", "5", "4"].into_iter().enumerate() {
        let page = world.form(&path(&anonymous(&format!("p-{index}"), choice)), "").await;
        assert!(page.status == 200 && page.body.contains("wir heben nichts auf"), "{page:?}");
        assert_eq!(told(&world).await, []);
    }
    // The page's field counts, for it is what was seen last.
    assert_eq!(world.form(&path(&anonymous("p-4", "1")), "answer=5&comment=not+asked+for").await.status, 200);
    let all = [("1".to_owned(), 1), ("4".to_owned(), 1), ("5".to_owned(), 3)];
    assert_eq!(told(&world).await, all);
    assert_eq!((world.written().await, world.person().await), before, "no record, no partner");
    world.stop().await;
}

#[tokio::test]
async fn an_anonymous_link_counts_once_whatever_is_done_with_it() {
    let world = World::new("en").await;
    for partner in 0..5 {
        for choice in ["5", "1", "5"] {
            let link = path(&anonymous(&format!("p-{partner}"), choice));
            for _ in 0..3 {
                let page = world.get(&link).await;
                assert!(page.status == 200 && page.body.contains("anonym"), "{page:?}");
                assert_eq!(world.ask("HEAD", &link, &[], b"").await.status, 200);
            }
            assert_eq!(world.form(&link, "").await.status, 200);
            let again = world.form(&link, "answer=3").await;
            assert!(again.status == 200 && again.body.contains("Schon beantwortet"), "{again:?}");
        }
    }
    assert_eq!(told(&world).await, [("5".to_owned(), 5)]);
    world.stop().await;
}

#[tokio::test]
async fn an_anonymous_link_that_cannot_be_is_refused() {
    let world = World::new("en").await;
    let with = |change: fn(&mut Claims)| {
        let mut claims = anonymous("p-1", "5");
        change(&mut claims);
        path(&claims)
    };
    let closed = [
        with(|claims| {
            if let Claims::Anonymous { choice, .. } = claims {
                *choice = "6".into()
            }
        }),
        with(|claims| {
            if let Claims::Anonymous { survey, .. } = claims {
                *survey = "nps".into()
            }
        }),
        with(|claims| {
            if let Claims::Anonymous { survey, .. } = claims {
                *survey = "gone".into()
            }
        }),
        with(|claims| {
            if let Claims::Anonymous { period, .. } = claims {
                *period = "2025".into()
            }
        }),
        with(|claims| {
            if let Claims::Anonymous { period, .. } = claims {
                *period = "soon".into()
            }
        }),
    ];
    for link in &closed {
        assert_eq!(world.get(link).await.status, 410, "{link}");
        assert_eq!(world.form(link, "").await.status, 410, "{link}");
    }
    let foreign = Keys::new([b"somebody else's".to_vec()]).unwrap().url("", &anonymous("p-1", "5")).unwrap();
    let genuine = path(&anonymous("p-1", "5"));
    let cut = genuine[..genuine.len() - 3].to_owned();
    let another_use = [path(&why()).replacen("/w/", "/s/", 1), genuine.replacen("/s/", "/a/", 1)];
    for wrong in [foreign, cut, "/s/nonsense".into()].iter().chain(&another_use) {
        assert_eq!(world.get(wrong).await.status, 404, "{wrong}");
        assert_eq!(world.form(wrong, "answer=5").await.status, 404, "{wrong}");
    }
    assert_eq!(world.form(&genuine, "answer=6").await.status, 422);
    assert_eq!(world.form(&genuine, &"x".repeat(40_000)).await.status, 413);
    assert_eq!(world.ask("PUT", &genuine, &[], b"").await.status, 405);
    assert_eq!(told(&world).await, []);
    world.stop().await;
}

use rapport_engine::ports::store::{Store, SuppressionChange};
use rapport_event::{ActivityData, EngineData, Kind, Payload};
use rapport_message::link::{Claims, Keys};

use crate::world::{ADDRESS, MESSAGE, World, answer, now, path, preferences, unsubscribe, why};

#[tokio::test]
async fn a_hundred_gets_and_heads_change_nothing() {
    let world = World::new("en").await;
    let before = world.written().await;
    for claims in [unsubscribe("performance"), answer("holiday"), why(), preferences()] {
        for _ in 0..100 {
            assert_eq!(world.get(&path(&claims)).await.status, 200, "{claims:?}");
            let head = world.ask("HEAD", &path(&claims), &[], b"").await;
            assert_eq!((head.status, head.body.as_str()), (200, ""), "{claims:?}");
        }
    }
    assert_eq!(world.written().await, before);
    world.stop().await;
}

#[tokio::test]
async fn one_click_ends_the_topic_however_often_it_comes() {
    let world = World::new("en").await;
    let path = path(&unsubscribe("performance"));
    for _ in 0..3 {
        let answer = world.form(&path, "List-Unsubscribe=One-Click").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains("You are unsubscribed"), "{}", answer.body);
        assert_eq!((answer.header("set-cookie"), answer.header("location")), (None, None));
    }
    assert_eq!(world.suppressions().await, [(Some("performance".into()), "unsubscribe".into())]);
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((&record.kind, record.occurred_at), (&Kind::ContactOptedOut, now()));
    let Payload::Engine(data) = &record.payload else { panic!("{record:?}") };
    let EngineData::Contact(data) = &**data else { panic!("{data:?}") };
    assert_eq!(data.topic.as_deref(), Some("performance"));
    assert_eq!(data.reason.as_deref(), Some("unsubscribe"));
    assert_eq!(data.message.as_deref(), Some(MESSAGE));
    world.stop().await;
}

#[tokio::test]
async fn after_the_relay_took_the_record_a_repeat_is_the_same_event() {
    let world = World::new("en").await;
    let path = path(&unsubscribe("news"));
    world.form(&path, "List-Unsubscribe=One-Click").await;
    let first = world.outbox().await;
    let numbers: Vec<i64> = world.store.outbox(10).await.unwrap().iter().map(|row| row.number).collect();
    world.store.outbox_done(&numbers).await.unwrap();
    world.form(&path, "List-Unsubscribe=One-Click").await;
    assert_eq!(world.outbox().await, first);
    world.stop().await;
}

#[tokio::test]
async fn multipart_empty_and_odd_bodies_unsubscribe_too() {
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let bodies = [("multipart/form-data; boundary=b", multipart), ("text/plain", ""), ("application/json", "\u{0}{")];
    for (media, body) in bodies {
        let world = World::new("en").await;
        let path = path(&unsubscribe("news"));
        let answer = world.ask("POST", &path, &[("content-type", media)], body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{media}: {answer:?}");
        assert_eq!(world.suppressions().await, [(Some("news".into()), "unsubscribe".into())], "{media}");
        world.stop().await;
    }
}

#[tokio::test]
async fn the_way_out_is_open_when_the_applied_files_are_damaged() {
    let world = World::without_files().await;
    let link = path(&unsubscribe("performance"));
    assert_eq!(world.get(&link).await.status, 200);
    assert_eq!(world.form(&link, "List-Unsubscribe=One-Click").await.status, 200);
    assert_eq!((world.suppressions().await.len(), world.outbox().await.len()), (1, 1));
    for claims in [answer("holiday"), why(), preferences()] {
        assert_eq!(world.get(&path(&claims)).await.status, 200, "{claims:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_retired_key_still_opens_the_way_out() {
    let world = World::new("en").await;
    let retired = Keys::new([b"a retired key".to_vec()]).unwrap();
    let path = retired.url("", &unsubscribe("performance")).unwrap();
    assert_eq!(world.form(&path, "List-Unsubscribe=One-Click").await.status, 200);
    assert_eq!(world.suppressions().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn foreign_cut_and_forged_links_all_meet_the_same_page() {
    let world = World::new("en").await;
    let before = world.written().await;
    let foreign = Keys::new([b"somebody else's".to_vec()]).unwrap().url("", &unsubscribe("news")).unwrap();
    let genuine = path(&unsubscribe("news"));
    let token = genuine.trim_start_matches("/u/");
    let lost = world.get("/u/nonsense").await;
    assert_eq!(lost.status, 404);
    assert!(lost.body.contains("This link does not work"), "{}", lost.body);
    let cut = genuine.get(..genuine.len() - 3).unwrap().to_owned();
    let another_use = [format!("/a/{token}"), format!("/w/{token}"), format!("/p/{token}")];
    for wrong in [foreign, cut, "/u/%ff%fe".into(), "/u/..%2f".into(), "/elsewhere".into()].iter().chain(&another_use) {
        for answer in [world.get(wrong).await, world.form(wrong, "List-Unsubscribe=One-Click").await] {
            // A page without POST says so; everything else is word for word the same page.
            if answer.status != 405 {
                assert_eq!((answer.status, &answer.body), (404, &lost.body), "{wrong}");
            }
        }
    }
    assert_eq!(world.written().await, before);
    world.stop().await;
}

#[tokio::test]
async fn another_partners_message_tells_nothing() {
    let world = World::new("en").await;
    let stranger = Claims::Why { program: "default".into(), partner: "p-18".into(), message: MESSAGE.into() };
    let page = world.get(&path(&stranger)).await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("17 seen"), "{}", page.body);
    let stranger = Claims::Answer {
        program: "default".into(),
        partner: "p-18".into(),
        message: MESSAGE.into(),
        choice: "holiday".into(),
    };
    assert_eq!(world.form(&path(&stranger), "").await.status, 410);
    assert_eq!(world.outbox().await, []);
    world.stop().await;
}

#[tokio::test]
async fn an_answer_is_asked_for_in_the_partners_language_and_counted_once() {
    let world = World::new("de-AT").await;
    let link = path(&answer("holiday"));
    let page = world.get(&link).await;
    assert!(page.body.contains("<html lang=\"de\">"), "{}", page.body);
    assert!(page.body.contains("Was ist passiert?") && page.body.contains("Ich mache Urlaub"), "{}", page.body);
    for _ in 0..3 {
        assert_eq!(world.form(&link, "answer=holiday").await.status, 200);
    }
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record.kind, Kind::SurveyAnswered);
    let Payload::Activity(ActivityData::Survey(data)) = &record.payload else { panic!("{record:?}") };
    assert_eq!((&*data.survey, data.answer.as_deref()), ("what-happened", Some("holiday")));
    world.form(&path(&answer("moved_on")), "").await;
    assert_eq!(world.outbox().await.len(), 2);
    assert_eq!(world.form(&path(&answer("no-such-choice")), "").await.status, 410);
    world.stop().await;
}

#[tokio::test]
async fn why_tells_what_led_to_the_mail() {
    let world = World::new("en").await;
    let page = world.get(&path(&why())).await;
    assert!(page.body.contains("17 seen since 3 November &lt;b&gt;"), "{}", page.body);
    assert!(page.body.contains("Your results") && page.body.contains("21 November 2026"), "{}", page.body);
    assert!(!page.body.contains(ADDRESS) && !page.body.contains("Ada"), "no personal field on a page: {}", page.body);
    let forgotten = Claims::Why { program: "default".into(), partner: "p-17".into(), message: "gone".into() };
    let page = world.get(&path(&forgotten)).await;
    assert!(page.status == 200 && page.body.contains("a partner of Acme Partners"), "{}", page.body);
    world.stop().await;
}

#[tokio::test]
async fn preferences_switch_topics_off_and_on_and_leave_the_rest_alone() {
    let world = World::new("en").await;
    let link = path(&preferences());
    world
        .store
        .change_suppressions(
            &[SuppressionChange::add(&ADDRESS.to_lowercase(), Some("milestones"), "unsubscribe", now())],
            &[],
        )
        .await
        .unwrap();
    // `news` off, `milestones` on; `onboarding` was not shown and `payouts` is service.
    let form = "shown=news&shown=performance&shown=milestones&shown=payouts&topic=performance&topic=milestones";
    let page = world.form(&link, form).await;
    assert!(page.status == 200 && page.body.contains("Saved."), "{page:?}");
    assert_eq!(world.suppressions().await, [(Some("news".into()), "unsubscribe".into())]);
    let kinds: Vec<_> = world.outbox().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::ContactOptedIn, Kind::ContactOptedOut]);
    assert!(page.body.contains("value=\"performance\" checked"), "{}", page.body);
    assert!(page.body.contains("name=\"topic\" value=\"news\">"), "{}", page.body);
    assert!(page.body.contains("value=\"payouts\" checked disabled"), "{}", page.body);
    world.form(&link, form).await;
    assert_eq!(world.outbox().await.len(), 2, "saving the same again is nothing new");
    let all = "name=\"shown\" value=\"milestones news onboarding performance\">";
    assert!(page.body.contains(all), "the page names them in one field: {}", page.body);
    world.form(&link, "shown=milestones+news+performance&topic=performance&topic=milestones").await;
    assert_eq!(world.outbox().await.len(), 2, "and is understood alike");
    let page = world.form(&link, "").await;
    assert!(page.status == 200 && !page.body.contains("Saved."), "a body that shows no switch sets none");
    assert_eq!(world.suppressions().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn what_others_stopped_is_said_and_not_lifted_by_the_page() {
    let world = World::new("en").await;
    world
        .store
        .change_suppressions(&[SuppressionChange::add(&ADDRESS.to_lowercase(), None, "hard_bounce", now())], &[])
        .await
        .unwrap();
    world
        .store
        .change_suppressions(&[SuppressionChange::add(&ADDRESS.to_lowercase(), None, "unsubscribe", now())], &[])
        .await
        .unwrap();
    let page = world.get(&path(&preferences())).await;
    assert!(page.body.contains("write to partners@acme.example"), "{}", page.body);
    assert!(!page.body.contains("value=\"news\" checked"), "{}", page.body);
    world.form(&path(&preferences()), "shown=news&topic=news").await;
    let kept = world.suppressions().await;
    let off = |topic: &str| (Some(topic.to_owned()), "unsubscribe".to_owned());
    let expected = [(None, "hard_bounce".to_owned()), off("milestones"), off("onboarding"), off("performance")];
    assert_eq!(kept, expected);
    world.stop().await;
}

#[tokio::test]
async fn pages_carry_the_security_headers_and_no_script() {
    let world = World::new("de").await;
    for claims in [unsubscribe("performance"), answer("holiday"), why(), preferences()] {
        let page = world.get(&path(&claims)).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(!page.body.contains("<script") && !page.body.contains(" style=") && !page.body.contains("<img"));
        assert!(page.body.contains("<html lang=\"de\">"), "{}", page.body);
    }
    world.stop().await;
}

#[tokio::test]
async fn bodies_larger_than_a_form_are_refused_declared_or_not() {
    let world = World::new("en").await;
    let link = path(&unsubscribe("news"));
    assert_eq!(world.form(&link, &"x".repeat(20_000)).await.status, 413);
    let chunked = format!(
        "POST {link} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        20_000,
        "x".repeat(20_000)
    );
    assert_eq!(world.raw(chunked.as_bytes()).await.status, 413);
    assert_eq!(world.suppressions().await, []);
    world.stop().await;
}

#[tokio::test]
async fn no_input_is_a_server_error() {
    let world = World::new("en").await;
    let long = format!("/u/{}", "A".repeat(6000));
    let odd = ["/u/", "/u/a/b", "/p/%00", "/a/%F0%9F%92%A5", "/w/=?%", "//", "/u/?x=y", long.as_str(), "/v1/events/x"];
    for path in odd {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = world.ask(method, path, &[("accept-language", "\u{7f}de;q=;,,,")], b"shown=%ff&topic").await;
            assert!((400..500).contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    for body in
        ["shown=%ff%fe&topic=%", "&&&===", "shown=\u{0}&topic=\u{0}", "shown=news&shown=news&topic=news&topic=news"]
    {
        assert_eq!(world.form(&path(&preferences()), body).await.status, 200, "{body}");
    }
    assert_eq!(world.get(&path(&unsubscribe("news"))).await.status, 200, "still there");
    world.stop().await;
}

//! What is refused is counted with its reason, and what it held stands in no metric.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rapport_message::link::{Claims, Keys};

use crate::world::{ADDRESS, MESSAGE, PARTNER, World, anonymous, answer, path, unsubscribe};

/// How often it was counted, over all series that have these labels.
fn counted(handle: &PrometheusHandle, name: &str, labels: &[&str]) -> u64 {
    let all = handle.render();
    let series = |line: &&str| {
        line.split_once('{').is_some_and(|(of, rest)| of == name && labels.iter().all(|label| rest.contains(label)))
    };
    all.lines().filter(series).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn each_refusal_is_counted_by_its_reason_and_names_nobody() {
    // One thread runs the test and the gateway, so that it is this test's refusals that are counted.
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _counts = metrics::set_default_local_recorder(&recorder);
    let world = World::new("en").await;

    assert_eq!(world.get("/u/nonsense").await.status, 404);
    let click = Claims::Click {
        message: MESSAGE.into(),
        link: "1".into(),
        of: "1".into(),
        until: "99999".into(),
        url: "https://elsewhere.example/".into(),
    };
    let foreign = Keys::new([b"another key".to_vec()]).unwrap().url("", &click).unwrap();
    assert_eq!(world.get(&foreign).await.status, 404);
    assert_eq!(world.form(&path(&unsubscribe("news")), &"x".repeat(20_000)).await.status, 413);
    assert_eq!(world.json("nonsense").await.status, 422);
    let forged = format!(
        r#"{{"signature":{{"timestamp":"1700000000","token":"t","signature":"{}"}},"event-data":{{"event":"complained","recipient":"{ADDRESS}"}}}}"#,
        "00".repeat(32)
    );
    assert_eq!(world.ask("POST", "/v1/feedback/mailgun", &[], forged.as_bytes()).await.status, 406);
    assert_eq!(world.ask("POST", "/v1/feedback/whoever", &[], b"{}").await.status, 404);
    assert_eq!(world.ask("POST", "/v1/mail", &[("content-type", "message/rfc822")], b"").await.status, 422);

    for (name, labels) in [
        ("rapport_http_requests_total", &[r#"route="/u/{token}""#, r#"status="404""#][..]),
        ("rapport_http_requests_total", &[r#"route="/u/{token}""#, r#"status="413""#][..]),
        ("rapport_clicks_total", &[r#"what="refused""#][..]),
        ("rapport_rejected_total", &[r#"code="bad_json""#][..]),
        ("rapport_feedback_refused_total", &[r#"origin="mailgun""#, r#"why="unproven""#][..]),
        ("rapport_feedback_refused_total", &[r#"origin="other""#, r#"why="unknown""#][..]),
        ("rapport_feedback_refused_total", &[r#"origin="mail""#][..]),
    ] {
        assert_eq!(counted(&handle, name, labels), 1, "{name} {labels:?}:\n{}", handle.render());
    }
    let all = handle.render().to_lowercase();
    for said in ["nonsense", "whoever", "elsewhere", PARTNER, MESSAGE, &ADDRESS.to_lowercase()] {
        assert!(!all.contains(said), "{said} stands in a metric:\n{all}");
    }
    world.stop().await;
}

/// Fewer than five anonymous answers are told nowhere, so no count of wishes may tell one from four.
#[tokio::test]
async fn an_anonymous_answer_stands_in_no_count_of_wishes() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _counts = metrics::set_default_local_recorder(&recorder);
    let world = World::new("en").await;
    assert_eq!(world.form(&path(&anonymous(PARTNER, "5")), "").await.status, 200);
    assert_eq!(counted(&handle, "rapport_http_wishes_total", &[]), 0, "{}", handle.render());
    assert_eq!(world.form(&path(&answer("holiday")), "").await.status, 200);
    assert_eq!(counted(&handle, "rapport_http_wishes_total", &[r#"what="answer""#]), 1, "{}", handle.render());
    world.stop().await;
}

#[tokio::test]
async fn machines_are_told_in_their_own_form_that_a_body_is_too_large() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _counts = metrics::set_default_local_recorder(&recorder);
    let world = World::new("en").await;
    for door in ["/v1/events", "/v1/mail", "/v1/feedback/mailgun"] {
        let declared =
            format!("POST {door} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n");
        let answer = world.raw(declared.as_bytes()).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (413, Some("too_large")), "{door}");
    }
    for origin in [r#"origin="mail""#, r#"origin="mailgun""#] {
        let labels = [origin, r#"why="too_large""#];
        assert_eq!(counted(&handle, "rapport_feedback_refused_total", &labels), 1, "{origin}:\n{}", handle.render());
    }
    world.stop().await;
}

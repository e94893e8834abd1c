use rapport_engine::readiness::Readiness;
use rapport_http::{install_recorder, ops, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn health_and_metrics_answer_and_the_server_stops_when_told() {
    let readiness = Readiness::default();
    readiness.good("engine");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handle = install_recorder().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, ops(readiness.clone(), Some(handle)), stop.clone()));
    let get = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(get("/livez").await.starts_with("HTTP/1.1 200"));
    let ready = get("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.ends_with(r#"{"ready":true,"troubles":[]}"#), "{ready}");
    readiness.bad("mailer", "the mail server refuses our credentials");
    let troubled = get("/readyz").await;
    assert!(troubled.starts_with("HTTP/1.1 503"), "{troubled}");
    assert!(troubled.ends_with(r#""troubles":[{"part":"mailer","why":"the mail server refuses our credentials"}]}"#));
    metrics::counter!("a_test_total").increment(3);
    let metrics = get("/metrics").await;
    assert!(metrics.contains("text/plain; version=0.0.4") && metrics.contains("a_test_total 3"), "{metrics}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

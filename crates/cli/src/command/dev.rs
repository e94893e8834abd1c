//! `rapport dev`: a page on this machine that shows every edit: findings, test results, and mails beside each other.
//!
//! Whenever a file below workflows/ or config/ changes, everything is compiled and the tests are played; the page hears of
//! it by a server-sent event. Nothing is sent, and no store is asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as AtPath, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use futures::Stream;
use notify::{RecursiveMode, Watcher as _};
use rapport_rule::finding::render::human_all;
use rapport_trial::{Runner, SentMail};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::command_line::Global;
use crate::exit::{self, Doing, Failure};
use crate::{files, printed, stop};

const PAGE: &str = include_str!("../dev/page.html");
/// Editors write a file in several steps; what follows within this time is one edit.
const SETTLE: Duration = Duration::from_millis(80);

/// What the page shows.
#[derive(Default)]
struct Shown {
    state: Value,
    mails: Vec<SentMail>,
}

#[derive(Clone)]
struct Page {
    shown: Arc<Mutex<Shown>>,
    edition: watch::Receiver<u64>,
}

/// Serves the page until Ctrl-C.
pub async fn run(global: &Global, listen: SocketAddr) -> Result<u8, Failure> {
    if !listen.ip().is_loopback() {
        return Err(Failure::input(format!("{listen} can be reached from elsewhere")).help(
            "the page shows partners of tests to anybody who asks; name an address of this machine, 127.0.0.1:8085",
        ));
    }
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    files::read(&folder)?;
    let (told, mut changes) = mpsc::unbounded_channel::<()>();
    let watching = move |event: notify::Result<notify::Event>| {
        // Reading a file is no edit.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = told.send(());
        }
    };
    let mut watcher = notify::recommended_watcher(watching).doing("watching the files")?;
    for part in ["workflows", "config"].map(|part| folder.join(part)).iter().filter(|part| part.is_dir()) {
        watcher.watch(part, RecursiveMode::Recursive).doing(&format!("watching {}", part.display()))?;
    }
    let (edition, heard) = watch::channel(0_u64);
    let page = Page { shown: Arc::default(), edition: heard };
    show(&page.shown, &folder).await?;
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(format!("dev cannot listen on {listen}: {error}")).help("name another address with --listen")
    })?;
    let address = listener.local_addr().unwrap_or(listen);
    printed::line(format!("http://{address}/  shows every edit below {}; Ctrl-C ends it", folder.display()));
    let stop = stop::on_signal()?;
    let (shown, ended) = (page.shown.clone(), stop.clone());
    let looking = tokio::spawn(async move {
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                change = changes.recv() => if change.is_none() { return },
            }
            while let Ok(Some(())) = tokio::time::timeout(SETTLE, changes.recv()).await {}
            if show(&shown, &folder).await.is_ok() {
                edition.send_modify(|edition| *edition += 1);
            }
        }
    });
    let router = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/state", get(state))
        .route("/mail/{number}", get(mail))
        .route("/events", get(events))
        .with_state(page);
    // Streams of events never end by themselves: the server is dropped, not waited for.
    tokio::select! {
        served = axum::serve(listener, router) => served.doing("serving the page")?,
        () = stop.cancelled() => {}
    }
    looking.abort();
    drop(watcher);
    Ok(exit::OK)
}

/// Compiles and plays everything anew.
async fn show(shown: &Arc<Mutex<Shown>>, folder: &Path) -> Result<(), Failure> {
    let folder: PathBuf = folder.to_owned();
    let new = tokio::task::spawn_blocking(move || look(&folder)).await.doing("looking at the files")?;
    *shown.lock().unwrap_or_else(PoisonError::into_inner) = new;
    Ok(())
}

fn look(folder: &Path) -> Shown {
    let texts = match files::read(folder) {
        Ok(texts) => texts,
        Err(failure) => return Shown { state: json!({ "findings": failure.to_string() }), mails: Vec::new() },
    };
    let sources = files::sources(&texts);
    let (rulebook, findings) = rapport_workflow::compile(&sources);
    let told = human_all(&findings, &crate::settings::shown(&sources));
    let Some(rulebook) = rulebook else {
        return Shown { state: json!({ "findings": told, "errors": findings.errors() }), mails: Vec::new() };
    };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let report = Runner::default().run(&rulebook, None, threads);
    let tests: Vec<Value> = report
        .verdicts
        .iter()
        .map(|verdict| {
            json!({ "workflow": &*verdict.workflow, "name": verdict.name, "path": verdict.path, "line": verdict.line,
                    "wrong": verdict.wrong })
        })
        .collect();
    let mut mails: Vec<SentMail> = Vec::new();
    for sent in report.verdicts.into_iter().flat_map(|verdict| verdict.performance.mails) {
        if !mails.iter().any(|known| known.workflow == sent.workflow && known.mail == sent.mail) {
            mails.push(sent);
        }
    }
    mails.sort_by(|a, b| (&a.workflow, &a.mail).cmp(&(&b.workflow, &b.mail)));
    let listed: Vec<Value> = mails
        .iter()
        .map(|sent| {
            json!({ "name": format!("{}/{}", sent.workflow, sent.mail), "subject": sent.letter.subject,
                    "text": sent.letter.text })
        })
        .collect();
    let findings = if findings.is_empty() { String::new() } else { told };
    Shown { state: json!({ "findings": findings, "errors": 0, "tests": tests, "mails": listed }), mails }
}

async fn state(State(page): State<Page>) -> Json<Value> {
    let edition = *page.edition.borrow();
    let mut state = page.shown.lock().unwrap_or_else(PoisonError::into_inner).state.clone();
    state["edition"] = json!(edition);
    Json(state)
}

/// The HTML of a mail; without scripts, and without a way out of its frame.
async fn mail(State(page): State<Page>, AtPath(number): AtPath<usize>) -> Response {
    let shown = page.shown.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(sent) = shown.mails.get(number) else { return StatusCode::NOT_FOUND.into_response() };
    let policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:";
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)];
    (headers, sent.letter.html.clone()).into_response()
}

async fn events(State(page): State<Page>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = futures::stream::unfold(page.edition, |mut edition| async move {
        edition.changed().await.ok()?;
        let number = *edition.borrow_and_update();
        Some((Ok(Event::default().event("edited").data(number.to_string())), edition))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

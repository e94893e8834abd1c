//! What a mailer does when it breaks down itself, when the database refuses what it says, and when clocks jump.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::stand::{Stand, script::Script};
use async_trait::async_trait;
use rapport_engine::operate::{self, Subject};
use rapport_engine::ports::{
    rows::MessageState,
    store::Store,
    transport::{Deadline, Delivery, Envelope, Letter},
};
use rapport_memory::store::Tables;
use rapport_sim::{clock::LiveClock, world};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many of the welcomes to three partners came to what.
fn count(tables: &Tables, state: MessageState) -> usize {
    tables.messages.values().filter(|message| message.state == state).count()
}

fn trouble(stand: &Stand, part: &str) -> Option<String> {
    stand.readiness.troubles().into_iter().find(|(name, _)| name == part).map(|(_, why)| why)
}

/// Three partners are approved.
async fn three(script: Arc<dyn Script>) -> Stand {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.script = Some(script);
    stand.start();
    let events = [stand.approved("ada"), stand.approved("bob"), stand.approved("dora")];
    stand.take(&events).await;
    stand
}

/// Fails where nobody expected it, the first so many times.
#[derive(Default)]
struct Breaks {
    composing_for: Option<&'static str>,
    ready: AtomicUsize,
    sending: AtomicUsize,
}

fn break_down(times: &AtomicUsize) {
    let left = times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    assert!(left.is_err(), "a bug, as the test wants it");
}

#[async_trait]
impl Script for Breaks {
    async fn ready(&self) {
        break_down(&self.ready);
    }

    fn compose(&self, letter: &Letter) {
        assert!(self.composing_for.is_none_or(|to| !letter.to.address.contains(to)), "a bug, as the test wants it");
    }

    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        break_down(&self.sending);
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_over_which_the_mailer_breaks_down_fails_alone() {
    let mut stand = three(Arc::new(Breaks { composing_for: Some("bob"), ..Breaks::default() })).await;
    stand.until("the others left", |tables| count(tables, MessageState::Sent) == 2).await;
    stand.until("his failed", |tables| count(tables, MessageState::Failed) == 1).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let tables = stand.store.tables().clone();
    let reasons: Vec<_> = tables.messages.values().filter_map(|message| message.reason.as_deref()).collect();
    assert!(reasons.contains(&"render: panicked, which is a bug"), "{reasons:?}");
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
}

#[tokio::test(start_paused = true)]
async fn a_mail_under_way_when_the_mailer_breaks_down_is_in_doubt() {
    let mut stand = three(Arc::new(Breaks { sending: AtomicUsize::new(1), ..Breaks::default() })).await;
    stand.until("the others left", |tables| count(tables, MessageState::Sent) == 2).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let tables = stand.store.tables().clone();
    assert_eq!(count(&tables, MessageState::InDoubt), 1);
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_is_replaced_and_told_of() {
    let mut stand = three(Arc::new(Breaks { ready: AtomicUsize::new(3), ..Breaks::default() })).await;
    let readiness = stand.readiness.clone();
    let part = "workers of the mailer";
    stand.until("it is told", |_| readiness.troubles().iter().any(|(name, _)| name == part)).await;
    stand.until("all left", |tables| count(tables, MessageState::Sent) == 3).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(trouble(&stand, part), None, "those who came go on");
    stand.stop().await;
}

/// Nothing happens to mails on their way.
struct Nothing;
impl Script for Nothing {}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_runs_away_stops_itself_until_a_person_lets_it_go_on() {
    let mut files = world::shipped_files();
    let config = files.get_mut("config/rapport.yaml").unwrap();
    *config = config.replace("stop_above: 500 per hour", "stop_above: 2 per hour");
    let mut stand = Stand::new(files).await;
    stand.script = Some(Arc::new(Nothing));
    stand.start();
    let events = [stand.approved("ada"), stand.approved("bob"), stand.approved("dora")];
    stand.take(&events).await;
    stand.until("it is stopped", |tables| tables.pauses.contains_key("workflow:welcome")).await;
    stand.until("two left", |tables| count(tables, MessageState::Sent) == 2).await;
    let because = stand.store.tables().pauses["workflow:welcome"].because.clone();
    assert!(because.contains("more than 2 mails within an hour"), "{because}");
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(count(&stand.store.tables(), MessageState::Sent), 2, "no hour ends it");
    let welcome = Subject::Workflow("welcome".to_owned());
    let now = stand.store.server_now();
    assert!(operate::resume(stand.store.as_ref(), 1, &welcome, None, "kari", now, false).await.unwrap());
    stand.until("the third left", |tables| count(tables, MessageState::Sent) == 3).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let tables = stand.store.tables().clone();
    assert!(tables.pauses.is_empty());
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
}

#[tokio::test(start_paused = true)]
async fn an_outcome_the_database_refuses_is_told_of_and_not_lost_while_the_mailer_lives() {
    let stand = Stand::new(world::shipped_files()).await;
    stand.store.refuse_settlements(true);
    let mut stand = Stand { script: Some(Arc::new(Nothing)), ..stand };
    stand.start();
    let events = [stand.approved("ada"), stand.approved("bob"), stand.approved("dora")];
    stand.take(&events).await;
    let server = stand.server.clone();
    stand.until("all were accepted", |_| server.accepted().len() == 3).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(count(&stand.store.tables(), MessageState::Attempting), 3);
    let why = trouble(&stand, "outcomes of mails").unwrap_or_default();
    assert!(why.contains("cannot be written"), "{why}");
    stand.store.refuse_settlements(false);
    stand.until("all is written", |tables| count(tables, MessageState::Sent) == 3).await;
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(stand.readiness.troubles(), []);
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 3);
}

/// The mail at hand keeps its outcome, the others of the same claim leave, and nobody's address is blocked until a restart.
#[tokio::test(start_paused = true)]
async fn a_store_that_breaks_down_over_an_outcome_loses_neither_it_nor_the_worker() {
    let stand = Stand::new(world::shipped_files()).await;
    // What is ended together, and then what each of them is ended by alone.
    stand.store.break_over_settlements(2);
    let mut stand = Stand { script: Some(Arc::new(Nothing)), ..stand };
    stand.start();
    let events = [stand.approved("ada"), stand.approved("bob"), stand.approved("dora")];
    stand.take(&events).await;
    stand.until("all is written", |tables| count(tables, MessageState::Sent) == 3).await;
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(trouble(&stand, "workers of the mailer"), None, "none died");
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 3, "each once");
}

/// Told to stop while the database refuses: it ends, and its successor says that nobody knows.
#[tokio::test(start_paused = true)]
async fn a_mailer_that_is_told_to_stop_does_not_wait_for_the_database_for_ever() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.store.refuse_settlements(true);
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    let server = stand.server.clone();
    stand.until("it was accepted", |_| server.accepted().len() == 1).await;
    tokio::time::timeout(Duration::from_secs(60), stand.stop()).await.expect("it ends");
    stand.store.refuse_settlements(false);
    stand.start();
    stand.until("it is in doubt", |tables| count(tables, MessageState::InDoubt) == 1).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 1);
}

/// However many a connection has in hand, whoever stops it waits for all of them as long as for one.
#[tokio::test(start_paused = true)]
async fn a_mailer_that_is_told_to_stop_gives_up_all_it_has_in_hand_together() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.store.miss_settlements(true);
    stand.start();
    let events: Vec<_> = (0..20).map(|number| stand.approved(&format!("partner-{number}"))).collect();
    stand.take(&events).await;
    let server = stand.server.clone();
    stand.until("one of two connections has two in hand", |_| server.accepted().len() > 2).await;
    let told = tokio::time::Instant::now();
    stand.stop().await;
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    let left = count(&stand.store.tables(), MessageState::Attempting);
    stand.store.miss_settlements(false);
    stand.start();
    stand.until("each is in doubt", |tables| count(tables, MessageState::InDoubt) == left).await;
    stand.stop().await;
}

/// The server takes a mail, and says so when told to.
#[derive(Default)]
struct Slow {
    answer: Notify,
}

#[async_trait]
impl Script for Slow {
    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        self.answer.notified().await;
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_is_set_forward_puts_no_living_mailers_mail_in_doubt() {
    let script = Arc::new(Slow::default());
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.script = Some(script.clone());
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("it is in hand", |tables| count(tables, MessageState::Attempting) == 1).await;
    let store: Arc<dyn Store> = stand.store.clone();
    let other = stand.mailer("other", store, Arc::new(LiveClock { store: stand.store.clone() }));
    let stop = CancellationToken::new();
    let other = tokio::spawn(other.run(stop.clone()));
    // Wherever between two heartbeats of either.
    for jump in 1..=12_u64 {
        tokio::time::sleep(Duration::from_millis(20_170)).await;
        stand.store.set_clock_off(Duration::from_secs(jump * 90));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(count(&stand.store.tables(), MessageState::Attempting), 1, "after jump {jump}");
    }
    script.answer.notify_one();
    stand.until("it is sent", |tables| count(tables, MessageState::Sent) == 1).await;
    stop.cancel();
    other.await.unwrap();
    stand.stop().await;
}

/// The next of its name must not take it for claimed by itself and never begun.
#[tokio::test(start_paused = true)]
async fn what_a_killed_mailer_had_in_hand_is_in_doubt_though_the_servers_clock_was_set_back_to_its_beginning() {
    const AHEAD: Duration = Duration::from_secs(600);
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.script = Some(Arc::new(Slow::default()));
    stand.store.set_clock_off(AHEAD);
    let (began, at) = (tokio::time::Instant::now(), stand.store.server_now());
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("it is in hand", |tables| count(tables, MessageState::Attempting) == 1).await;
    let (_, mut tasks) = stand.running.take().unwrap();
    tasks.shutdown().await;
    stand.store.set_clock_off(AHEAD - began.elapsed());
    assert_eq!(stand.store.server_now(), at);
    stand.script = None;
    stand.start();
    stand.until("it is in doubt", |tables| count(tables, MessageState::InDoubt) == 1).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_stopped_mailer_has_claimed_and_not_begun_is_in_no_doubt() {
    let slow = Arc::new(Slow::default());
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.script = Some(slow.clone());
    stand.start();
    let events: Vec<_> = (0..20).map(|number| stand.approved(&format!("partner-{number}"))).collect();
    stand.take(&events).await;
    stand.until("some are claimed", |tables| count(tables, MessageState::Attempting) > 1).await;
    stand.until("all is folded", stand.folded()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let claimed = count(&stand.store.tables(), MessageState::Attempting);
    let (stop, tasks) = stand.running.take().unwrap();
    stop.cancel();
    let all = tasks.join_all();
    tokio::pin!(all);
    while tokio::time::timeout(Duration::from_millis(100), &mut all).await.is_err() {
        slow.answer.notify_waiters();
    }
    let tables = stand.store.tables().clone();
    let [attempting, in_doubt, sent] =
        [MessageState::Attempting, MessageState::InDoubt, MessageState::Sent].map(|state| count(&tables, state));
    assert_eq!((attempting, in_doubt), (0, 0));
    assert!(sent > 0 && sent < claimed, "{sent} of {claimed} had begun");
    drop(tables);
    // Whoever comes next sends each of them once.
    stand.script = None;
    stand.start();
    stand.until("all left", |tables| count(tables, MessageState::Sent) == 20).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 20);
}

/// Holds the conversation before the dot until it is broken off.
#[derive(Default)]
struct Held;

#[async_trait]
impl Script for Held {
    async fn send(&self, _envelope: &Envelope, deadline: &Deadline) -> Option<Delivery> {
        deadline.stop.cancelled().await;
        Some(Delivery::NotSent { reason: "broken off".to_owned() })
    }
}

#[tokio::test(start_paused = true)]
async fn mail_that_a_slow_relay_holds_before_its_dot_goes_back_as_it_was() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.script = Some(Arc::new(Held));
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("it is in hand", |tables| count(tables, MessageState::Attempting) == 1).await;
    let due = |stand: &Stand| stand.store.tables().messages.values().map(|message| message.row.due).collect::<Vec<_>>();
    let planned = due(&stand);
    stand.stop().await;
    assert_eq!(count(&stand.store.tables(), MessageState::Queued), 1);
    assert_eq!(due(&stand), planned, "the next mailer need not wait");
    stand.script = None;
    stand.start();
    stand.until("it left", |tables| count(tables, MessageState::Sent) == 1).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 1);
}

/// Takes longer over each mail than may pass between a claim and the last dot of it.
#[derive(Default)]
struct Slower {
    /// Mails that were begun when their time was over.
    late: AtomicUsize,
}

#[async_trait]
impl Script for Slower {
    async fn send(&self, _envelope: &Envelope, deadline: &Deadline) -> Option<Delivery> {
        if deadline.is_over(tokio::time::Instant::now().into_std()) {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_secs(25)).await;
        None
    }
}

/// Else it would cost a connection to find that out, and a wait for a refusal that nobody gave.
#[tokio::test(start_paused = true)]
async fn mail_whose_turn_comes_too_late_is_not_begun_and_goes_back_as_it_was() {
    let slower = Arc::new(Slower::default());
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.script = Some(slower.clone());
    stand.start();
    let events: Vec<_> = (0..10).map(|number| stand.approved(&format!("partner-{number}"))).collect();
    stand.take(&events).await;
    stand.until("all left", |tables| count(tables, MessageState::Sent) == 10).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 10);
    assert_eq!(slower.late.load(Ordering::Relaxed), 0);
    let waited = stand.store.tables().messages.values().filter(|message| message.attempt > 1).count();
    assert!(waited > 0, "no connection had two in hand");
}

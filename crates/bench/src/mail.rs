//! `bench mail`: mails to Postfix' `smtp-sink`, by Postfix' own `smtp-source` and by what of ours sends them, in alternation.
//!
//! Each run has a sink of its own, and both sides keep their connections from mail to mail.

mod letters;
mod postfix;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use rapport_engine::ports::log::EventLog;
use rapport_engine::ports::transport::{Deadline, Delivery, Transport};
use rapport_smtp::{DkimKey, Relays, Signer, SmtpSettings};
use tokio::task::JoinSet;

use self::letters::{Letters, Ready, SHARDS};
use self::postfix::{Programs, Sink};
use crate::engine_throughput::{log, median, setting};
use crate::machine::{Machine, peak_memory_mib};
use crate::{MailArguments, service};

/// As the mailer gives a mail.
const DOT_WITHIN: Duration = Duration::from_secs(20);

/// How the mail of a number comes about.
type Make = Arc<dyn Fn(usize) -> Result<Arc<Ready>> + Send + Sync>;

/// Mails a second.
struct Round {
    source: f64,
    ready: f64,
    built: f64,
    whole: f64,
}

/// Makes the mails once, then measures all four in alternation and prints the table.
pub async fn bench(arguments: &MailArguments) -> Result<()> {
    let (postgres, kafka) = (service("RAPPORT_TEST_POSTGRES")?, service("RAPPORT_TEST_KAFKA")?);
    let programs = Programs::find()?;
    let log: Arc<dyn EventLog> = log(&kafka, &format!("bench.mail.{}", std::process::id()), SHARDS).await?;
    let (key, _) = DkimKey::generate_ed25519("mail.acme.example", "bench")
        .map_err(|error| anyhow!("the key that signs mail: {error}"))?;
    let signer = Arc::new(Signer::new(vec![key]));
    let mails = arguments.mails as usize;

    // It connects to nobody: mails are only written down by it.
    let pen = Arc::new(relays(25, arguments, &signer)?);
    let letters = Arc::new(Letters::of_size(arguments.kilobytes as usize * 1024, &*pen)?);
    let mut ready = Vec::with_capacity(mails);
    for number in 0..mails {
        ready.push(Arc::new(letters.ready(number, &*pen)?));
    }
    let bytes: usize = ready.iter().map(|mail| mail.bytes.len()).sum();
    println!(
        "{mails} mails of {:.1} KiB on average, signed with Ed25519; smtp-source's have a body of {} KiB; {} sessions",
        bytes as f64 / mails as f64 / 1024.0,
        arguments.kilobytes,
        arguments.sessions
    );
    let taken: Make = Arc::new(move |number: usize| -> Result<Arc<Ready>> {
        ready.get(number).cloned().ok_or_else(|| anyhow!("there is no mail {number}"))
    });
    let made: Make = {
        let (letters, pen) = (letters.clone(), pen.clone());
        Arc::new(move |number: usize| -> Result<Arc<Ready>> { Ok(Arc::new(letters.ready(number, &*pen)?)) })
    };

    let mut rounds = Vec::new();
    println!("\nround   1 smtp-source  2 composed before  3 rendered and built  4 whole mailer   2/1   3/1   4/3");
    for number in 1..=arguments.rounds {
        let rate = |time: Duration| mails as f64 / time.as_secs_f64();
        let source = rate(programs.source(arguments).await?);
        let ready = rate(sent(&programs.sink()?, arguments, &signer, &taken).await?);
        let built = rate(sent(&programs.sink()?, arguments, &signer, &made).await?);
        let sink = programs.sink()?;
        let way = relays(sink.port, arguments, &signer)?;
        let whole = rate(whole::run(&postgres, log.clone(), &letters, way, mails).await?);
        drop(sink);
        let round = Round { source, ready, built, whole };
        row(&format!("{number:6}"), &round, [ready / source, built / source, whole / built]);
        rounds.push(round);
    }
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value));
    let all = Round {
        source: of(|round| round.source),
        ready: of(|round| round.ready),
        built: of(|round| round.built),
        whole: of(|round| round.whole),
    };
    let ratios =
        [of(|round| round.ready / round.source), of(|round| round.built / round.source), of(|r| r.whole / r.built)];
    row("median", &all, ratios);
    println!("{:<78}  1.20  0.50  0.80", "goal");
    let build = if cfg!(debug_assertions) { "unoptimised build" } else { "release build" };
    println!(
        "\n4/3 is crash-safe of unsafe: claims and settlements in PostgreSQL with fsync={}. After each round all {mails} stood as \
         sent, none twice; {build}; at most {} MiB in this process; {}",
        setting(&postgres, "fsync").await?,
        peak_memory_mib(),
        Machine::here()
    );
    Ok(())
}

fn row(name: &str, round: &Round, ratios: [f64; 3]) {
    println!(
        "{name}  {:11.0}/s  {:15.0}/s  {:18.0}/s  {:12.0}/s  {:4.2}  {:4.2}  {:4.2}",
        round.source, round.ready, round.built, round.whole, ratios[0], ratios[1], ratios[2]
    );
}

/// Our way to a sink, as the mailer has one.
fn relays(port: u16, arguments: &MailArguments, signer: &Arc<Signer>) -> Result<Relays> {
    let url = format!(
        "smtp://127.0.0.1:{port}?connections={}&in_flight={}&hello=bench.example",
        arguments.sessions, arguments.in_flight
    );
    Ok(Relays::new(vec![SmtpSettings::parse(&url)?])?.signing(signer.clone()))
}

/// How long our client takes until every mail is accepted, over one worker a connection.
async fn sent(sink: &Sink, arguments: &MailArguments, signer: &Arc<Signer>, make: &Make) -> Result<Duration> {
    let way = Arc::new(relays(sink.port, arguments, signer)?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..arguments.sessions {
        workers.spawn(work(way.clone(), make.clone(), next.clone(), arguments.mails as usize));
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let elapsed = started.elapsed();
    way.close().await;
    Ok(elapsed)
}

/// Sends until all mails are taken. A connection is had for each mail, and given back after it, as the mailer does.
async fn work(way: Arc<Relays>, make: Make, next: Arc<AtomicUsize>, mails: usize) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= mails {
            return Ok(());
        }
        let mut connection = way.ready().await?;
        let mail = make(number)?;
        match connection.send(&mail.envelope, &mail.bytes, &Deadline::at(Instant::now() + DOT_WITHIN)).await {
            Delivery::Accepted { .. } => {}
            other => bail!("mail {number} was not accepted: {other:?}"),
        }
    }
}

//! `rapport run`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rapport_engine::backoff::Backoff;
use rapport_engine::readiness::Readiness;
use rapport_engine::rulebooks::Applied;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{apply, instant};
use crate::command_line::{ClockKind, RunArguments, Service};
use crate::desk::{Desk, Missing, reading};
use crate::exit::{self, Failure};
use crate::files::{self, Texts};
use crate::hooks;
use crate::layout::{Ground, Layout, link_keys};
use crate::lock::Lock;
use crate::services::{Services, transport, wanted};
use crate::settings::{LayoutSettings, MailSettings, MailWay, Secret, Settings};
use crate::stop;

/// An `apply` under way beside a start has ended by then.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Runs services until told to stop.
pub async fn run(settings: &Settings, arguments: RunArguments) -> Result<u8, Failure> {
    let until = arguments.replay_until.as_deref().map(instant).transpose()?;
    let replays = arguments.clock == ClockKind::Replay;
    if until.is_some() && !replays {
        return Err(Failure::input("--replay-until needs --clock replay"));
    }
    let is_cluster = matches!(settings.layout, LayoutSettings::Cluster { .. });
    if replays && !is_cluster {
        return Err(Failure::input("there are no upstream topics to replay in the embedded layout")
            .help("play a file instead: rapport ingest --clock replay FILE"));
    }
    let services = wanted(&arguments.services, is_cluster);
    if services.is_empty() {
        return Err(Failure::input("ingest reads Kafka's topics, and the embedded layout has none")
            .help("events come from files (`rapport ingest FILE`) and over HTTP (`rapport run gateway`)"));
    }
    let sends = services.contains(&Service::Mailer);
    refuse_foreign_mail(&settings.mail, replays && sends)?;
    let texts = apply::checked(&settings.folder)?;
    let _lock = if is_cluster { None } else { Some(Lock::take(&settings.folder)?) };
    let stop = stop::on_signal()?;
    let name = arguments.name.unwrap_or_else(process_name);
    let readiness = Readiness::default();
    let mut running = Services::new(stop.clone());
    if let Some(address) = arguments.listen {
        // First of all: whoever watches sees why it does not go on.
        readiness.not_yet("start", "store and event log are not open yet");
        running.health(&readiness, address).await?;
    }
    let start = Start { settings, clock: arguments.clock, texts };
    let Some((layout, applied)) = start.when_all_answer(&readiness, &stop).await? else {
        return running.wait().await.map(|()| exit::OK);
    };
    running.watch(&layout.ground);
    for service in &services {
        match (service, &layout.ground.broker) {
            (Service::Ingest, Some(broker)) if replays => running.replay(&layout.ground, broker, until),
            (Service::Ingest, Some(broker)) => running.ingest(&layout.ground, broker, &name),
            (Service::Ingest, None) => {}
            (Service::Engine, _) => running.engine(&layout.ground, &name, None),
            (Service::Relay, _) => running.relay_by(&layout.ground, &name, hooks::caller(settings, &applied, replays)?),
            (Service::Mailer, _) => {
                every_sender_signs(settings, &applied)?;
                let way_out = transport(&settings.mail)?;
                let links = link_keys(settings, way_out.delivers())?;
                running.mailer(&layout.ground, &name, way_out, links);
            }
            (Service::Gateway, _) => {
                let links = link_keys(settings, settings.mail.delivers())?;
                let bearer = settings.gateway.token.as_ref().map(Secret::reveal);
                if bearer.is_none() && !settings.gateway.listen.ip().is_loopback() {
                    return Err(Failure::input("the gateway would take events from anybody")
                        .help("set RAPPORT_GATEWAY_TOKEN or `gateway: { token: \"${…}\" }`, or listen on 127.0.0.1"));
                }
                let (providers, address) = (&settings.gateway.providers, settings.gateway.listen);
                running.gateway(&layout.ground, &links, bearer, providers, address).await?;
            }
        }
    }
    readiness.good("start");
    info!(name, layout = if is_cluster { "cluster" } else { "embedded" }, "running; stop with Ctrl-C");
    let result = running.wait().await;
    layout.close().await;
    result.map(|()| exit::OK)
}

/// What services need before they run.
struct Start<'s> {
    settings: &'s Settings,
    clock: ClockKind,
    texts: Texts,
}

impl Start<'_> {
    /// The layout and the files in force, however long database and broker take to answer, and whenever they fall silent on the
    /// way; none when told to stop meanwhile. What no waiting mends is a failure.
    async fn when_all_answer(
        &self,
        readiness: &Readiness,
        stop: &CancellationToken,
    ) -> Result<Option<(Layout, Arc<Applied>)>, Failure> {
        let mut backoff = Backoff::default();
        loop {
            let tried = tokio::select! {
                tried = self.once(readiness) => tried,
                () = stop.cancelled() => return Ok(None),
            };
            match tried {
                Ok(begun) => return Ok(Some(begun)),
                Err(failure) if failure.passing => readiness.bad("start", failure.message),
                Err(failure) => return Err(failure),
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.after_failure()) => {}
                () = stop.cancelled() => return Ok(None),
            }
        }
    }

    async fn once(&self, readiness: &Readiness) -> Result<(Layout, Arc<Applied>), Failure> {
        let layout = Layout::open_or(self.settings, self.clock, Missing::Make).await?;
        let layout = Layout { ground: Ground { readiness: readiness.clone(), ..layout.ground }, ..layout };
        match self.with_files_in_force(&layout).await {
            Ok(applied) => Ok((layout, applied)),
            Err(failure) => {
                layout.close().await;
                Err(failure)
            }
        }
    }

    /// Sees to it that the files here are in force: a cluster is told so by `rapport apply` alone.
    async fn with_files_in_force(&self, layout: &Layout) -> Result<Arc<Applied>, Failure> {
        layout.take_over().await?;
        let desk = layout.desk();
        if layout.ground.broker.is_some() {
            if !come_into_force(&desk, &self.settings.folder).await? {
                return Err(Failure::input("the files here are not those in force").help("run `rapport apply`"));
            }
        } else if !apply::in_force(&desk, &self.texts).await? {
            apply::by_running(&desk, self.texts.clone(), None, self.settings.mail.delivers()).await?;
            info!("changed files are in force");
        }
        let applied = layout.ground.rulebooks.current().await.map_err(reading("reading the files in force"))?;
        applied.ok_or_else(|| Failure::input("no files are in force").help("run `rapport apply`"))
    }
}

/// Whether the files here are in force, or are soon: an `apply` may be under way beside this start, and files change a moment
/// before they are in force.
async fn come_into_force(desk: &Desk, folder: &Path) -> Result<bool, Failure> {
    let looks = async {
        loop {
            if apply::in_force(desk, &files::read(folder)?).await? {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(APPLIED_WITHIN, looks).await.unwrap_or(Ok(false))
}

/// A replay writes old mail: it may reach a folder or this machine, never a person.
fn refuse_foreign_mail(mail: &MailSettings, replays: bool) -> Result<(), Failure> {
    let MailWay::Smtp(relays) = &mail.way else { return Ok(()) };
    let is_here = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1");
    for relay in relays.iter().filter(|relay| !is_here(&relay.host)) {
        if replays {
            return Err(Failure::input("a replay's mail must not leave this machine")
                .help("set RAPPORT_MAIL=capture, or name a sink on 127.0.0.1"));
        }
        warn!(host = relay.host, "mail leaves this machine");
    }
    Ok(())
}

/// A programme that signs must not find out from refused mails that one of its senders has no key.
fn every_sender_signs(settings: &Settings, applied: &Applied) -> Result<(), Failure> {
    let signer = &settings.mail.signer;
    if signer.is_empty() {
        return Ok(());
    }
    let senders = applied.rulebook.config.senders.iter();
    let unsigned: Vec<_> = senders.filter(|(_, sender)| signer.keys_for(&sender.email).next().is_none()).collect();
    let Some((id, sender)) = unsigned.first() else { return Ok(()) };
    Err(Failure::input(format!("no key under `mail.dkim` signs for the sender `{id}` ({})", sender.email))
        .help("add a key for the domain, or one above it; `rapport dkim new` makes one"))
}

/// Host and a random part: containers share a host's name and have the same process ids.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "rapport".to_owned());
    let id = uuid::Uuid::now_v7().simple().to_string();
    // Its last digits are random, the first are the time.
    format!("{}-{}", host.trim(), id.get(20..).unwrap_or(&id))
}

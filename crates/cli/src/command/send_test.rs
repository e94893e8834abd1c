//! `rapport send-test`: a mail by the real way, to an address of one's own; marked, with dead links, counted nowhere.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rapport_contact::normalise;
use rapport_engine::mailer::{LinkKeys, sample_letter};
use rapport_engine::ports::store::{Attempt, DueMessage};
use rapport_engine::ports::transport::{Deadline, Delivery, Envelope, Letter, Mailbox};
use rapport_message::link::Keys;
use rapport_workflow::Rulebook;

use super::explain::find;
use super::preview::{known_mail, made, no_digest};
use super::test::sound_rulebook;
use crate::ahead::Ahead;
use crate::command_line::Global;
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::printed::{harmless, line};
use crate::services::transport;
use crate::settings::{MailWay, Settings};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends `WORKFLOW/MAIL` or `MAIL`, as the partner gets it, a test of the workflow makes it, or with sample values where none does.
pub async fn run(
    global: &Global,
    settings: &Settings,
    mail: &str,
    to: &str,
    partner: Option<&str>,
) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    let (workflow, name) = known_mail(&rulebook, mail)?;
    let address = allowed(&rulebook, to)?;
    let found = match partner {
        Some(partner) => {
            no_digest(&rulebook, workflow, name)?;
            of_partner(settings, partner, workflow, name).await?
        }
        None => made(&rulebook, workflow, name)?.0,
    };
    let letter = marked(found, &address, partner);
    let way_out = transport(&settings.mail)?;
    let bytes = way_out.compose(&letter).map_err(|why| Failure::new(format!("the mail cannot be made: {why}")))?;
    let envelope = Envelope { from: letter.from.address.clone(), to: address.clone() };
    let mut connection = way_out.ready().await.doing("reaching the mail server")?;
    match connection.send(&envelope, &bytes, &Deadline::at(Instant::now() + PATIENCE)).await {
        Delivery::Accepted { reply, .. } => {
            let how = match &settings.mail.way {
                MailWay::Capture { folder } => format!("captured in {}", folder.display()),
                MailWay::Smtp(_) => format!("accepted: {}", harmless(&reply)),
            };
            line(format!("\"{}\" to {address}: {how}", harmless(&letter.subject)));
            Ok(exit::OK)
        }
        Delivery::Refused { code, text, .. } => Err(Failure::new(format!("refused: {code} {}", harmless(&text)))),
        Delivery::NotSent { reason } => Err(Failure::new(format!("not sent: {}", harmless(&reason)))),
        Delivery::InDoubt { reason } => {
            Err(Failure::new(format!("it is not known whether it arrived: {}", harmless(&reason))))
        }
    }
}

/// The address, if the project's own: on the allow list, or, where there is none, a sender's.
fn allowed(rulebook: &Rulebook, to: &str) -> Result<String, Failure> {
    let Some(address) = normalise(to) else {
        return Err(Failure::input(format!("`{}` is no mail address", harmless(to))));
    };
    let senders = || rulebook.config.senders.values().flat_map(|sender| [&sender.email, &sender.reply_to]);
    let ours = rulebook
        .config
        .guardrails
        .on_allow_list(&address)
        .unwrap_or_else(|| senders().filter_map(|own| normalise(own)).any(|own| own == address));
    if !ours {
        return Err(Failure::input(format!("{address} is none of this project's own addresses")).help(
            "add it to `guardrails: { allow_list: […] }` in config/rapport.yaml; without such a list, senders' addresses may be used",
        ));
    }
    Ok(address.to_string())
}

/// As the partner got it last, or will get it next.
pub(super) async fn of_partner(
    settings: &Settings,
    partner: &str,
    workflow: Option<&str>,
    name: &str,
) -> Result<Letter, Failure> {
    let store = open_store(settings).await?;
    let key = find(&store, partner).await?;
    let ahead = Ahead::of(&store).await?;
    let story = ahead.story(&key).await?;
    let fits = |of: &str, mail: &str| mail == name && workflow.is_none_or(|workflow| of == workflow);
    let last = story.messages.iter().rev().find(|told| fits(&told.message.workflow, &told.message.mail));
    let found = match last {
        Some(told) => {
            let person = story.person.clone().unwrap_or_else(|| "{}".to_owned());
            let due =
                DueMessage { message: told.message.clone(), person, held: None, holders: Vec::new(), attempts: 0 };
            let applied = &ahead.picture.applied;
            let attempt = Attempt { attempt: 1, address: address_of(&due.person), due, along: Vec::new() };
            sample_letter(applied, applied, &attempt, &dead_keys()?, ahead.picture.now)
                .map_err(|error| Failure::new(format!("the mail cannot be rendered: {error}")))?
        }
        None => {
            let now = ahead.picture.now;
            let until = now.checked_add(SignedDuration::from_hours(24 * 120)).unwrap_or(now);
            let mails = ahead.forecast(story, until).await?.performance.mails;
            let next = mails.into_iter().find(|sent| fits(&sent.workflow, &sent.mail));
            next.map(|sent| sent.letter).ok_or_else(|| {
                Failure::input(format!("{key} neither got `{name}` nor will by itself"))
                    .help("leave --partner away to send it as a test makes it")
            })?
        }
    };
    store.close().await;
    Ok(found)
}

/// The newest address in these personal fields; none when they have none.
fn address_of(person: &str) -> String {
    let fields: serde_json::Value = serde_json::from_str(person).unwrap_or_default();
    fields["email"].as_str().and_then(normalise).map(|address| address.folded()).unwrap_or_default()
}

/// Keys nobody keeps: links signed by them lead nowhere.
fn dead_keys() -> Result<LinkKeys, Failure> {
    let key = format!("{}{}", uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    Ok(LinkKeys { keys: Keys::new([key.into_bytes()]).doing("making keys")? })
}

/// Marked as a test, to another address, and without headers that a mail program would act on.
fn marked(mut letter: Letter, address: &str, partner: Option<&str>) -> Letter {
    letter.subject = format!("[test] {}", letter.subject);
    letter.to = Mailbox { name: String::new(), address: address.to_owned() };
    letter.message_id = format!("test.{}@{}", uuid::Uuid::now_v7(), domain(&letter.from.address));
    letter.headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !name.starts_with("list-") && !name.starts_with("feedback-") && !name.starts_with("x-rapport")
    });
    letter.headers.push(("X-Rapport-Test".into(), partner.map_or_else(|| "sample".into(), harmless)));
    letter
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

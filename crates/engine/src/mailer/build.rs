//! From a claimed message to the letter that is sent: the person, the links, the sender and the live mail text are added here.

use jiff::Timestamp;
use rapport_contact::normalise;
use rapport_insight::period::{Length, Period};
use rapport_message::{
    Draft, Layout, Lead, Library, Links, Locale, Mail, Person, Program, RenderError, Rendered, Request, Sender, Topic,
    header::{self, HeaderError},
    link::{Claims, Keys, LinkError},
};
use rapport_workflow::config::{Clicks, Utm};
use serde_json::Value;

use super::clicks::Counts;
use crate::{
    ports::{
        rows::MessageRow,
        store::{Attempt, DueMessage},
        transport::{Letter, Mailbox},
    },
    rulebooks::Applied,
    shard::react::Envelope,
};

/// The keys that sign links in mails.
#[derive(Debug, Clone)]
pub struct LinkKeys {
    /// The first signs, all verify.
    pub keys: Keys,
}

/// Why a message cannot become a letter.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// What was planned cannot be read.
    #[error("the planned values are damaged: {0}")]
    Context(#[from] serde_json::Error),
    /// Something the mail or its headers need is not in the live files any more.
    #[error("{0} is not in the files applied now")]
    Gone(String),
    /// The template.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The headers.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The links.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// `links:` is missing in the configuration.
    #[error("config/rapport.yaml has no `links:`, so the mail would have no way out")]
    NoLinks,
}

/// Builds the letter of a mail that travels alone. `at` is its Date. `texts` is the rulebook in force, or for a mail that it has no
/// more the last one that had it: journeys end on their version when their workflow is taken away.
///
/// # Errors
/// `BuildError`: what the mail needs is not there, or a value it names.
pub fn letter(
    rulebook: &Applied,
    texts: &Applied,
    attempt: &Attempt,
    keys: &LinkKeys,
    at: Timestamp,
) -> Result<Letter, BuildError> {
    Scene::of(rulebook, texts, &attempt.due, &attempt.address, keys)?.letter(at)
}

/// The letter of a test, or for a colleague to look at. No gateway knows the keys of such a mail, and through one its links would lead
/// nowhere: they lead where the author wrote.
///
/// # Errors
/// As [`letter`].
pub fn sample_letter(
    rulebook: &Applied,
    texts: &Applied,
    attempt: &Attempt,
    keys: &LinkKeys,
    at: Timestamp,
) -> Result<Letter, BuildError> {
    Scene::of(rulebook, texts, &attempt.due, &attempt.address, keys)?.uncounted().letter(at)
}

/// A mail with all that stands around it.
pub(super) struct Scene<'a> {
    rulebook: &'a Applied,
    keys: &'a LinkKeys,
    message: &'a MessageRow,
    mail: &'a Mail,
    locale: Locale,
    envelope: Envelope,
    /// The partner's personal fields.
    known: Value,
    person: Person,
    sender: Sender,
    program: Program,
    program_locale: Locale,
    topic: Topic,
    links: Links,
    reason: Option<String>,
    base: &'a str,
    sending_domain: &'a str,
    /// Which of its links are counted.
    clicks: Option<&'a Clicks>,
    /// With what its links are marked.
    utm: Option<&'a Utm>,
}

impl<'a> Scene<'a> {
    /// That of a message, to the address that was judged.
    pub(super) fn of(
        rulebook: &'a Applied,
        texts: &'a Applied,
        due: &'a DueMessage,
        address: &str,
        keys: &'a LinkKeys,
    ) -> Result<Self, BuildError> {
        let message = &due.message;
        let envelope: Envelope = serde_json::from_str(&message.context)?;
        let config = &rulebook.rulebook.config;
        let gone = |what: String| BuildError::Gone(what);
        let declared = config
            .program(message.key.program.as_str())
            .ok_or_else(|| gone(format!("programme `{}`", message.key.program)))?;
        let program = Program { id: declared.id.to_string(), name: declared.name.clone(), url: declared.url.clone() };
        let program_locale = Locale::parse(&declared.language).unwrap_or_else(Locale::english);
        let library: &Library = texts
            .rulebook
            .libraries
            .get(&*message.workflow)
            .ok_or_else(|| gone(format!("workflow `{}`", message.workflow)))?;
        let (mail, locale) = library
            .choose(&message.mail, wished(&envelope).as_ref(), &program_locale)
            .ok_or_else(|| gone(format!("mail `{}/{}`", message.workflow, message.mail)))?;
        let topic = topic(rulebook, message, &locale)?;
        let known: Value = serde_json::from_str(&due.person)?;
        let text = |name: &str| known.get(name).and_then(Value::as_str).map(str::to_owned);
        // The address that was judged, in the person's spelling if that is a spelling of it.
        let spelt = text("email").and_then(|email| normalise(&email)).filter(|email| email.folded() == address);
        let person = Person {
            name: text("name"),
            first_name: text("first_name"),
            email: spelt.map_or_else(|| address.to_owned(), |email| email.to_string()),
        };
        let sender = sender(rulebook, &envelope, text("manager").as_deref())?;
        let links_of = config.links.as_ref().ok_or(BuildError::NoLinks)?;
        let links = links(rulebook, message, &envelope, keys, &links_of.base, (declared, &locale))?;
        let reason = reason(&envelope.values, &rulebook.rulebook.layout, &locale);
        Ok(Self {
            rulebook,
            keys,
            message,
            mail,
            locale,
            envelope,
            known,
            person,
            sender,
            program,
            program_locale,
            topic,
            links,
            reason,
            base: &links_of.base,
            sending_domain: &links_of.sending_domain,
            clicks: config.clicks.as_ref(),
            utm: config.utm.as_ref(),
        })
    }

    /// With links that lead where the author wrote.
    pub(super) fn uncounted(self) -> Self {
        Self { clicks: None, utm: None, ..self }
    }

    /// The digest in the place of the mail: from the same sender, to the same person, of what it tells.
    pub(super) fn into_digest(self, values: Value) -> Result<Self, BuildError> {
        let (mail, locale) = self
            .rulebook
            .rulebook
            .digest_for(wished(&self.envelope).as_ref(), &self.program_locale)
            .ok_or_else(|| BuildError::Gone("config/digest.mail.md".to_owned()))?;
        let topic = topic(self.rulebook, self.message, &locale)?;
        // What led to one of its mails did not lead to the others.
        Ok(Self { mail, locale, topic, reason: None, envelope: Envelope { values, ..self.envelope }, ..self })
    }

    /// The mail's text, with its links led elsewhere.
    pub(super) fn rendered(&self, lead: &mut Lead<'_>) -> Result<Rendered, RenderError> {
        self.draft()?.rendered(lead)
    }

    /// The mail's text, as long as its links can be led elsewhere.
    fn draft(&self) -> Result<Draft<'_>, RenderError> {
        let request = Request {
            context: &self.envelope.values,
            locale: &self.locale,
            person: &self.person,
            sender: &self.sender,
            program: &self.program,
            imprint: &self.rulebook.rulebook.config.imprint,
            topic: &self.topic,
            links: &self.links,
            reason: self.reason.as_deref(),
        };
        Draft::of(self.mail, &self.rulebook.rulebook.layout, &request)
    }

    /// As it is sent.
    pub(super) fn letter(&self, at: Timestamp) -> Result<Letter, BuildError> {
        let (clicks, utm) = (self.clicks, self.utm);
        let counts = Counts { clicks, utm, base: self.base, keys: &self.keys.keys, person: &self.known };
        let rendered = counts.rendered(self.message, self.draft()?)?;
        let headers = header::headers(&header::Envelope {
            message_id: &self.message.id,
            sending_domain: self.sending_domain,
            workflow: &self.message.workflow,
            person: &self.person,
            sender: &self.sender,
            program: &self.program,
            topic: &self.topic,
            links: &self.links,
            subject: &rendered.subject,
            date: at,
        })?;
        let mailbox = |mailbox: header::Mailbox| Mailbox { name: mailbox.name, address: mailbox.address };
        Ok(Letter {
            from: mailbox(headers.from),
            to: mailbox(headers.to),
            reply_to: mailbox(headers.reply_to),
            subject: headers.subject,
            text: rendered.text,
            html: rendered.html,
            message_id: format!("{}@{}", self.message.id, self.sending_domain),
            date: at,
            headers: headers
                .others
                .into_iter()
                .filter(|(name, _)| !matches!(*name, "Date" | "Message-ID"))
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        })
    }
}

/// The language the partner would like.
fn wished(envelope: &Envelope) -> Option<Locale> {
    envelope.languages.first().and_then(|tag| Locale::parse(tag))
}

fn topic(rulebook: &Applied, message: &MessageRow, locale: &Locale) -> Result<Topic, BuildError> {
    let declared = rulebook.rulebook.config.topics.get(&*message.topic);
    let declared = declared.ok_or_else(|| BuildError::Gone(format!("topic `{}`", message.topic)))?;
    let languages = [locale.tag(), locale.language()];
    Ok(Topic {
        id: declared.id.to_string(),
        name: declared.name.in_language(&languages).to_owned(),
        about: declared.about.in_language(&languages).to_owned(),
        service: declared.service,
    })
}

/// The envelope's sender: an address of this mail's own where `links.bounces` is given, so that what comes back is known for ours;
/// else the sender people see. Should the id not fit, the latter too: a mail is worth more than its bounce.
pub fn return_path(rulebook: &Applied, keys: &LinkKeys, message: &str, from: &str) -> String {
    let bounces = rulebook.rulebook.config.links.as_ref().and_then(|links| links.bounces.as_deref());
    let tagged = bounces.and_then(|address| {
        let (local, domain) = address.split_once('@')?;
        Some(format!("{local}+{}@{domain}", keys.keys.return_tag(message).ok()?))
    });
    tagged.unwrap_or_else(|| from.to_owned())
}

/// The domain a mail is written from, as far as the live files say.
pub(super) fn sending_domain(rulebook: &Applied, due: &DueMessage) -> Option<String> {
    let envelope: Envelope = serde_json::from_str(&due.message.context).ok()?;
    let known: Value = serde_json::from_str(&due.person).ok()?;
    let sender = sender(rulebook, &envelope, known.get("manager").and_then(Value::as_str)).ok()?;
    normalise(&sender.email).map(|address| address.domain().to_owned())
}

/// The declared sender, or the partner's manager where the files say so and the manager is a declared sender.
fn sender(rulebook: &Applied, envelope: &Envelope, manager: Option<&str>) -> Result<Sender, BuildError> {
    let senders = &rulebook.rulebook.config.senders;
    let wanted = match &envelope.from {
        rapport_workflow::Person::Sender(id) => id.clone(),
        rapport_workflow::Person::ManagerOr(or) => {
            manager.filter(|manager| senders.contains_key(*manager)).map_or_else(|| or.clone(), Into::into)
        }
    };
    senders.get(&wanted).cloned().ok_or_else(|| BuildError::Gone(format!("sender `{wanted}`")))
}

fn links(
    rulebook: &Applied,
    message: &MessageRow,
    envelope: &Envelope,
    keys: &LinkKeys,
    base: &str,
    (of, locale): (&rapport_workflow::Program, &Locale),
) -> Result<Links, BuildError> {
    let (program, partner) = (message.key.program.as_str().to_owned(), message.key.partner.as_str().to_owned());
    let url = |claims: Claims| keys.keys.url(base, &claims);
    let mut links = Links {
        unsubscribe: None,
        why: url(Claims::Why { program: program.clone(), partner: partner.clone(), message: message.id.clone() })?,
        preferences: Some(url(Claims::Preferences { program: program.clone(), partner: partner.clone() })?),
        ..Links::default()
    };
    if message.kind != "service" {
        links.unsubscribe = Some(url(Claims::Unsubscribe {
            program: program.clone(),
            partner: partner.clone(),
            topic: message.topic.clone(),
            message: message.id.clone(),
        })?);
    }
    if let Some(survey) = envelope.survey.as_deref() {
        let declared =
            rulebook.rulebook.surveys.get(survey).ok_or_else(|| BuildError::Gone(format!("survey `{survey}`")))?;
        // By when it was planned: the same mail sent again has the same links.
        let planned_on = message.planned_at.to_zoned(of.zone.clone()).date();
        let period = declared.anonymous.map(|period| period.name(planned_on));
        let ticket =
            period.as_deref().map(|period| keys.keys.ticket(&program, survey, period, &partner)).transpose()?;
        for (choice, _) in &declared.choices {
            let claims = match (&period, &ticket) {
                (Some(period), Some(ticket)) => Claims::Anonymous {
                    program: program.clone(),
                    survey: survey.to_owned(),
                    period: period.clone(),
                    ticket: ticket.clone(),
                    choice: choice.to_string(),
                    language: locale.tag().to_owned(),
                },
                _ => Claims::Answer {
                    program: program.clone(),
                    partner: partner.clone(),
                    message: message.id.clone(),
                    choice: choice.to_string(),
                },
            };
            links.answers.insert(choice.to_string(), url(claims)?);
        }
    }
    for proposal in proposals(&envelope.values) {
        let claims = Claims::Goal { program: program.clone(), partner: partner.clone(), proposal: proposal.to_owned() };
        links.goals.insert(proposal.to_owned(), url(claims)?);
    }
    // The page shows awards only, whatever else the event was.
    for event in ["event", "awaited"] {
        if let Some(award) = envelope.values.get(event).and_then(|event| event.get("id")).and_then(Value::as_str) {
            let claims =
                Claims::Certificate { program: program.clone(), partner: partner.clone(), award: award.to_owned() };
            links.certificates.insert(award.to_owned(), url(claims)?);
        }
    }
    // By when it was planned: the mail speaks of the same period whenever it leaves, and sent again it has the same links.
    let planned_on = message.planned_at.to_zoned(of.zone.clone()).date();
    for length in Length::ALL {
        let period = Period::last_over(planned_on, length).to_string();
        let claims = Claims::Review { program: program.clone(), partner: partner.clone(), period };
        links.reviews.insert(length.code().to_owned(), url(claims)?);
    }
    Ok(links)
}

/// The proposals of goals a mail names: its trigger's, and those of goals by name.
fn proposals(values: &Value) -> impl Iterator<Item = &str> {
    let goals = values.get("goal").and_then(Value::as_object);
    let all = values
        .get("event")
        .into_iter()
        .chain(values.get("awaited"))
        .chain(goals.into_iter().flat_map(|all| all.values()));
    all.filter_map(|one| one.get("proposal")?.as_str())
}

/// What led to the mail, for "you get this because …", in the reader's language.
#[must_use]
pub fn reason(values: &Value, layout: &Layout, locale: &Locale) -> Option<String> {
    let text = |name: &str| values.get("event")?.get(name)?.as_str();
    layout.reason(locale, text("kind"), text("summary"))
}

//! What people do when they get a mail: answer its question, write back, work a little more, or want no more of it.

use jiff::Timestamp;
use rand::Rng as _;
use serde_json::json;

use super::chance::{number_of, one_of, stream};
use super::partner::Partner;
use super::telling::{Telling, later};

/// A mail that reached somebody.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    /// Whom.
    pub partner: String,
    /// At which address.
    pub address: String,
    /// The message's id.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// The survey whose choices it shows.
    pub survey: Option<Asked>,
    /// Its choices.
    pub choices: Vec<String>,
    /// The topic one can opt out of.
    pub topic: String,
    /// Whether the mail has a way out: notices have none.
    pub can_opt_out: bool,
}

/// A survey, as far as answering it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub survey: String,
    /// The name its answer goes by.
    pub field: String,
    /// What its scores are out of, if it has scores.
    pub out_of: Option<u8>,
}

/// Somebody who wants no more mails of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// Who.
    pub partner: String,
    /// At which address.
    pub address: String,
    /// From which mail.
    pub message: String,
    /// Of what; `None`: of anything.
    pub topic: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Tells what follows from a mail. Depends on seed and message alone, not on what else happened.
pub fn react(seed: u64, partner: &Partner, mail: &ReceivedMail, telling: &mut Telling) -> Option<OptOut> {
    let mut rng = stream(seed, number_of(&mail.message));
    let soon = later(mail.at, rng.random_range(20..40 * 60));
    let id = |what: &str| format!("{}/{what}", mail.message);
    if let Some(Asked { survey, field, out_of }) = &mail.survey
        && !mail.choices.is_empty()
        && rng.random_bool(0.34)
    {
        let mut answer = json!({ "survey": survey, "message": mail.message });
        let choice = one_of(&mut rng, &mail.choices);
        match out_of.zip(choice.parse::<u8>().ok()) {
            Some((out_of, score)) => {
                answer["score"] = json!(score);
                answer["out_of"] = json!(out_of);
                answer[field] = json!(score);
            }
            None => answer[field] = json!(choice),
        }
        telling.tell_plainly(id("answer"), "survey.answered", &partner.person.id, soon, answer);
    }
    match rng.random_range(0..1000) {
        0..35 => {
            let data =
                json!({ "in_reply_to": mail.message, "subject": "Re: your mail", "text": "Thanks, let us talk." });
            telling.tell_plainly(id("reply"), "mail.received", &partner.person.id, later(soon, 15), data);
        }
        35..65 => {
            let data =
                json!({ "in_reply_to": mail.message, "auto_submitted": "auto-replied", "subject": "Out of office" });
            telling.tell_plainly(id("auto"), "mail.received", &partner.person.id, later(mail.at, 2), data);
        }
        65..210 => telling.tell_plainly(id("login"), "login", &partner.person.id, soon, json!({})),
        210..290 => {
            let data = json!({ "count": rng.random_range(1..6) });
            telling.tell_plainly(id("click"), "link.clicked", &partner.person.id, later(soon, 300), data);
        }
        _ => {}
    }
    let leaves = mail.can_opt_out && rng.random_bool(0.009);
    leaves.then(|| OptOut {
        partner: mail.partner.clone(),
        address: mail.address.clone(),
        message: mail.message.clone(),
        topic: rng.random_bool(0.7).then(|| mail.topic.clone()),
        at: soon,
    })
}

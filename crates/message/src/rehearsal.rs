//! A mail rendered for partners that are made up, before anybody is written to: does it come out, and is it small enough?
//!
//! Names and types are checked elsewhere; this finds what only shows when values stand in their places.

use serde_json::{Map, Value as Json};

use crate::layout::Layout;
use crate::locale::Locale;
use crate::mail::{Mail, Shaped};
use crate::next_resource;
use crate::render::{RenderError, Rendered, Request, render};
use crate::sample::{SAMPLES, Sample, Surroundings, surroundings};

/// The two most unlike: one of whom everything is known, with names and texts as long as any, and one of whom nothing is.
const EXTREMES: [&str; 2] = ["long", "no-name"];

/// Where a text of a sample begins an address.
const ADDRESS: &str = "https://acme.example/p?a=1&b=2";

/// What the samples cannot know of a mail.
pub struct Stage<'a> {
    /// The frame.
    pub layout: &'a Layout,
    /// The language the mail is written in.
    pub locale: &'a Locale,
    /// What a planned name is, as for [`Mail::check`].
    pub shape: &'a dyn Fn(&str) -> Option<Shaped>,
    /// Values that are known already, by name: the survey, the items of a feed, resources.
    pub known: &'a Map<String, Json>,
    /// The ids of the answers of its survey.
    pub answers: &'a [&'a str],
    /// Whether it is a notice without a way out.
    pub service: bool,
}

/// A mail that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why, for the first it fails for.
    pub error: RenderError,
    /// For which of the samples.
    pub samples: Vec<&'static str>,
}

impl Failure {
    /// Whether it fails for everybody.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.samples.len() == SAMPLES.len()
    }
}

/// What a mail comes to once values stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// How large its HTML is for the sample of whom most is known.
    pub html_bytes: usize,
    /// The subject as the sample of whom nothing is known gets it: the shortest.
    pub subject: String,
    /// The preheader, likewise.
    pub preheader: String,
}

/// Renders a mail for two samples, and for all of them if it fails for one.
///
/// # Errors
/// For whom it fails, and why.
pub fn rehearse(mail: &Mail, stage: &Stage<'_>) -> Result<Measure, Failure> {
    let mut measure = Measure::default();
    for sample in SAMPLES.iter().filter(|sample| EXTREMES.contains(&sample.id)) {
        match try_out(mail, stage, sample) {
            Ok(made) => {
                measure.html_bytes = measure.html_bytes.max(made.html.len());
                if sample.bare {
                    (measure.subject, measure.preheader) = (made.subject, made.preheader);
                }
            }
            Err(error) => {
                let fails = |sample: &&Sample| try_out(mail, stage, sample).is_err();
                let samples = SAMPLES.iter().filter(fails).map(|sample| sample.id).collect();
                return Err(Failure { error, samples });
            }
        }
    }
    Ok(measure)
}

/// A mail as one sample gets it.
///
/// # Errors
/// As of [`render()`].
pub fn try_out(mail: &Mail, stage: &Stage<'_>, sample: &Sample) -> Result<Rendered, RenderError> {
    try_out_amid(mail, stage, sample, &surroundings())
}

/// As [`try_out`], from a sender and for a programme of one's own.
///
/// # Errors
/// As of [`render()`].
pub fn try_out_amid(
    mail: &Mail,
    stage: &Stage<'_>,
    sample: &Sample,
    around: &Surroundings,
) -> Result<Rendered, RenderError> {
    match show(mail, stage, sample, around.clone()) {
        // Where a text of the workflow's own begins a link, it is an address; a sample cannot know which text that is.
        Err(RenderError::RefusedLink { .. }) => show(mail, stage, &Sample { text: ADDRESS, ..*sample }, around.clone()),
        shown => shown,
    }
}

fn show(mail: &Mail, stage: &Stage<'_>, sample: &Sample, mut around: Surroundings) -> Result<Rendered, RenderError> {
    let shape = |path: &str| (stage.shape)(path).map(|shaped| (shaped.shape, shaped.maybe_missing));
    let mut context = sample.context(mail, &shape);
    if let Json::Object(values) = &mut context {
        // Who has nothing to use next in the sample has nothing of what is declared either.
        let has_none = !values.contains_key(next_resource::NAME);
        let known = stage.known.iter().filter(|(name, _)| !(has_none && *name == next_resource::NAME));
        values.extend(known.map(|(name, value)| (name.clone(), value.clone())));
    }
    around.topic.service = stage.service;
    let address = around.links.why.clone();
    if stage.service {
        around.links.unsubscribe = None;
    }
    // A link asked for by a value, which is a sample's, is there; one asked for by a word of the author's must exist.
    let link = |id: &str| (id.to_owned(), address.clone());
    around.links.answers = stage.answers.iter().copied().chain([sample.text]).map(link).collect();
    around.links.goals.extend([link(sample.text)]);
    around.links.certificates.extend([link(sample.text)]);
    let request = Request {
        context: &context,
        locale: stage.locale,
        person: &sample.person(),
        sender: &around.sender,
        program: &around.program,
        imprint: &around.imprint,
        topic: &around.topic,
        links: &around.links,
        reason: Some("this is a sample"),
    };
    render(mail, stage.layout, &request)
}

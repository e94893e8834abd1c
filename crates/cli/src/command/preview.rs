//! `rapport preview`: a mail as a test of its workflow makes it, with every value worked out by the real core; where no test sends it, with
//! values that are made up.

use std::path::PathBuf;

use rapport_engine::ports::transport::{Letter, Mailbox};
use rapport_message::Locale;
use rapport_trial::Runner;
use rapport_workflow::{Rulebook, Sampled};

use super::send_test::of_partner;
use super::test::sound_rulebook;
use crate::command_line::Global;
use crate::exit::{self, Failure};
use crate::settings::Settings;
use crate::{files, printed};

/// By this name the mail is meant that tells of what found no place under a cap.
const DIGEST: &str = "digest";

/// Prints subject and text of a mail, as a test of its workflow makes it, a partner of the store gets it, or a sample partner of a
/// language would; with `out` also writes it as HTML: desktop, 375 px and dark beside each other.
pub async fn run(
    global: &Global,
    mail: &str,
    out: Option<&PathBuf>,
    partner: Option<&str>,
    language: Option<&str>,
) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    let (workflow, name) = known_mail(&rulebook, mail)?;
    let (letter, whose) = match (partner, language) {
        (Some(partner), _) => {
            no_digest(&rulebook, workflow, name)?;
            let letter = of_partner(&Settings::load(global)?, partner, workflow, name).await?;
            (letter, format!("as {} got it last, or will get it next", printed::harmless(partner)))
        }
        (None, Some(language)) => of_sample(&rulebook, workflow, name, Some(&locale(language)?))?,
        (None, None) => made(&rulebook, workflow, name)?,
    };
    printed::line(format!(
        "{}: {}\n\n{}",
        printed::bold("Subject"),
        printed::harmless(&letter.subject),
        letter.text.trim_end()
    ));
    printed::line(printed::faint(&format!("\n{whose}")));
    if let Some(folder) = out {
        let file = |ending: &str| format!("{name}.{ending}");
        let texts: files::Texts = [
            (file("html"), letter.html.clone()),
            (file("txt"), letter.text.clone()),
            (file("preview.html"), page(&letter)),
        ]
        .into();
        files::write(folder, &texts)?;
        printed::line(format!("written: {}", folder.join(file("preview.html")).display()));
    }
    Ok(exit::OK)
}

/// As a test of the workflow makes it, or with values that are made up where none sends it; and which.
pub(super) fn made(rulebook: &Rulebook, workflow: Option<&str>, name: &str) -> Result<(Letter, String), Failure> {
    // Tests make it under a mail's name, of those that travel in it.
    let by_test = if is_digest(rulebook, workflow, name) { None } else { of_test(rulebook, workflow, name) };
    match by_test {
        Some(made) => Ok(made),
        None => of_sample(rulebook, workflow, name, None),
    }
}

fn of_test(rulebook: &Rulebook, workflow: Option<&str>, name: &str) -> Option<(Letter, String)> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let report = Runner::default().run(rulebook, workflow, threads);
    let mut sent = report.verdicts.into_iter().flat_map(|verdict| {
        let of = verdict.name;
        verdict.performance.mails.into_iter().map(move |sent| (of.clone(), sent))
    });
    let (test, sent) = sent.find(|(_, sent)| sent.mail == name && workflow.is_none_or(|id| sent.workflow == id))?;
    Some((sent.letter, format!("as in the test \"{test}\"")))
}

/// As a partner who is made up would get it.
fn of_sample(
    rulebook: &Rulebook,
    workflow: Option<&str>,
    name: &str,
    language: Option<&Locale>,
) -> Result<(Letter, String), Failure> {
    let none = || Failure::input(format!("there is no mail `{name}`"));
    let fits = |of: &str, known: &str| known == name && workflow.is_none_or(|id| of == id);
    let made = match rulebook.mails.keys().find(|(of, known)| fits(of, known)) {
        Some((of, _)) => {
            let vocabulary = rapport_workflow::look(&rulebook.sources).vocabulary;
            rapport_workflow::sampled(rulebook, &vocabulary, of, name, language)
        }
        None if is_digest(rulebook, workflow, name) => rapport_workflow::sampled_digest(rulebook, language),
        None => None,
    };
    let made = made.ok_or_else(none)?;
    let Sampled { rendered, sender, to, locale, path } = made.map_err(|error| {
        Failure::input(format!("the mail cannot be made with sample values: {error}"))
            .help("add a test that sends it to tests.yaml beside the workflow, or name a partner with --partner")
    })?;
    let whose = match language {
        Some(wished) if wished.language() != locale.language() => {
            format!("with sample values; there is no text in {wished}, who reads it gets {locale}: {path}")
        }
        Some(_) => format!("with sample values, in {locale}: {path}"),
        None if is_digest(rulebook, workflow, name) => format!("with sample values: {path}"),
        None => format!("with sample values, for no test sends it: {path}"),
    };
    let letter = Letter {
        from: Mailbox { name: sender.name.clone(), address: sender.email },
        to: Mailbox { name: String::new(), address: to },
        reply_to: Mailbox { name: sender.name, address: sender.reply_to },
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        message_id: "sample@localhost".to_owned(),
        date: jiff::Timestamp::now(),
        headers: Vec::new(),
    };
    Ok((letter, whose))
}

fn locale(language: &str) -> Result<Locale, Failure> {
    Locale::parse(language).ok_or_else(|| {
        Failure::input(format!("`{}` is no language", printed::harmless(language))).help("write `de` or `de-AT`")
    })
}

/// The workflow, where it is named, and the mail of `WORKFLOW/MAIL` or `MAIL`; a failure with the nearest when there is none, and with
/// all when there are several.
pub(super) fn known_mail<'m>(rulebook: &Rulebook, mail: &'m str) -> Result<(Option<&'m str>, &'m str), Failure> {
    let (workflow, name) = mail.split_once('/').map_or((None, mail), |(workflow, name)| (Some(workflow), name));
    let mut all = Vec::new();
    let mut fitting = Vec::new();
    for (of, known) in rulebook.mails.keys() {
        let whole = format!("{of}/{known}");
        if **known == *name && workflow.is_none_or(|id| **of == *id) {
            fitting.push(whole.clone());
        }
        all.push(whole);
    }
    match &fitting[..] {
        [] if is_digest(rulebook, workflow, name) => Ok((None, name)),
        [] => {
            all.extend(rulebook.has_digest().then(|| DIGEST.to_owned()));
            let near = rapport_rule::suggest::nearest(mail, all.iter().map(String::as_str));
            let near = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_else(|| all.join(", "));
            Err(Failure::input(format!("there is no mail `{mail}`")).help(near))
        }
        [_] => Ok((workflow, name)),
        [first, ..] => Err(Failure::input(format!("`{name}` is a mail of several workflows: {}", fitting.join(", ")))
            .help(format!("name the workflow too, as in `{first}`"))),
    }
}

/// A failure for the mail that no partner has before it leaves: what it tells of is known only then.
pub(super) fn no_digest(rulebook: &Rulebook, workflow: Option<&str>, name: &str) -> Result<(), Failure> {
    if is_digest(rulebook, workflow, name) {
        return Err(Failure::input("what is in a partner's digest is known when it leaves, and not before")
            .help("leave --partner away: it is made with sample values then"));
    }
    Ok(())
}

/// Whether it is `config/digest.mail.md` that is meant: a mail of that name in a workflow goes before.
fn is_digest(rulebook: &Rulebook, workflow: Option<&str>, name: &str) -> bool {
    let of_a_workflow = || rulebook.mails.keys().any(|(_, known)| **known == *name);
    workflow.is_none() && name == DIGEST && rulebook.has_digest() && !of_a_workflow()
}

/// The mail at desktop width, at 375 px, and as a dark client shows it.
fn page(letter: &Letter) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let frame = |title: &str, width: &str, style: &str| {
        // Sandboxed without scripts; links stay inert.
        format!(
            "<figure><figcaption>{title}</figcaption><iframe sandbox=\"\" style=\"width:{width};{style}\" srcdoc=\"{}\"></iframe></figure>",
            escaped(&letter.html)
        )
    };
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{}</title>\
         <style>body{{font-family:sans-serif;margin:1rem}}main{{display:flex;flex-wrap:wrap;gap:1rem}}figure{{margin:0}}\
         iframe{{height:44rem;border:1px solid #999}}pre{{white-space:pre-wrap}}</style>\
         <h1>{}</h1><main>{}{}{}</main><h2>Text</h2><pre>{}</pre>",
        escaped(&letter.subject),
        escaped(&letter.subject),
        frame("desktop", "680px", ""),
        frame("375 px", "375px", ""),
        frame("dark", "375px", "color-scheme:dark"),
        escaped(&letter.text)
    )
}

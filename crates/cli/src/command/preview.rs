//! `rapport preview`: a mail as a test of its workflow makes it, with every value worked out by the real core.

use std::path::PathBuf;

use rapport_engine::ports::transport::Letter;
use rapport_trial::Runner;
use rapport_workflow::Rulebook;

use super::send_test::of_partner;
use super::test::sound_rulebook;
use crate::command_line::Global;
use crate::exit::{self, Failure};
use crate::settings::Settings;
use crate::{files, printed};

/// Prints subject and text of a mail, as a test of its workflow makes it or a partner of the store gets it; with `out` also writes
/// it as HTML: desktop, 375 px and dark beside each other.
pub async fn run(global: &Global, mail: &str, out: Option<&PathBuf>, partner: Option<&str>) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    let (workflow, name) = known_mail(&rulebook, mail)?;
    let (letter, whose) = match partner {
        Some(partner) => {
            let letter = of_partner(&Settings::load(global)?, partner, workflow, name).await?;
            (letter, format!("as {} got it last, or will get it next", printed::harmless(partner)))
        }
        None => of_test(&rulebook, workflow, name)?,
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

/// As a test of the workflow makes it, and which.
pub(super) fn of_test(rulebook: &Rulebook, workflow: Option<&str>, name: &str) -> Result<(Letter, String), Failure> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let report = Runner::default().run(rulebook, workflow, threads);
    let mut sent = report.verdicts.into_iter().flat_map(|verdict| {
        let of = verdict.name;
        verdict.performance.mails.into_iter().map(move |sent| (of.clone(), sent))
    });
    let fitting = sent.find(|(_, sent)| sent.mail == name && workflow.is_none_or(|id| sent.workflow == id));
    fitting.map(|(test, sent)| (sent.letter, format!("as in the test \"{test}\""))).ok_or_else(|| {
        Failure::input(format!("no test sends `{name}`, so there is nothing to show"))
            .help("add a test that sends it to tests.yaml beside the workflow, or name a partner with --partner")
    })
}

/// The workflow, where it is named, and the mail of `WORKFLOW/MAIL` or `MAIL`; a failure with the nearest when there is none.
pub(super) fn known_mail<'m>(rulebook: &Rulebook, mail: &'m str) -> Result<(Option<&'m str>, &'m str), Failure> {
    let (workflow, name) = mail.split_once('/').map_or((None, mail), |(workflow, name)| (Some(workflow), name));
    let known = rulebook.mails.keys().any(|(of, known)| **known == *name && workflow.is_none_or(|id| **of == *id));
    if !known {
        let mails: Vec<String> = rulebook.mails.keys().map(|(of, mail)| format!("{of}/{mail}")).collect();
        let near = rapport_rule::suggest::nearest(mail, mails.iter().map(String::as_str));
        let near = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_else(|| mails.join(", "));
        return Err(Failure::input(format!("there is no mail `{mail}`")).help(near));
    }
    Ok((workflow, name))
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

//! `rapport preview`: a mail as a test of its workflow makes it, with every value worked out by the real core.

use std::path::PathBuf;

use rapport_trial::{Runner, SentMail};
use rapport_workflow::Rulebook;

use super::test::sound_rulebook;
use crate::command_line::Global;
use crate::exit::{self, Failure};
use crate::{files, printed};

/// Prints subject and text of a mail; with `out` also writes it as HTML: desktop, 375 px and dark beside each other.
pub fn run(global: &Global, mail: &str, out: Option<&PathBuf>) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    let (workflow, name) = known_mail(&rulebook, mail)?;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let report = Runner::default().run(&rulebook, workflow, threads);
    let sent =
        report.verdicts.iter().flat_map(|verdict| verdict.performance.mails.iter().map(move |sent| (verdict, sent)));
    let mut fitting = sent.filter(|(_, sent)| sent.mail == name && workflow.is_none_or(|id| sent.workflow == id));
    let Some((verdict, sent)) = fitting.next() else {
        return Err(Failure::input(format!("no test sends `{mail}`, so there is nothing to show"))
            .help("add a test that sends it to tests.yaml beside the workflow"));
    };
    printed::line(format!("{}: {}\n\n{}", printed::bold("Subject"), sent.letter.subject, sent.letter.text.trim_end()));
    printed::line(printed::faint(&format!("\nas in the test \"{}\"", verdict.name)));
    if let Some(folder) = out {
        let file = |ending: &str| format!("{name}.{ending}");
        let texts: files::Texts = [
            (file("html"), sent.letter.html.clone()),
            (file("txt"), sent.letter.text.clone()),
            (file("preview.html"), page(sent)),
        ]
        .into();
        files::write(folder, &texts)?;
        printed::line(format!("written: {}", folder.join(file("preview.html")).display()));
    }
    Ok(exit::OK)
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
fn page(sent: &SentMail) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let frame = |title: &str, width: &str, style: &str| {
        // Sandboxed without scripts; links stay inert.
        format!(
            "<figure><figcaption>{title}</figcaption><iframe sandbox=\"\" style=\"width:{width};{style}\" srcdoc=\"{}\"></iframe></figure>",
            escaped(&sent.letter.html)
        )
    };
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{}</title>\
         <style>body{{font-family:sans-serif;margin:1rem}}main{{display:flex;flex-wrap:wrap;gap:1rem}}figure{{margin:0}}\
         iframe{{height:44rem;border:1px solid #999}}pre{{white-space:pre-wrap}}</style>\
         <h1>{}</h1><main>{}{}{}</main><h2>Text</h2><pre>{}</pre>",
        escaped(&sent.letter.subject),
        escaped(&sent.letter.subject),
        frame("desktop", "680px", ""),
        frame("375 px", "375px", ""),
        frame("dark", "375px", "color-scheme:dark"),
        escaped(&sent.letter.text)
    )
}

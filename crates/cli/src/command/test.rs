//! `rapport test`.

use std::path::PathBuf;

use rapport_rule::finding::render::human_all;
use rapport_trial::{Report, Runner, Verdict};
use rapport_workflow::Rulebook;
use serde_json::json;

use crate::command_line::{Global, TestArguments};
use crate::exit::{self, Failure};
use crate::{files, printed};

/// Plays every test; exit code 1 when one fails.
pub fn run(global: &Global, arguments: &TestArguments) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    let began = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let report = Runner::default().run(&rulebook, arguments.only.as_deref(), threads);
    if report.verdicts.is_empty() {
        let only = arguments.only.as_deref().map(|only| format!(" named like `{only}`")).unwrap_or_default();
        return Err(
            Failure::input(format!("there are no tests{only}")).help("tests stand in tests.yaml beside workflow.yaml")
        );
    }
    if let Some(path) = &arguments.junit {
        write(path, &rapport_trial::junit::xml(&report.verdicts))?;
    }
    if arguments.json {
        printed::line(data(&report).to_string());
    } else {
        told(&report, arguments, began.elapsed());
    }
    Ok(if report.failures() > 0 { exit::FAILURE } else { exit::OK })
}

/// The rulebook of the project folder; what is wrong with the files is printed.
pub fn sound_rulebook(global: &Global) -> Result<Rulebook, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let sources = files::sources(&files::read(&folder)?);
    let (rulebook, findings) = rapport_workflow::compile(&sources);
    rulebook.ok_or_else(|| {
        printed::line(human_all(&findings, &crate::settings::shown(&sources)).trim_end());
        Failure::input("the files have errors")
            .help("put right what is listed above; `rapport code R0201` explains a code")
    })
}

fn write(path: &PathBuf, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
}

fn told(report: &Report, arguments: &TestArguments, took: std::time::Duration) {
    for Verdict { workflow, name, path, line, wrong, .. } in &report.verdicts {
        if wrong.is_empty() {
            if arguments.all {
                printed::line(format!("✓ {workflow} · {name}"));
            }
            continue;
        }
        printed::line(format!("✗ {workflow} · {name}   {path}:{line}"));
        for why in wrong {
            printed::line(format!("    {}", why.replace('\n', "\n    ")));
        }
    }
    if arguments.coverage {
        for (workflow, (missed, all)) in &report.missed {
            printed::line(format!("{workflow}: {} of {all} steps and branches walked", all - missed.len()));
            for missed in missed {
                let way = missed.way.as_deref().map(|way| format!(", {way}")).unwrap_or_default();
                printed::line(format!(
                    "    workflows/{workflow}/workflow.yaml:{}  not walked: {}{way}",
                    missed.line, missed.step
                ));
            }
        }
    }
    let untested: Vec<&str> = report
        .missed
        .keys()
        .map(|id| &**id)
        .filter(|id| arguments.only.is_none() && !report.verdicts.iter().any(|verdict| *verdict.workflow == **id))
        .collect();
    if !untested.is_empty() {
        printed::line(format!("without tests: {}", untested.join(", ")));
    }
    let failed = report.failures();
    let passed = printed::count((report.verdicts.len() - failed) as i64, "test");
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    printed::line(format!("{passed} passed{failed} in {:.1} s", took.as_secs_f64()));
}

fn data(report: &Report) -> serde_json::Value {
    let tests = report.verdicts.iter().map(|verdict| {
        json!({ "workflow": &*verdict.workflow, "name": verdict.name, "path": verdict.path, "line": verdict.line,
            "passed": verdict.wrong.is_empty(), "wrong": verdict.wrong })
    });
    let coverage = report.missed.iter().map(|(workflow, (missed, all))| {
        let missed = missed.iter().map(|missed| json!({ "line": missed.line, "step": missed.step, "way": missed.way }));
        (workflow.to_string(), json!({ "all": all, "missed": missed.collect::<Vec<_>>() }))
    });
    json!({ "tests": tests.collect::<Vec<_>>(), "coverage": coverage.collect::<serde_json::Map<_, _>>() })
}

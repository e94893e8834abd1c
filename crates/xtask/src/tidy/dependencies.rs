//! Dependencies point inward: a crate may use those below it, and the core uses no I/O at all.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{process, workspace};

/// The crates in order; each may depend on those of an earlier line, never on its own line or a later one.
const LAYERS: [&[&str]; 12] = [
    &["rule"],
    &["shipped"],
    &["event", "message", "contact", "feedback"],
    &["partner"],
    &["insight"],
    &["workflow"],
    &["journey"],
    &["engine"],
    &["conformance"],
    &["memory"],
    &["store", "kafka", "smtp", "http", "hook", "sim", "trial", "editor"],
    &["cli", "bench", "e2e", "fuzz", "xtask"],
];
/// Pure: values in, values out.
pub const CORE: [&str; 9] =
    ["rule", "event", "partner", "insight", "message", "contact", "feedback", "workflow", "journey"];
const NOT_IN_CORE: [&str; 12] = [
    "tokio",
    "async-std",
    "futures",
    "sqlx",
    "rdkafka",
    "lettre",
    "axum",
    "hyper",
    "rustls",
    "openssl",
    "tracing",
    "rand",
];
/// Built without a broker, a database or TLS.
const INNER: [&str; 4] = ["engine", "memory", "sim", "trial"];
const NOT_IN_INNER: [&str; 6] = ["sqlx", "rdkafka", "lettre", "axum", "rustls", "openssl-sys"];

pub fn check(findings: &mut Vec<String>) -> Result<()> {
    let mut command = workspace::command(&["metadata", "--format-version", "1", "--locked"]);
    let graph = Graph::read(&process::output(&mut command)?)?;
    for (layer, crates) in LAYERS.iter().enumerate() {
        for name in *crates {
            for below in graph.direct(&package(name)) {
                let Some(other) = below.strip_prefix("rapport-") else { continue };
                let place = LAYERS.iter().position(|crates| crates.contains(&other));
                if place.is_none_or(|place| place >= layer) {
                    findings.push(format!("crates/{name}: depends on `{other}`, which is not below it"));
                }
            }
        }
    }
    for member in graph.members() {
        if !LAYERS.iter().any(|crates| crates.contains(&member.as_str())) {
            findings.push(format!("crates/{member}: stands in no layer of the dependency check"));
        }
    }
    forbid(&graph, &CORE, &NOT_IN_CORE, findings);
    forbid(&graph, &INNER, &NOT_IN_INNER, findings);
    Ok(())
}

fn forbid(graph: &Graph, crates: &[&str], forbidden: &[&str], findings: &mut Vec<String>) {
    for name in crates {
        let all = graph.all(&package(name));
        for word in forbidden.iter().filter(|word| all.contains(**word)) {
            findings.push(format!("crates/{name}: reaches `{word}`, which it must do without"));
        }
    }
}

pub fn package(name: &str) -> String {
    format!("rapport-{name}")
}

/// Names of packages and of what each uses at run time (not for its tests, its build script, or in macros).
struct Graph {
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read(metadata: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(metadata)?;
        let mut names = BTreeMap::new();
        let mut macros = BTreeSet::new();
        for package in metadata["packages"].as_array().context("no packages")? {
            let id = package["id"].as_str().context("a package without id")?;
            names.insert(id, package["name"].as_str().unwrap_or_default());
            let mut targets = package["targets"].as_array().into_iter().flatten();
            if targets
                .any(|target| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == "proc-macro")))
            {
                macros.insert(id);
            }
        }
        let name = |id: &Value| id.as_str().and_then(|id| names.get(id)).map(|name| (*name).to_owned());
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().context("no nodes")? {
            // What a procedural macro uses runs in the compiler, and is not in the program.
            if node["id"].as_str().is_some_and(|id| macros.contains(id)) {
                continue;
            }
            let entry = uses.entry(name(&node["id"]).context("a node without package")?).or_default();
            for dependency in node["deps"].as_array().into_iter().flatten() {
                let normal = |kinds: &Vec<Value>| kinds.iter().any(|kind| kind["kind"].is_null());
                if dependency["dep_kinds"].as_array().is_some_and(normal) {
                    entry.extend(name(&dependency["pkg"]));
                }
            }
        }
        Ok(Self { uses })
    }

    /// The workspace's own crates, without their common prefix.
    fn members(&self) -> impl Iterator<Item = String> {
        self.uses.keys().filter_map(|name| name.strip_prefix("rapport-").map(str::to_owned))
    }

    fn direct(&self, package: &str) -> impl Iterator<Item = &str> {
        self.uses.get(package).into_iter().flatten().map(String::as_str)
    }

    fn all(&self, package: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = self.direct(package).collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.direct(next));
            }
        }
        seen
    }
}

//! From files to a rulebook: everything is read, everything is checked, every finding is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_message::clients::{self, Client};
use rapport_message::{Layout, Locale, Partials, partial};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{self, Node, is_name};
use rapport_rule::{Findings, Source, Sources, encoding};

use crate::config::{self, Award, Config, Feed, Hook, Offer, Program};
use crate::environment::{Declared, Names};
use crate::lint;
use crate::mails;
use crate::model::{KindPattern, Verb, Workflow};
use crate::read;
use crate::received;
use crate::rulebook::Rulebook;
use crate::started::{self, Triggers};
use crate::trial;
use crate::vocabulary::Vocabulary;

/// Files of `config/` with a meaning; `(file, required)`.
const CONFIG_FILES: [(&str, bool); 15] = [
    ("rapport.yaml", true),
    ("segments.yaml", false),
    ("goals.yaml", false),
    ("offers.yaml", false),
    ("awards.yaml", false),
    ("resources.yaml", false),
    ("surveys.yaml", false),
    ("feeds.yaml", false),
    ("events.yaml", false),
    ("health.yaml", false),
    ("hooks.yaml", false),
    ("labels.yaml", false),
    ("rates.csv", false),
    ("layout.mail.html", false),
    ("layout.mail.txt", false),
];

/// What workflows may refer to.
pub(crate) struct Catalogue<'a> {
    pub(crate) declared: &'a Declared,
    /// `None` when `config/rapport.yaml` has errors of its own: then nothing is said about names declared there.
    pub(crate) config: Option<&'a Config>,
    pub(crate) offers: &'a BTreeMap<Arc<str>, Offer>,
    pub(crate) awards: &'a BTreeMap<Arc<str>, Award>,
    pub(crate) feeds: &'a BTreeMap<Arc<str>, Feed>,
    pub(crate) hooks: &'a BTreeMap<Arc<str>, Hook>,
    /// Ids of all workflows.
    pub(crate) workflows: &'a [Arc<str>],
    /// What workflows that start another hand on to it, by the other's id.
    pub(crate) handed: &'a BTreeMap<Arc<str>, Triggers>,
    /// Whether there is a mail for what the caps hold back.
    pub(crate) has_digest: bool,
    /// Whether it is also asked if what is understood is meant so; of files that were applied it is not.
    pub(crate) checks: bool,
}

/// Compiles everything under `workflows/` and `config/`. A rulebook only without errors; findings always.
pub fn compile(sources: &Sources) -> (Option<Rulebook>, Findings) {
    compile_into(sources, Findings::new())
}

/// Compiles files that were checked when they were applied. What only says that something is not meant so, or could be better, is not
/// asked again: a rule that came with a later release takes nothing out of force, and journeys that run under these files go on.
/// Nor is a mail rendered for made-up partners, which takes longer than all the rest.
pub fn compile_applied(sources: &Sources) -> (Option<Rulebook>, Findings) {
    let mut findings = Findings::new();
    let rulebook = build(sources, false, &mut findings, &mut |_| {});
    (rulebook.filter(|_| !findings.has_errors()), findings)
}

/// Like [`compile`], with findings one has begun: [`Findings::watching`] also tells which keys each map may have.
pub fn compile_into(sources: &Sources, mut findings: Findings) -> (Option<Rulebook>, Findings) {
    let rulebook = build(sources, true, &mut findings, &mut |_| {});
    (rulebook.filter(|_| !findings.has_errors()), findings)
}

/// What an editor wants of a project: the rulebook if there is one, all findings, and what may be named.
#[derive(Debug)]
pub struct Looked {
    /// The rulebook, without errors.
    pub rulebook: Option<Rulebook>,
    /// All findings.
    pub findings: Findings,
    /// What may be named, as far as the files can be read.
    pub vocabulary: Vocabulary,
}

/// Like [`compile`], and tells what may be named.
pub fn look(sources: &Sources) -> Looked {
    let (mut findings, mut vocabulary) = (Findings::new(), Vocabulary::default());
    let rulebook = build(sources, true, &mut findings, &mut |told| vocabulary = told);
    Looked { rulebook: rulebook.filter(|_| !findings.has_errors()), findings, vocabulary }
}

fn build(
    sources: &Sources,
    checks: bool,
    findings: &mut Findings,
    tell: &mut dyn FnMut(Vocabulary),
) -> Option<Rulebook> {
    if checks {
        sources.iter().for_each(|source| encoding::check(source, findings));
    }
    let nodes = config_nodes(sources, findings);
    let node = |name: &str| nodes.get(name).map(|node| (node, format!("config/{name}")));
    let config = node("rapport.yaml").and_then(|(node, path)| config::read_rapport(node, &path, findings));
    let custom = node("events.yaml").map(|(node, path)| config::read_events(node, &path, findings)).unwrap_or_default();
    let surveys =
        node("surveys.yaml").map(|(node, path)| config::read_surveys(node, &path, findings)).unwrap_or_default();
    let names = config::segment_names(nodes.get("segments.yaml"));
    let sets = config::Sets { groups: &names.groups, segments: &names.segments };
    let offers =
        node("offers.yaml").map(|(node, path)| config::read_offers(node, &path, sets, findings)).unwrap_or_default();
    let awards = node("awards.yaml").map(|(node, path)| config::read_awards(node, &path, findings)).unwrap_or_default();
    let feeds =
        node("feeds.yaml").map(|(node, path)| config::read_feeds(node, &path, sources, findings)).unwrap_or_default();
    let hooks = node("hooks.yaml").map(|(node, path)| config::read_hooks(node, &path, findings)).unwrap_or_default();
    let labels = node("labels.yaml").map(|(node, path)| config::read_labels(node, &path, findings)).unwrap_or_default();
    let health = node("health.yaml").map(|(node, path)| config::read_health(node, &path, findings)).unwrap_or_default();
    let rates = sources.get("config/rates.csv").map(|source| config::read_rates(source, findings)).unwrap_or_default();
    let programs = config.as_ref().map(|config| config.programs.keys().cloned().collect()).unwrap_or_default();
    let partner_types = config.as_ref().map(|config| config.partner_types.clone()).unwrap_or_default();
    let resources = {
        let known = config::KnownToResources { sets, partner_types: &partner_types };
        let read = |(node, path): (&Node, String)| config::read_resources(node, &path, known, findings);
        node("resources.yaml").map(read).unwrap_or_default()
    };
    let mut declared = Declared {
        custom,
        surveys,
        resources,
        groups: names.groups,
        lanes: names.lanes,
        segments: names.segments,
        programs,
        partner_types,
        labels,
        awards: awards.keys().cloned().collect(),
        bands: health.iter().flat_map(|model| &model.spec().bands).map(|band| Arc::from(band.name.as_str())).collect(),
        mails: received::mail_names(sources),
        clicks_uncounted: config.as_ref().is_some_and(|config| config.clicks.is_none()),
        checks,
        ..Declared::default()
    };
    // Groups and segments are judged from stored fields and figures: they cannot ask for each other.
    let segments = {
        let env = Names::of_partner(&declared, false);
        node("segments.yaml").map(|(node, path)| config::read_segments(node, &path, &env, findings)).unwrap_or_default()
    };
    let goals = {
        let env = Names::of_partner(&declared, false);
        let known = config::KnownToGoals {
            sets: config::Sets { groups: &declared.groups, segments: &declared.segments },
            senders: config.as_ref().map(|config| config.senders.keys().cloned().collect()),
            currencies: config
                .iter()
                .flat_map(|config| config.programs.values())
                .map(|program| program.currency)
                .collect(),
            env: &env,
            checks,
        };
        node("goals.yaml").map(|(node, path)| config::read_goals(node, &path, &known, findings)).unwrap_or_default()
    };
    declared.goals = config::goal_names(&goals, nodes.get("goals.yaml"));
    declared.anniversaries = goals.anniversaries;

    let folders = folders(sources, findings);
    let ids: Vec<Arc<str>> = folders.keys().cloned().collect();
    let program = config.as_ref().and_then(|config| config.program(&config.default_program));
    let locale = program.and_then(|program| Locale::parse(&program.language)).unwrap_or_else(Locale::english);
    let written = folders.iter().filter_map(|(id, folder)| Some((id, folder.workflow?)));
    let handed = started::handed_on(written, &declared);
    let catalogue = Catalogue {
        declared: &declared,
        config: config.as_ref(),
        offers: &offers,
        awards: &awards,
        feeds: &feeds,
        hooks: &hooks,
        workflows: &ids,
        handed: &handed,
        has_digest: sources.iter().any(|source| mails::digest::is_path(&source.path)),
        checks,
    };
    tell(told(&catalogue));
    let layout = layout(sources, &locale, findings);
    let partials = Partials::parse(sources.under(partial::FOLDER), &locale, findings);
    let setting =
        mails::Setting { catalogue: &catalogue, layout: layout.as_deref(), program: &locale, rehearses: checks };
    let digest = mails::digest::read(sources, &partials, &setting, findings);
    let mut workflows = Vec::new();
    let mut all_mails = BTreeMap::new();
    let mut libraries = BTreeMap::new();
    let mut trials = BTreeMap::new();
    for (id, folder) in &folders {
        let library = rapport_message::Library::parse(folder.files.iter().copied(), &locale, &partials, findings);
        let read = folder.workflow.and_then(|source| {
            let node = yaml::parse_filled(source, findings)?;
            read::workflow(id, source, &node, &catalogue, findings)
        });
        if let (Some(read), Some(source)) = (&read, folder.workflow) {
            mails::check(read, source, &library, &setting, findings);
            mails::notice::check(&read.workflow, &library, &folder.files, findings);
        }
        if let Some(tests) = folder.tests {
            // Tests decide nothing: what is wrong with those of applied files takes nothing out of force.
            let mut aside = Findings::new();
            let findings = if checks { &mut *findings } else { &mut aside };
            let place = trial::Place {
                path: &tests.path,
                source: tests,
                declared: &declared,
                workflows: &ids,
                mails: library.names().chain(library.broken_names()).map(str::to_owned).collect(),
                offers: offers.keys().map(|id| &**id).collect(),
                hooks: hooks.keys().map(|id| &**id).collect(),
            };
            let read = yaml::parse_filled(tests, findings).map(|node| trial::read(&node, &place, findings));
            trials.insert(id.clone(), read.unwrap_or_default());
        }
        all_mails.extend(mails::uses(id, &library));
        libraries.insert(id.clone(), library);
        workflows.extend(read.map(|read| Arc::new(read.workflow)));
    }
    if checks {
        lint::check(&workflows, &segments, &declared, sources, findings);
        let all = Client::ALL;
        let clients = config.as_ref().map_or(all.as_slice(), |config| config.mail_clients.as_slice());
        sources.iter().for_each(|source| clients::lint(source, clients, findings));
    }
    // A mail with errors may ask for what seems unused.
    if !libraries.values().chain([&digest]).any(rapport_message::Library::has_broken) {
        let used = libraries.values().chain([&digest]).flat_map(rapport_message::Library::partials).cloned().collect();
        partials.warn_unused(&used, findings);
    }
    if let Some(layout) = &layout {
        check_reasons(layout, &declared, findings);
    }
    let figures = figures(&workflows, &segments, &all_mails);
    Some(Rulebook {
        hash: sources.hash().into(),
        sources: Arc::new(sources.clone()),
        config: config?,
        workflows,
        mails: all_mails,
        libraries,
        layout: layout?,
        digest,
        offers,
        awards,
        resources: declared.resources,
        surveys: declared.surveys,
        feeds,
        hooks,
        segments,
        goals,
        health,
        rates,
        custom_kinds: declared.custom,
        figures,
        cuts: crate::figures::cuts(sources.iter().map(|source| &*source.text)),
        trials,
    })
}

fn config_nodes(sources: &Sources, findings: &mut Findings) -> BTreeMap<&'static str, Node> {
    let mut nodes = BTreeMap::new();
    for (name, required) in CONFIG_FILES {
        let path = format!("config/{name}");
        match sources.get(&path) {
            Some(source) if name.ends_with(".yaml") => {
                // One that may be missing may be all comments, but not cut off.
                let read = if required || source.text.trim().is_empty() { yaml::parse_filled } else { yaml::parse };
                nodes.extend(read(source, findings).map(|node| (name, node)));
            }
            Some(_) => {}
            None if required => {
                findings
                    .error("R0518", &path, None, format!("there is no file {path}"))
                    .hint("Programmes, senders and topics are declared there.");
            }
            None => {}
        }
    }
    for source in sources.under("config/") {
        let name = source.path.trim_start_matches("config/");
        let top = !name.contains('/');
        let is_unknown =
            (name.ends_with(".yaml") || name.ends_with(".yml")) && !CONFIG_FILES.iter().any(|(file, _)| *file == name);
        let is_stray = rapport_message::Mail::is_path(name) && !mails::digest::is_path(&source.path);
        if top && (is_unknown || is_stray) {
            findings
                .error("R0527", &source.path, None, format!("{} has no meaning", source.path))
                .did_you_mean(nearest(name, CONFIG_FILES.iter().map(|(file, _)| *file)))
                .hint("A file that nothing reads would be ignored in silence.");
        }
    }
    nodes
}

/// A workflow's folder.
struct Folder<'a> {
    workflow: Option<&'a Source>,
    tests: Option<&'a Source>,
    files: Vec<&'a Source>,
}

fn folders<'a>(sources: &'a Sources, findings: &mut Findings) -> BTreeMap<Arc<str>, Folder<'a>> {
    let mut folders: BTreeMap<Arc<str>, Folder<'a>> = BTreeMap::new();
    for source in sources.under("workflows/") {
        let inside = source.path.trim_start_matches("workflows/");
        let Some((id, file)) = inside.split_once('/') else {
            findings
                .error("R0528", &source.path, None, "a file outside the folder of a workflow")
                .hint("A workflow is a folder: workflows/NAME/workflow.yaml.");
            continue;
        };
        let folder =
            folders.entry(id.into()).or_insert_with(|| Folder { workflow: None, tests: None, files: Vec::new() });
        match file {
            "workflow.yaml" => folder.workflow = Some(source),
            "tests.yaml" => folder.tests = Some(source),
            "README.md" => {}
            _ if rapport_message::Mail::is_path(file) && !file.contains('/') => {}
            _ => {
                findings
                    .error("R0528", &source.path, None, format!("`{file}` has no meaning in the folder of a workflow"))
                    .hint("There are workflow.yaml, NAME.mail.md, NAME.LANGUAGE.mail.md (or .mail.mjml), tests.yaml and README.md.");
            }
        }
        folder.files.push(source);
    }
    for (id, folder) in &folders {
        let first = folder.files.first().map_or_else(|| format!("workflows/{id}"), |source| source.path.clone());
        if !is_name(id) {
            findings.error("R0307", &first, None, format!("`{id}` is no name for a workflow's folder"));
        }
        if folder.workflow.is_none() {
            findings.error("R0518", &first, None, format!("there is no file workflows/{id}/workflow.yaml"));
        }
    }
    folders
}

fn layout(sources: &Sources, program: &Locale, findings: &mut Findings) -> Option<Arc<Layout>> {
    let html = sources.get("config/layout.mail.html");
    let text = sources.get("config/layout.mail.txt");
    match (html, text) {
        (Some(html), Some(text)) => Layout::parse(html, text, program, findings).map(Arc::new),
        (html, _) => {
            let missing = if html.is_none() { "config/layout.mail.html" } else { "config/layout.mail.txt" };
            findings
                .error("R0518", missing, None, format!("there is no file {missing}"))
                .hint("The layout carries imprint and way out of every mail, in HTML and in text.");
            None
        }
    }
}

/// What led to a mail without an event: a day, a schedule, a broadcast, a segment, a person.
const OCCASIONS: [&str; 6] =
    ["date.reached", "schedule.due", "broadcast.due", "segment.entered", "segment.left", "operator.command"];

fn check_reasons(layout: &Layout, declared: &Declared, findings: &mut Findings) {
    for (kind, span) in layout.reason_kinds() {
        if OCCASIONS.contains(&kind) || !declared.kinds(&KindPattern(kind.into())).is_empty() {
            continue;
        }
        let names = declared.kind_names(|_: &rapport_event::Kind| true);
        let near = names.iter().map(String::as_str).chain(OCCASIONS);
        findings
            .error("R0509", rapport_message::layout::HTML_PATH, span, format!("there is no kind of event `{kind}`"))
            .did_you_mean(nearest(kind, near));
    }
}

fn told(catalogue: &Catalogue<'_>) -> Vocabulary {
    let config = catalogue.config;
    Vocabulary {
        declared: catalogue.declared.clone(),
        senders: config.iter().flat_map(|config| config.senders.keys().cloned()).collect(),
        topics: config.iter().flat_map(|config| config.topics.keys().cloned()).collect(),
        offers: catalogue.offers.keys().cloned().collect(),
        feeds: catalogue.feeds.keys().cloned().collect(),
        hooks: catalogue.hooks.iter().map(|(id, hook)| (id.clone(), hook.kind)).collect(),
        workflows: catalogue.workflows.to_vec(),
        mails: catalogue.declared.mails.clone(),
    }
}

/// Every figure something names, so that it can be kept ready.
fn figures(workflows: &[Arc<Workflow>], segments: &config::Segments, mails: &mails::Uses) -> Vec<Arc<str>> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for workflow in workflows {
        let entry = &workflow.entry;
        let except = entry.holdout.as_ref().and_then(|holdout| holdout.except.as_ref());
        let conditions = [&entry.if_, &entry.unless].into_iter().filter_map(Option::as_ref).chain(except);
        names.extend(conditions.flat_map(|condition| condition.names()));
        for stop in &workflow.stop_when {
            if let crate::model::StopWhen::True { condition, .. } = stop {
                names.extend(condition.names());
            }
        }
        for timed in &workflow.timed {
            if let crate::model::Timed::Broadcast { audience, .. } = timed {
                names.extend(audience.names());
            }
        }
        for step in &workflow.steps {
            let guards = [&step.if_, &step.unless].into_iter().filter_map(Option::as_ref);
            names.extend(guards.flat_map(|condition| condition.names()));
            if let Verb::Choose { arms, .. } = &step.verb {
                let conditions = arms.iter().flat_map(|arm| [&arm.if_, &arm.unless]).filter_map(Option::as_ref);
                names.extend(conditions.flat_map(|condition| condition.names()));
            }
        }
    }
    for group in &segments.groups {
        if let config::GroupRule::If(condition) = &group.rule {
            names.extend(condition.names());
        }
    }
    names.extend(segments.segments.iter().flat_map(|segment| segment.condition.names()));
    names.extend(mails.values().flat_map(|mail| mail.context.iter().map(|name| &**name)));
    names.into_iter().filter(|name| crate::figures::variable(name).is_some()).map(Arc::from).collect()
}

/// The programmes a catalogue knows.
impl Catalogue<'_> {
    pub(crate) fn program(&self, id: &str) -> Option<&Program> {
        self.config?.program(id)
    }
}

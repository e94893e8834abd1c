//! Compiled rulebooks in memory: the current one, and every older version a journey still runs.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use jiff::Timestamp;
use rapport_partner::Figure;
use rapport_rule::{Source, Sources};
use rapport_workflow::{Rulebook, Timed, Workflow};
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    ports::{
        rows::DefinitionRow,
        store::{Store, StoreError},
        written::Written,
    },
    stillness::LOOK_ANYWAY,
};

/// Why a rulebook could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RulebookError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Applied by another version of rapport, or damaged.
    #[error("the applied files {hash} do not compile any more: {first}; run `rapport check` and `rapport apply`")]
    Broken {
        /// Hash of the files.
        hash: String,
        /// The first finding.
        first: String,
    },
}

/// A rulebook as applied: the files compiled, and since when each workflow is deployed.
#[derive(Debug)]
pub struct Applied {
    /// Hash of the files.
    pub hash: String,
    /// The compiled files.
    pub rulebook: Rulebook,
    /// Workflow → first deployment; older events start nothing.
    pub deployed: BTreeMap<String, Timestamp>,
    /// Names met as figures: the conditions of a night ask for the same few of every partner.
    figures: RwLock<HashMap<Box<str>, Option<Figure>, BuildHasherDefault<ShortName>>>,
    /// Subjects of the timers of triggers that are no event, by workflow.
    subjects: OnceLock<Vec<Vec<String>>>,
}

/// The hash of a name that files give: nobody outside chooses what is kept here, and it is asked for at every figure.
#[derive(Debug, Default)]
struct ShortName(u64);

impl Hasher for ShortName {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    // The end of a text.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Applied {
    /// A compiled rulebook under its hash.
    #[must_use]
    pub fn new(hash: String, rulebook: Rulebook, deployed: BTreeMap<String, Timestamp>) -> Self {
        Self { hash, rulebook, deployed, figures: RwLock::default(), subjects: OnceLock::new() }
    }

    /// Every trigger that is no event, with its workflow and the subject of its timer: `timed:WORKFLOW:INDEX`.
    pub fn timed(&self) -> impl Iterator<Item = (&Arc<Workflow>, &Timed, &str)> {
        let workflows = &self.rulebook.workflows;
        let subjects = self.subjects.get_or_init(|| {
            let of = |workflow: &Arc<Workflow>| {
                (0..workflow.timed.len()).map(|index| format!("timed:{}:{index}", workflow.id)).collect()
            };
            workflows.iter().map(of).collect()
        });
        workflows.iter().zip(subjects).flat_map(|(workflow, subjects)| {
            workflow.timed.iter().zip(subjects).map(move |(timed, subject)| (workflow, timed, subject.as_str()))
        })
    }

    /// The figure of this name, if it is one. Reading a name takes longer than most figures do.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<Figure> {
        let met = self.figures.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        met.unwrap_or_else(|| {
            let figure = Figure::parse(name).ok();
            self.figures.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), figure);
            figure
        })
    }

    /// Compiles files as they were applied.
    ///
    /// # Errors
    /// [`RulebookError::Broken`] with the first finding.
    pub fn compile(
        hash: &str,
        texts: BTreeMap<String, String>,
        deployed: BTreeMap<String, Timestamp>,
    ) -> Result<Self, RulebookError> {
        let sources: Sources = texts.into_iter().map(|(path, text)| Source::new(path, text)).collect();
        let (rulebook, findings) = rapport_workflow::compile_applied(&sources);
        let first = findings.iter().next().map_or_else(String::new, |first| first.message.clone());
        let rulebook = rulebook.ok_or(RulebookError::Broken { hash: hash.to_owned(), first })?;
        Ok(Self::new(hash.to_owned(), rulebook, deployed))
    }
}

impl std::ops::Deref for Applied {
    type Target = Rulebook;
    fn deref(&self) -> &Rulebook {
        &self.rulebook
    }
}

/// The hash of the files in force, asked for again when the store tells of others.
struct Told {
    written: watch::Receiver<Written>,
    heard: Mutex<Option<Heard>>,
}

/// What was heard, and up to which count of the store's.
#[derive(Clone)]
struct Heard {
    hash: Option<String>,
    count: u64,
    at: tokio::time::Instant,
}

impl Told {
    async fn hash(&self, store: &dyn Store) -> Result<Option<String>, StoreError> {
        // Before the question: what comes into force during it is asked for again.
        let count = self.written.borrow().applied;
        let heard = lock(&self.heard).clone();
        // What another process says to a store that tells only of this one is heard as late as this.
        if let Some(heard) = heard.filter(|heard| heard.count == count && heard.at.elapsed() < LOOK_ANYWAY) {
            return Ok(heard.hash);
        }
        let hash = store.current_definition_hash().await?;
        *lock(&self.heard) = Some(Heard { hash: hash.clone(), count, at: tokio::time::Instant::now() });
        Ok(hash)
    }
}

/// A workflow with the rulebook it was met in.
type Version = (Arc<Workflow>, Arc<Applied>);

/// The hash of files, and what the deployment says beside them.
type Files = (String, String);

/// Files compiled once for many [`Rulebooks`]: a simulator plays hundreds of worlds in one process, each with several services, and
/// most read the same files.
#[derive(Debug, Default)]
pub struct Compiled {
    known: Mutex<HashMap<Files, (String, Arc<Applied>)>>,
}

impl Compiled {
    /// A row of applied files, compiled unless the very same one was before.
    ///
    /// # Errors
    /// [`RulebookError::Broken`] with the first finding.
    pub fn of(&self, row: &DefinitionRow) -> Result<Arc<Applied>, RulebookError> {
        let key = (row.hash.clone(), row.deployed.clone());
        // Held meanwhile: whoever asks for the same waits for it instead of doing it too.
        let mut known = lock(&self.known);
        // A row that was damaged has the hash of one that was not.
        if let Some((_, applied)) = known.get(&key).filter(|(sources, _)| *sources == row.sources) {
            return Ok(applied.clone());
        }
        let applied = Arc::new(compile(row)?);
        known.insert(key, (row.sources.clone(), applied.clone()));
        Ok(applied)
    }
}

/// All rulebooks this process has met.
pub struct Rulebooks {
    store: Option<Arc<dyn Store>>,
    /// Where others in this process compile too.
    compiled: Option<Arc<Compiled>>,
    /// In a replay whose store tells what is written.
    told: Option<Told>,
    known: Mutex<HashMap<String, Arc<Applied>>>,
    /// By workflow, each version with the rulebook it was met in last.
    versions: Mutex<HashMap<String, HashMap<String, Version>>>,
}

impl Rulebooks {
    /// None met yet.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store: Some(store), compiled: None, told: None, known: Mutex::default(), versions: Mutex::default() }
    }

    /// None met yet, and what is met is compiled once for all that share this.
    #[must_use]
    pub fn sharing(store: Arc<dyn Store>, compiled: Arc<Compiled>) -> Self {
        Self { compiled: Some(compiled), ..Self::new(store) }
    }

    /// For a replay, in which every service asks at every step: the store tells when other files come into force.
    #[must_use]
    pub fn of_replay(store: Arc<dyn Store>) -> Self {
        let told = store.written().map(|written| Told { written, heard: Mutex::default() });
        Self { told, ..Self::new(store) }
    }

    /// Only this one, without a store behind it: for rehearsals.
    #[must_use]
    pub fn only(applied: &Arc<Applied>) -> Self {
        let rulebooks =
            Self { store: None, compiled: None, told: None, known: Mutex::default(), versions: Mutex::default() };
        rulebooks.take_up(applied);
        rulebooks
    }

    /// The newest applied rulebook; `None` before the first `apply`.
    pub async fn current(&self) -> Result<Option<Arc<Applied>>, RulebookError> {
        let Some(store) = &self.store else { return Ok(None) };
        let hash = match &self.told {
            Some(told) => told.hash(store.as_ref()).await?,
            None => store.current_definition_hash().await?,
        };
        match hash {
            Some(hash) => self.by_hash(&hash).await,
            None => Ok(None),
        }
    }

    /// The rulebook with this hash.
    pub async fn by_hash(&self, hash: &str) -> Result<Option<Arc<Applied>>, RulebookError> {
        if let Some(known) = lock(&self.known).get(hash) {
            return Ok(Some(known.clone()));
        }
        let Some(store) = &self.store else { return Ok(None) };
        let Some(row) = store.definition(hash).await? else { return Ok(None) };
        self.take_in(&row).map(Some)
    }

    /// The files in force, for a shard that stands at older ones which this binary cannot read any more.
    ///
    /// # Errors
    /// The given one, when those very files are in force.
    pub async fn instead_of(&self, broken: RulebookError) -> Result<Arc<Applied>, RulebookError> {
        let newest = self.current().await?;
        match (&broken, newest) {
            (RulebookError::Broken { hash, first }, Some(newest)) if newest.hash != *hash => {
                tracing::warn!(
                    hash,
                    first,
                    "files applied earlier do not compile any more; going on with those in force"
                );
                Ok(newest)
            }
            _ => Err(broken),
        }
    }

    /// The newest rulebook that has this mail: the one in force, or for a journey whose workflow or mail was taken away
    /// the last one that had it.
    pub async fn with_mail(
        &self,
        in_force: &Arc<Applied>,
        workflow: &str,
        mail: &str,
    ) -> Result<Arc<Applied>, RulebookError> {
        let has =
            |applied: &Applied| applied.rulebook.libraries.get(workflow).is_some_and(|library| library.contains(mail));
        let Some(store) = self.store.as_ref().filter(|_| !has(in_force)) else { return Ok(in_force.clone()) };
        for hash in store.definition_hashes().await? {
            match self.by_hash(&hash).await {
                Ok(Some(applied)) if has(&applied) => return Ok(applied),
                Ok(_) | Err(RulebookError::Broken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(in_force.clone())
    }

    /// Makes sure that the workflow's version can be looked up, going back through what was applied before.
    pub async fn ensure(&self, workflow: &str, version: &str) -> Result<(), RulebookError> {
        if self.knows(workflow, version) {
            return Ok(());
        }
        let Some(store) = &self.store else { return Ok(()) };
        for hash in store.definition_hashes().await? {
            // An older set of files that no longer compiles holds its journeys; it must not stop the shard.
            match self.by_hash(&hash).await {
                Err(RulebookError::Broken { hash, first }) => {
                    tracing::warn!(hash, first, "an old rulebook does not compile")
                }
                other => {
                    other?;
                }
            }
            if self.knows(workflow, version) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A rulebook among those met.
    #[must_use]
    pub fn met(&self, hash: &str) -> Option<Arc<Applied>> {
        lock(&self.known).get(hash).cloned()
    }

    /// A workflow's version among the rulebooks met.
    #[must_use]
    pub fn version(&self, workflow: &str, version: &str) -> Option<Arc<Workflow>> {
        self.version_in(workflow, version).map(|(workflow, _)| workflow)
    }

    /// A workflow's version, and a rulebook that has it.
    #[must_use]
    pub fn version_in(&self, workflow: &str, version: &str) -> Option<(Arc<Workflow>, Arc<Applied>)> {
        lock(&self.versions).get(workflow)?.get(version).cloned()
    }

    /// Whether a workflow's version is among the rulebooks met.
    #[must_use]
    pub fn knows(&self, workflow: &str, version: &str) -> bool {
        lock(&self.versions).get(workflow).is_some_and(|versions| versions.contains_key(version))
    }

    fn take_in(&self, row: &DefinitionRow) -> Result<Arc<Applied>, RulebookError> {
        let applied = match &self.compiled {
            Some(compiled) => compiled.of(row)?,
            None => Arc::new(compile(row)?),
        };
        self.take_up(&applied);
        Ok(applied)
    }

    fn take_up(&self, applied: &Arc<Applied>) {
        let mut versions = lock(&self.versions);
        for workflow in &applied.rulebook.workflows {
            let of_workflow = versions.entry(workflow.id.to_string()).or_default();
            of_workflow.insert(workflow.version.to_string(), (workflow.clone(), applied.clone()));
        }
        drop(versions);
        lock(&self.known).insert(applied.hash.clone(), applied.clone());
    }
}

/// Compiles a row of applied files.
///
/// # Errors
/// [`RulebookError::Broken`] with the first finding.
pub fn compile(row: &DefinitionRow) -> Result<Applied, RulebookError> {
    let broken = |first: String| RulebookError::Broken { hash: row.hash.clone(), first };
    let texts: BTreeMap<String, String> =
        serde_json::from_str(&row.sources).map_err(|error| broken(error.to_string()))?;
    let deployed: BTreeMap<String, i64> =
        serde_json::from_str(&row.deployed).map_err(|error| broken(error.to_string()))?;
    let deployed = deployed
        .into_iter()
        .filter_map(|(workflow, at)| Timestamp::from_millisecond(at).ok().map(|at| (workflow, at)))
        .collect();
    Applied::compile(&row.hash, texts, deployed)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

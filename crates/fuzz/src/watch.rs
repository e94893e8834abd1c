//! Feeding for a time: what panics is written down, what does not come back is noticed, what ends the process leaves its input behind.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::corpus::Corpus;
use crate::target::Target;

/// The stack of a service's worker, so that what is nested too deep for one is too deep here.
const STACK_BYTES: usize = 2 << 20;
/// How often it is looked whether an input came back.
const LOOK: Duration = Duration::from_millis(100);
/// The input that is being fed, in the target's folder: what is left there when the process ends in the middle is what ended it.
pub const RUNNING: &str = "running";

/// How long, and how patiently.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Inputs are fed for so long.
    pub length: Duration,
    /// An input that takes longer does not come back.
    pub patience: Duration,
    /// Another seed makes other inputs.
    pub seed: u64,
}

/// What feeding came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fed {
    /// Inputs fed.
    pub inputs: u64,
    /// Different answers.
    pub answers: usize,
    /// What went wrong, by its place in the source, each with the file of the first input that met it.
    pub findings: BTreeMap<String, PathBuf>,
    /// The last input took too long: its thread is still at it.
    pub hangs: bool,
}

/// What is being fed since when.
#[derive(Default)]
struct Running {
    input: Vec<u8>,
    since: Option<Instant>,
    fed: Fed,
    failed: Option<String>,
    is_over: bool,
}

/// Feeds a target, and writes down in `folder` what it should not have been fed.
///
/// # Errors
/// A file cannot be written, or no thread started.
pub fn feed(target: &'static Target, plan: Plan, folder: &Path) -> Result<Fed> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let running = Arc::new(Mutex::new(Running::default()));
    let (shared, place) = (running.clone(), folder.to_owned());
    let work = move || {
        let done = go_on(target, plan, &place, &shared);
        let mut running = lock(&shared);
        running.failed = done.err().map(|error| format!("{error:#}"));
        running.is_over = true;
    };
    let feeding = std::thread::Builder::new().stack_size(STACK_BYTES).name(target.name.to_owned()).spawn(work)?;
    loop {
        std::thread::sleep(LOOK);
        let mut running = lock(&running);
        if let Some(error) = &running.failed {
            anyhow::bail!("{error}");
        }
        if running.is_over {
            fs::remove_file(folder.join(RUNNING)).ok();
            return Ok(running.fed.clone());
        }
        if feeding.is_finished() {
            anyhow::bail!("{}: what makes its inputs panicked: {}", target.name, lock(&LAST));
        }
        if running.since.is_some_and(|since| since.elapsed() > plan.patience) {
            let file = write_down(folder, "hang", &running.input)?;
            let what = format!("an input that took longer than {} s", plan.patience.as_secs());
            running.fed.findings.insert(what, file);
            running.fed.hangs = true;
            return Ok(running.fed.clone());
        }
    }
}

fn go_on(target: &Target, plan: Plan, folder: &Path, shared: &Mutex<Running>) -> Result<()> {
    let mut left_behind = File::create(folder.join(RUNNING))?;
    let mut corpus = Corpus::new(target, plan.seed);
    let mut valid = (target.seeds)().into_iter();
    let started = Instant::now();
    while started.elapsed() < plan.length {
        // The valid ones first: their answers are not worth a finding.
        let input = valid.next().unwrap_or_else(|| corpus.next_input());
        leave(&mut left_behind, &input)?;
        {
            let mut running = lock(shared);
            running.input.clone_from(&input);
            running.since = Some(Instant::now());
        }
        let answer = catch(target, &input);
        let mut running = lock(shared);
        running.since = None;
        running.fed.inputs += 1;
        match answer {
            Ok(answer) => corpus.learn(input, answer),
            Err(place) if running.fed.findings.contains_key(&place) => {}
            Err(place) => {
                let file = write_down(folder, "panic", &input)?;
                running.fed.findings.insert(place, file);
            }
        }
        running.fed.answers = corpus.answers();
    }
    Ok(())
}

/// The answer, or where it panicked and what was said.
///
/// # Errors
/// The target panicked.
pub fn catch(target: &Target, input: &[u8]) -> Result<String, String> {
    catch_unwind(AssertUnwindSafe(|| (target.feed)(input))).map_err(|_| lock(&LAST).clone())
}

/// The last panic of any thread.
static LAST: Mutex<String> = Mutex::new(String::new());

/// From now on a panic is remembered with its place, and not printed: parsers that catch their own would fill the screen.
pub fn remember_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let said = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        let said: String = said.unwrap_or_default().chars().filter(|c| !c.is_control()).take(120).collect();
        *lock(&LAST) = format!("{place}: {said}");
    }));
}

fn leave(file: &mut File, input: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(input)
}

/// Keeps an input under a name that is its own.
///
/// # Errors
/// The file cannot be written.
pub fn write_down(folder: &Path, what: &str, input: &[u8]) -> Result<PathBuf> {
    // FNV-1a: a name, not a proof.
    let hash = input
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    let path = folder.join(format!("{what}-{hash:016x}"));
    fs::write(&path, input).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The real binary on a project of its own, as a person meets it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary in a folder. Settings of whoever runs the tests are none of ours.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    for name in ["RAPPORT_STORE", "RAPPORT_KAFKA", "RAPPORT_MAIL", "RAPPORT_SHARDS", "RAPPORT_LINK_KEY"] {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

pub fn rapport(folder: &Path, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

/// Everything it said.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
pub fn check(folder: &Path, arguments: &[&str], code: i32, says: &[&str]) -> String {
    told(&rapport(folder, arguments), arguments, code, says)
}

/// The same of a run that was prepared otherwise.
#[track_caller]
pub fn told(output: &Output, arguments: &[&str], code: i32, says: &[&str]) -> String {
    let all = text(output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
    for expected in says {
        assert!(all.contains(expected), "{arguments:?} does not say `{expected}`: {all}");
    }
    assert!(!all.contains("panicked") && !all.contains("RUST_BACKTRACE"), "{all}");
    all
}

/// A project with the shipped files.
pub fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for part in ["workflows", "config"] {
        copy(&root.join(part), &folder.path().join(part));
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Replaces the first place where the file says `from`.
pub fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let before = std::fs::read_to_string(&path).unwrap();
    assert!(before.contains(from), "{file} has no `{from}`");
    std::fs::write(path, before.replacen(from, to, 1)).unwrap();
}

/// `rapport run` with some services, stopped when it goes.
pub struct Running(Child);

impl Running {
    pub fn start(mut command: Command, services: &[&str]) -> Self {
        let mut child = command.arg("run").args(services).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("running")), "it did not start");
        // Somebody has to read on, or the process would wait.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whom captured mail went to, each once for a mail, in order.
pub fn delivered_to(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder.join("mails/new")) else { return Vec::new() };
    let address = |path: std::path::PathBuf| {
        let mail = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        mail.lines().find_map(|line| line.strip_prefix("Delivered-To: ").map(|to| to.trim().to_owned()))
    };
    let mut to: Vec<String> = files.flatten().filter_map(|file| address(file.path())).collect();
    to.sort();
    to
}

/// Asks until there is an answer; it comes from another process.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(180), "waited in vain for {what}");
        // The other process needs the processor.
        std::thread::sleep(Duration::from_millis(10));
    }
}

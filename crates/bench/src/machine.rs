//! What the numbers were measured on.

use std::fmt;

/// A machine, as far as Linux tells.
pub struct Machine {
    processor: String,
    cores: usize,
    memory_mib: u64,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = field(&about, "model name").unwrap_or("an unknown processor").to_owned();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self { processor, cores, memory_mib: kib(&memory, "MemTotal") / 1024 }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores of {}, {:.0} GiB", self.cores, self.processor, self.memory_mib as f64 / 1024.0)
    }
}

/// The most memory this process has had, in MiB.
pub fn peak_memory_mib() -> u64 {
    peak_memory_of("self").unwrap_or_default()
}

/// The same of another; none once it has ended.
pub fn peak_memory_of(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    field(&status, "VmHWM")?.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':')).map(str::trim)
}

fn kib(text: &str, name: &str) -> u64 {
    field(text, name).and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

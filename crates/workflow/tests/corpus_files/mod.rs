//! A file of `tests/workflows` as the files of a project that it stands for.

/// Path and text of each. A line `# file: config/offers.yaml` begins one; what stands before the first such line is
/// `workflows/tried/workflow.yaml`. In a YAML file that begins the corpus file the line itself stays, as a remark.
pub fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(path) = line.strip_prefix("# file: ").map(str::trim_end) {
            let remark = if parts.is_empty() && path.ends_with(".yaml") { line } else { "" };
            parts.push((path.to_owned(), remark.to_owned()));
            continue;
        }
        if parts.is_empty() {
            parts.push(("workflows/tried/workflow.yaml".to_owned(), String::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

//! Entries of configuration files as text: taken out of one file and put into another, with everything around them left as it is.

/// A key and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its key.
    pub(super) name: String,
    /// Its lines, not set in.
    pub(super) lines: String,
}

/// The entries below a key at the left edge; with `""` the keys at the left edge themselves.
pub(super) fn entries(text: &str, section: &str) -> Vec<Entry> {
    let lines: Vec<&str> = inside(text, section).map(|(from, to)| text[from..to].lines().collect()).unwrap_or_default();
    let Some(indent) = lines.iter().find(|line| is_key(line)).map(|line| indent_of(line)) else { return Vec::new() };
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for line in lines {
        let own = line.get(indent..).unwrap_or_default();
        if is_key(line) && indent_of(line) == indent {
            let name = own.split(':').next().unwrap_or_default().trim_matches(['"', '\'']);
            all.push((name.to_owned(), vec![own]));
        } else if let Some((_, of)) = all.last_mut() {
            of.push(own);
        }
    }
    let entry = |(name, mut lines): (String, Vec<&str>)| {
        // A remark in front of the next one is about that.
        while lines.last().is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            lines.pop();
        }
        Entry { name, lines: lines.into_iter().map(|line| format!("{line}\n")).collect() }
    };
    all.into_iter().map(entry).collect()
}

/// The text with an entry more; none where the section is written on one line.
pub(super) fn with_entry(text: &str, section: &str, entry: &Entry) -> Option<String> {
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if section.is_empty() {
        return Some(text + &entry.lines);
    }
    let Some((from, to)) = inside(&text, section) else {
        let has_key = text.lines().any(|line| line.split(':').next() == Some(section));
        return (!has_key).then(|| format!("{text}{section}:\n{}", set_in(&entry.lines, 2)));
    };
    let body = text.get(from..to)?;
    let indent = body.lines().find(|line| is_key(line)).map_or(2, indent_of);
    // Of groups the first that fits counts, and the last takes everybody.
    let at = if section == "groups" { from } else { from + body.trim_end().len() };
    let (before, behind) = text.split_at_checked(at)?;
    let open = if before.ends_with('\n') { "" } else { "\n" };
    let behind = if section == "groups" { behind } else { behind.strip_prefix('\n').unwrap_or(behind) };
    Some(format!("{before}{open}{}{behind}", set_in(&entry.lines, indent)))
}

/// Where the lines below a key at the left edge begin and end. None if it is not there, or says something on its own line.
fn inside(text: &str, section: &str) -> Option<(usize, usize)> {
    if section.is_empty() {
        return Some((0, text.len()));
    }
    let mut at = 0;
    let mut from = None;
    for line in text.split_inclusive('\n') {
        let is_edge = line.starts_with(|c: char| !c.is_whitespace() && c != '#');
        if let (Some(from), true) = (from, is_edge) {
            return Some((from, at));
        }
        at += line.len();
        if line.strip_prefix(section).and_then(|rest| rest.strip_prefix(':')).is_some_and(|rest| {
            let rest = rest.trim();
            rest.is_empty() || rest.starts_with('#')
        }) {
            from = Some(at);
        }
    }
    from.map(|from| (from, text.len()))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_key(line: &str) -> bool {
    let own = line.trim_start();
    !own.starts_with(['#', '-']) && own.contains(':')
}

fn set_in(lines: &str, indent: usize) -> String {
    lines
        .lines()
        .map(|line| format!("{}{line}\n", if line.is_empty() { "" } else { &SPACES[..indent.min(SPACES.len())] }))
        .collect()
}

const SPACES: &str = "        ";

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# top\nsurveys:\n  # the first\n  one:\n    as: first\n\n  # the second\n  two: { as: second }   # short\nother: 1\n";

    #[test]
    fn an_entry_is_its_key_and_what_stands_below() {
        let found: Vec<(String, String)> =
            entries(FILE, "surveys").into_iter().map(|entry| (entry.name, entry.lines)).collect();
        let expected = [("one", "one:\n  as: first\n"), ("two", "two: { as: second }   # short\n")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(found, expected);
        let names: Vec<String> = entries(FILE, "").into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["surveys", "other"]);
        assert!(entries(FILE, "offers").is_empty());
    }

    #[test]
    fn an_entry_is_put_where_its_like_stand() {
        let three = Entry { name: "three".into(), lines: "three:\n  as: third\n".into() };
        let with = with_entry(FILE, "surveys", &three).unwrap();
        assert!(with.contains("# short\n  three:\n    as: third\nother: 1\n"), "{with}");
        assert_eq!(with_entry("a: 1", "", &three).unwrap(), "a: 1\nthree:\n  as: third\n");
        assert_eq!(with_entry("a: 1\n", "surveys", &three).unwrap(), "a: 1\nsurveys:\n  three:\n    as: third\n");
        assert_eq!(with_entry("surveys: {}\n", "surveys", &three), None);
        let wide = with_entry("surveys:\n    one: {}\n", "surveys", &three).unwrap();
        assert_eq!(wide, "surveys:\n    one: {}\n    three:\n      as: third\n");
        let groups = with_entry("groups:\n  quiet: { else: true }\n", "groups", &three).unwrap();
        assert_eq!(groups, "groups:\n  three:\n    as: third\n  quiet: { else: true }\n");
    }
}

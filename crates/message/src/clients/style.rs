//! As much of CSS as mails have: declarations, rules, and which of them an element gets.

/// One `name: value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Declaration<'t> {
    pub(super) name: &'t str,
    pub(super) value: &'t str,
    /// Where it stands in the text.
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) important: bool,
}

impl Declaration<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Declarations behind a selector.
#[derive(Clone, Debug)]
pub(super) struct Rule<'t> {
    pub(super) selector: &'t str,
    /// The `@media …` around it; empty if there is none.
    pub(super) around: &'t str,
    pub(super) declarations: Vec<Declaration<'t>>,
}

/// All that style sheets of a text say.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet<'t> {
    pub(super) rules: Vec<Rule<'t>>,
    /// `@import`, `@font-face`: the name, and where it stands.
    pub(super) fetched: Vec<(&'t str, usize)>,
}

/// No mail has more; the rest of a longer one is not looked at.
const RULES_MAX: usize = 500;

impl<'t> Sheet<'t> {
    /// Adds the rules of a text that stands at `at`.
    pub(super) fn read(&mut self, text: &'t str, at: usize) {
        self.within(text, at, "", 0);
    }

    fn within(&mut self, text: &'t str, at: usize, around: &'t str, depth: u8) {
        let mut from = 0;
        while self.rules.len() < RULES_MAX {
            let rest = text.get(from..).unwrap_or_default();
            let trimmed = bare(rest);
            from += rest.len() - trimmed.len();
            let Some(stop) = trimmed.find(['{', ';', '}']) else { break };
            let head = trimmed.get(..stop).unwrap_or_default().trim_end();
            let name = head.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
            if matches!(name, "@import" | "@font-face") {
                self.fetched.push((name, at + from));
            }
            let body_at = from + stop + 1;
            if !trimmed.get(stop..).is_some_and(|here| here.starts_with('{')) {
                from = body_at;
                continue;
            }
            let body = closed(text.get(body_at..).unwrap_or_default());
            if matches!(name, "@media" | "@supports") && depth < 2 {
                self.within(body, at + body_at, head, depth + 1);
            } else if !head.starts_with('@') {
                let declarations = declarations(body, at + body_at);
                self.rules.push(Rule { selector: head, around, declarations });
            }
            from = body_at + body.len() + 1;
        }
    }
}

/// A text from what is neither white space nor a remark.
fn bare(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(behind) = rest.strip_prefix("/*").and_then(|inside| inside.split_once("*/")) {
        rest = behind.1.trim_start();
    }
    rest
}

/// A text up to the brace that closes the one before it.
fn closed(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return text.get(..at).unwrap_or_default(),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// The declarations of a text that stands at `at`.
pub(super) fn declarations(text: &str, at: usize) -> Vec<Declaration<'_>> {
    let mut all = Vec::new();
    let (mut from, mut depth, mut quote) = (0, 0_usize, None);
    for (here, c) in text.char_indices().chain([(text.len(), ';')]) {
        match (quote, c) {
            (Some(open), c) if c == open && here < text.len() => quote = None,
            (Some(_), _) if here < text.len() => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (_, ';') if depth == 0 || here == text.len() => {
                all.extend(text.get(from..here).and_then(|one| declaration(one, at + from)));
                from = here + 1;
            }
            _ => {}
        }
    }
    all
}

fn declaration(text: &str, at: usize) -> Option<Declaration<'_>> {
    let trimmed = bare(text);
    let at = at + text.len() - trimmed.len();
    let (name, value) = trimmed.split_once(':')?;
    let end = at + trimmed.trim_end().len();
    let value = value.trim();
    let plain = value.strip_suffix("important").map(str::trim_end).and_then(|before| before.strip_suffix('!'));
    Some(Declaration {
        name: name.trim_end(),
        value: plain.unwrap_or(value).trim_end(),
        at,
        end,
        important: plain.is_some(),
    })
}

/// What a selector asks of an element: its name and its classes.
#[derive(Clone, Debug, Default)]
pub(super) struct Named<'t> {
    pub(super) name: &'t str,
    pub(super) classes: Vec<&'t str>,
}

/// How closely a selector, of several the closest, fits the last of these elements; none if it does not. Selectors of other kinds than
/// `p`, `.card`, `a.button` and those behind each other fit nothing.
pub(super) fn fit(selector: &str, path: &[&Named<'_>]) -> Option<usize> {
    selector.split(',').filter_map(|one| fit_one(one.trim(), path)).max()
}

fn fit_one(selector: &str, path: &[&Named<'_>]) -> Option<usize> {
    let mut parts = selector.split_whitespace().rev();
    let mut above = path.iter().rev();
    let mut weight = compound(parts.next()?, above.next()?)?;
    for part in parts {
        weight += above.find_map(|named| compound(part, named))?;
    }
    Some(weight)
}

fn compound(part: &str, named: &Named<'_>) -> Option<usize> {
    if !part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'*')) {
        return None;
    }
    let mut pieces = part.split('.');
    let name = pieces.next().unwrap_or_default();
    let by_name = match name {
        "" | "*" => 0,
        name if name.eq_ignore_ascii_case(named.name) => 1,
        _ => return None,
    };
    let classes: Vec<&str> = pieces.collect();
    classes.iter().all(|class| named.classes.contains(class)).then_some(by_name + 100 * classes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_stand_where_they_are_written() {
        let text = "color:#fff ; background: url('a;b.png') red !important;/* x */width : 1px";
        let found: Vec<(&str, &str, &str, bool)> = declarations(text, 10)
            .into_iter()
            .map(|one| (one.name, one.value, &text[one.at - 10..one.end - 10], one.important))
            .collect();
        let expected = [
            ("color", "#fff", "color:#fff", false),
            ("background", "url('a;b.png') red", "background: url('a;b.png') red !important", true),
            ("width", "1px", "width : 1px", false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn rules_are_found_with_what_is_around_them() {
        let text = "/* a */ @import url(x.css); p, .a { color: red } @media (x) { .b { color: blue } .c{} } @font-face { src: x }";
        let mut sheet = Sheet::default();
        sheet.read(text, 0);
        let rules: Vec<(&str, &str)> = sheet.rules.iter().map(|rule| (rule.selector, rule.around)).collect();
        assert_eq!(rules, [("p, .a", ""), (".b", "@media (x)"), (".c", "@media (x)")]);
        let fetched: Vec<(&str, &str)> = sheet.fetched.iter().map(|(name, at)| (*name, &text[*at..*at + 4])).collect();
        assert_eq!(fetched, [("@import", "@imp"), ("@font-face", "@fon")]);
    }

    #[test]
    fn a_selector_fits_the_elements_it_names() {
        let card = Named { name: "td", classes: vec!["card"] };
        let button = Named { name: "a", classes: vec!["button"] };
        let path = [&card, &button];
        for (selector, weight) in [
            ("a", Some(1)),
            (".card a", Some(101)),
            (".card a.button", Some(201)),
            (".quiet, .button", Some(100)),
            (".card", None),
            ("a:hover", None),
            (".card > a", None),
        ] {
            assert_eq!(fit(selector, &path), weight, "{selector}");
        }
    }
}

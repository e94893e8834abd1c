//! A text of HTML or MJML as tags and words, each with its place. Nothing of it is refused: what is wrong with it is told elsewhere.

use super::style::Declaration;

/// A piece of a text.
#[derive(Clone, Debug)]
pub(super) enum Piece<'t> {
    Open(Tag<'t>),
    Close(&'t str),
    Words(&'t str),
    /// What stands in a `<style>`, and where.
    Style(&'t str, usize),
    /// From here on, or no longer, Outlook passes over what stands there.
    NotOutlook(bool),
}

/// An opening tag.
#[derive(Clone, Debug)]
pub(super) struct Tag<'t> {
    pub(super) name: &'t str,
    pub(super) at: usize,
    pub(super) end: usize,
    /// Its attributes, as far as they have a value.
    pub(super) attributes: Vec<Attribute<'t>>,
    /// Whether nothing stands in it.
    pub(super) empty: bool,
}

/// `name="value"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'t> {
    pub(super) name: &'t str,
    pub(super) value: &'t str,
    pub(super) at: usize,
    pub(super) value_at: usize,
}

impl<'t> Tag<'t> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<Attribute<'t>> {
        self.attributes.iter().find(|one| one.name.eq_ignore_ascii_case(name)).copied()
    }

    /// The attributes of MJML that are properties of CSS, as such.
    pub(super) fn as_declarations(&self) -> Vec<Declaration<'t>> {
        let declarations = self.attributes.iter().filter(|one| PROPERTIES.contains(&one.name));
        let declarations = declarations.map(|one| Declaration {
            name: one.name.strip_prefix("container-").or(one.name.strip_prefix("inner-")).unwrap_or(one.name),
            value: one.value,
            at: one.at,
            end: one.value_at + one.value.len(),
            important: false,
        });
        declarations.collect()
    }
}

/// Attributes of MJML that are properties of CSS.
const PROPERTIES: [&str; 6] =
    ["color", "font-size", "line-height", "background-color", "container-background-color", "inner-background-color"];
/// Elements of HTML in which nothing stands.
const VOID: [&str; 12] = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"];

/// All pieces of a text, in order. Remarks are passed over, and with them what only Outlook reads.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(found) = rest.find('<') else {
            all.push(Piece::Words(rest));
            break;
        };
        if found > 0 {
            all.push(Piece::Words(rest.get(..found).unwrap_or_default()));
        }
        let here = rest.get(found..).unwrap_or_default();
        at += found;
        if let Some(remark) = here.strip_prefix("<!--") {
            let length = remark.find("-->").map_or(here.len(), |end| end + 7);
            let remark = here.get(..length).unwrap_or_default();
            if remark.contains("[if !mso") {
                all.push(Piece::NotOutlook(true));
            } else if remark.contains("[endif]") && !remark.contains("[if ") {
                all.push(Piece::NotOutlook(false));
            }
            at += length;
        } else if let Some(name) = here.strip_prefix("</") {
            let end = here.find('>').map_or(here.len(), |end| end + 1);
            all.push(Piece::Close(word(name)));
            at += end;
        } else if here.get(1..).is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) {
            let tag = tag(here, at);
            at = tag.end;
            // What stands in these is no markup.
            let raw = ["style", "mj-style", "script", "title"].into_iter().find(|name| tag.is(name) && !tag.empty);
            if let Some(name) = raw {
                let behind = text.get(at..).unwrap_or_default();
                let length = closing(behind, name);
                if name.ends_with("style") {
                    all.push(Piece::Style(behind.get(..length).unwrap_or_default(), at));
                }
                at += length;
            }
            all.push(Piece::Open(tag));
        } else {
            at += 1;
        }
    }
    all
}

/// Where `</name` stands, or the end.
fn closing(text: &str, name: &str) -> usize {
    let found = text.match_indices("</").map(|(at, _)| at).find(|at| {
        let behind = text.get(at + 2..at + 2 + name.len());
        behind.is_some_and(|behind| behind.eq_ignore_ascii_case(name))
    });
    found.unwrap_or(text.len())
}

/// The name that a text begins with.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The tag that `here`, at `at` of the whole, begins with.
fn tag(here: &str, at: usize) -> Tag<'_> {
    let name = word(here.get(1..).unwrap_or_default());
    let mut attributes = Vec::new();
    let mut from = 1 + name.len();
    let mut end = here.len();
    while let Some(rest) = here.get(from..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        if first == '>' {
            end = from + 1;
            break;
        }
        if first.is_whitespace() || matches!(first, '/' | '=' | '"' | '\'') {
            from += first.len_utf8();
            continue;
        }
        let length =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '"' | '\'')).unwrap_or(rest.len());
        let (name, name_at) = (rest.get(..length).unwrap_or_default(), from);
        from += length;
        let behind = here.get(from..).unwrap_or_default();
        let value = behind.trim_start().strip_prefix('=').map(str::trim_start);
        let Some(value) = value else { continue };
        let value_at = from + behind.len() - value.len();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (skipped, length) = match quote {
            Some(quote) => {
                let inside = value.get(1..).unwrap_or_default();
                (1, inside.find(quote).unwrap_or(inside.len()))
            }
            None => (0, value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len())),
        };
        let (begins, ends) = (value_at + skipped, value_at + skipped + length);
        attributes.push(Attribute {
            name,
            value: here.get(begins..ends).unwrap_or_default(),
            at: at + name_at,
            value_at: at + begins,
        });
        from = ends + skipped;
    }
    let closes_itself = here.get(..end.saturating_sub(1)).is_some_and(|inside| inside.ends_with('/'));
    let empty = closes_itself || VOID.iter().any(|void| void.eq_ignore_ascii_case(name));
    Tag { name, at, end: at + end, attributes, empty }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let one = |piece: &Piece<'_>| match piece {
            Piece::Open(tag) => {
                let attributes = tag.attributes.iter().map(|one| {
                    assert_eq!(&text[one.value_at..one.value_at + one.value.len()], one.value);
                    format!(" {}={}", one.name, one.value)
                });
                format!("<{}{}{}>", tag.name, attributes.collect::<String>(), if tag.empty { "/" } else { "" })
            }
            Piece::Close(name) => format!("</{name}>"),
            Piece::Words(words) => (*words).to_owned(),
            Piece::Style(style, at) => {
                assert!(text[*at..].starts_with(style));
                format!("{{{style}}}")
            }
            Piece::NotOutlook(begins) => format!("!{begins}"),
        };
        pieces(text).iter().map(one).collect()
    }

    #[test]
    fn a_text_is_taken_apart_as_it_is_written() {
        assert_eq!(
            shown("a<p class = 'x y' hidden>b < c<br><mj-image src=\"/a>b\"/></p>"),
            ["a", "<p class=x y>", "b ", " c", "<br/>", "<mj-image src=/a>b/>", "</p>"].map(str::to_owned)
        );
        assert_eq!(shown("<style>p > a { }</style>"), ["{p > a { }}", "<style>", "</style>"].map(str::to_owned));
        assert_eq!(
            shown("<!--[if mso]><v:x/><![endif]-->a<!--[if !mso]><!-->b<!--<![endif]-->"),
            ["a", "!true", "b", "!false"].map(str::to_owned)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart(text in "[<>a-z!/=\"' é-]{0,60}") {
            let _ = pieces(&text);
        }
    }
}

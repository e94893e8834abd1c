//! Layout and MJML held against what mail clients know: elements, styles, images, colours and sizes of text.

use rapport_rule::{Findings, Source, Span};

use super::colour::{self, CONTRAST_MIN, Rgb};
use super::fact::{FACTS, Fact, Feature};
use super::markup::{self, Attribute, Piece, Tag};
use super::style::{self, Declaration, Named, Sheet};
use super::{Client, Written, address};
use crate::markdown;

/// Smaller text is hard to read on a phone, and a link in it hard to hit.
const FONT_PX_MIN: f64 = 14.0;
/// Text so small is not meant to be read: it closes gaps, or stands in the list only.
const FONT_PX_UNSEEN: f64 = 2.0;
/// Letters so large are read with less contrast.
const FONT_PX_LARGE: f64 = 24.0;
/// What is enough for those.
const CONTRAST_LARGE_MIN: f64 = 3.0;
/// Lines nearer to each other than this many times the height of the letters.
const LINE_MIN: f64 = 1.2;

/// What MJML refuses itself, with R0445.
const REFUSED_BY_MJML: [&str; 6] = ["script", "iframe", "object", "embed", "form", "link"];

pub(super) fn lint(source: &Source, body: Span, written: Written, clients: &[Client], findings: &mut Findings) {
    let original = source.slice(body);
    let text = markdown::without_tags(original);
    let pieces = markup::pieces(&text);
    let mut sheet = Sheet::default();
    for piece in &pieces {
        if let &Piece::Style(style, at) = piece {
            sheet.read(style, at);
        }
    }
    let has_dark = sheet.rules.iter().any(|rule| is_dark(rule.around));
    // Values that MJML gives elements elsewhere in the file are not followed.
    let knows_colours = written == Written::Html || !text.contains("<mj-attributes");
    let place = Place { path: &source.path, from: body.start, original };
    let mut judge = Judge {
        place,
        written,
        clients,
        sheet,
        has_dark,
        knows_colours,
        stack: Vec::new(),
        not_outlook: false,
        findings,
    };
    judge.sheet();
    pieces.iter().for_each(|piece| judge.piece(piece));
}

/// The text as its author wrote it, and where it stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    from: usize,
    original: &'a str,
}

impl<'a> Place<'a> {
    fn span(&self, at: usize, end: usize) -> Span {
        Span::new(at, end).shifted(self.from)
    }

    /// The value of an attribute with the tags that stand in it.
    fn value(&self, attribute: Attribute<'_>) -> &'a str {
        self.original.get(attribute.value_at..attribute.value_at + attribute.value.len()).unwrap_or_default()
    }
}

/// How text is seen.
#[derive(Clone, Copy, Default)]
struct Look {
    colour: Option<Rgb>,
    background: Option<Rgb>,
    /// Whether it stands on an image, whose colours nobody knows.
    on_picture: bool,
}

/// An element that is open.
struct Open<'t> {
    named: Named<'t>,
    light: Look,
    dark: Look,
    font_px: Option<f64>,
    hidden: bool,
    /// Whether its colours were told of.
    told: bool,
    span: Span,
    /// Where it leads, the place of that, and its words.
    link: Option<(String, Span, String)>,
}

struct Judge<'a, 't> {
    place: Place<'a>,
    written: Written,
    clients: &'a [Client],
    sheet: Sheet<'t>,
    has_dark: bool,
    knows_colours: bool,
    stack: Vec<Open<'t>>,
    /// Whether what is looked at stands where Outlook does not read.
    not_outlook: bool,
    findings: &'a mut Findings,
}

impl<'t> Judge<'_, 't> {
    fn sheet(&mut self) {
        for (name, at) in self.sheet.fetched.clone() {
            self.stripped(name, name, self.place.span(at, at + name.len()));
        }
        for rule in self.sheet.rules.clone() {
            self.not_outlook = !rule.around.is_empty();
            rule.declarations.iter().for_each(|one| self.declaration(one));
            if !is_hidden(&rule.declarations) {
                self.sizes(&rule.declarations);
            }
        }
        self.not_outlook = false;
    }

    fn piece(&mut self, piece: &Piece<'t>) {
        match piece {
            Piece::Open(tag) => self.open(tag),
            Piece::Close(name) => {
                let found = self.stack.iter().rposition(|open| open.named.name.eq_ignore_ascii_case(name));
                if let Some(at) = found {
                    for closed in self.stack.split_off(at) {
                        if let Some((url, span, words)) = closed.link {
                            address::lint(&url, &words, self.place.path, span, self.findings);
                        }
                    }
                }
            }
            Piece::Words(words) => self.words(words),
            Piece::Style(..) => {}
            Piece::NotOutlook(begins) => self.not_outlook = *begins,
        }
    }

    fn open(&mut self, tag: &Tag<'t>) {
        let span = self.place.span(tag.at, tag.end);
        if self.written == Written::Html || !REFUSED_BY_MJML.iter().any(|name| tag.is(name)) {
            self.stripped(tag.name, &format!("<{}>", tag.name), span);
        }
        let style = tag.attribute("style");
        let mut declarations = style.map(|style| style::declarations(style.value, style.value_at)).unwrap_or_default();
        let is_mjml = tag.name.starts_with("mj-");
        if is_mjml {
            declarations.extend(tag.as_declarations());
        }
        declarations.iter().for_each(|one| self.declaration(one));
        if tag.is("img") || tag.is("mj-image") {
            self.image(tag, &declarations, span);
        }
        let above = self.stack.last();
        let hidden = above.is_some_and(|open| open.hidden) || is_hidden(&declarations);
        let font = declarations.iter().rfind(|one| one.is("font-size")).map(|one| px(one.value));
        let font_px = font.unwrap_or_else(|| above.and_then(|open| open.font_px));
        if !hidden {
            self.sizes(&declarations);
        }
        let classes = tag.attribute("class").map(|class| class.value.split_whitespace().collect()).unwrap_or_default();
        let named = Named { name: tag.name, classes };
        let (light, dark) = (self.look(tag, &named, &declarations, false), self.look(tag, &named, &declarations, true));
        self.picture(tag, &declarations, light, span);
        let link = tag.attribute("href").filter(|_| !tag.is("link")).map(|href| {
            let span = self.place.span(href.at, href.value_at + href.value.len());
            (self.place.value(href).to_owned(), span, String::new())
        });
        match (tag.empty, link) {
            (false, link) => self.stack.push(Open { named, light, dark, font_px, hidden, told: false, span, link }),
            (true, Some((url, span, _))) => address::lint(&url, "", self.place.path, span, self.findings),
            (true, None) => {}
        }
    }

    /// What an element, or something a style sheet fetches, becomes where it is taken out.
    fn stripped(&mut self, name: &str, shown: &str, span: Span) {
        for fact in &FACTS {
            let (code, names) = match fact.feature {
                Feature::Stripped(names) => ("R0465", names),
                Feature::Element(names) => ("R0462", names),
                _ => continue,
            };
            if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                self.tell(fact, code, shown, span);
            }
        }
    }

    fn declaration(&mut self, one: &Declaration<'_>) {
        let value = one.value.to_ascii_lowercase();
        if one.name.starts_with("--") || matches!(value.as_str(), "none" | "normal" | "initial" | "1" | "auto") {
            return;
        }
        let first = value.split_whitespace().next().unwrap_or_default();
        for fact in &FACTS {
            let shown = match fact.feature {
                Feature::Property(names) => names.iter().find(|name| one.is(name)).map(|name| (*name).to_owned()),
                Feature::Value(name, values) => {
                    (one.is(name) && values.contains(&first)).then(|| format!("{name}:{first}"))
                }
                Feature::Function(names) => {
                    names.iter().find(|name| calls(&value, name)).map(|name| format!("{name}()"))
                }
                Feature::Unit(units) => units.iter().find(|unit| measures(&value, unit)).map(|unit| (*unit).to_owned()),
                Feature::Element(_) | Feature::Stripped(_) | Feature::ImageFrom(_) | Feature::ImageOf(_) => None,
            };
            if let Some(shown) = shown {
                self.tell(fact, "R0462", &shown, self.place.span(one.at, one.end));
            }
        }
    }

    fn tell(&mut self, fact: &Fact, code: &'static str, shown: &str, span: Span) {
        let reads = |client: &&Client| !(self.not_outlook && **client == Client::Outlook);
        let asked: Vec<Client> = self.clients.iter().filter(reads).copied().collect();
        let without: Vec<&str> =
            asked.iter().filter(|client| fact.clients.contains(client)).map(|client| client.name()).collect();
        if without.is_empty() {
            return;
        }
        let who = without.join(", ");
        // What nobody sees is lost; what some see is for the author to judge.
        let is_lost = code == "R0465" && without.len() == asked.len();
        let what = match code {
            "R0465" => format!("`{shown}` is taken out by {who}"),
            _ => format!("`{shown}` is not known to {who}"),
        };
        let finding = match is_lost {
            true => self.findings.error(code, self.place.path, span, what),
            false => self.findings.warning(code, self.place.path, span, what),
        };
        finding.hint(format!("{} {} See {}", fact.effect, fact.instead, fact.page));
    }

    fn image(&mut self, tag: &Tag<'_>, declarations: &[Declaration<'_>], span: Span) {
        if let Some(src) = tag.attribute("src") {
            let from = self.place.value(src).trim().to_ascii_lowercase();
            let file = from.split(['?', '#']).next().unwrap_or_default();
            for fact in &FACTS {
                let what = match fact.feature {
                    Feature::ImageFrom(begins) if from.starts_with(begins) => begins,
                    Feature::ImageOf(ends) if file.ends_with(ends) => ends,
                    _ => continue,
                };
                let place = self.place.span(src.at, src.value_at + src.value.len());
                self.tell(fact, "R0462", what, place);
            }
        }
        if !tag.is("img") {
            return;
        }
        // In MJML words for every image are asked for with an error.
        if self.written == Written::Html && tag.attribute("alt").is_none() {
            self.findings
                .warning("R0463", self.place.path, span, "an image without `alt`")
                .hint("Outlook shows no images before it is asked to, and some people see none. Write alt=\"what it shows\", or alt=\"\" where it shows nothing.");
        }
        let has_width = tag.attribute("width").is_some() || declarations.iter().any(|one| one.is("width"));
        if !has_width && self.clients.contains(&Client::Outlook) && !self.not_outlook {
            self.findings
                .warning("R0463", self.place.path, span, "an image without `width`")
                .hint("Outlook on Windows knows no max-width for images and shows the file as wide as it is, beyond the edge of the mail. Write width=\"200\", in pixels. See https://www.caniemail.com/features/css-max-width/");
        }
    }

    /// Letters too small to read, and lines too near to each other for a finger.
    fn sizes(&mut self, declarations: &[Declaration<'_>]) {
        let Some((font, size)) =
            declarations.iter().rfind(|one| one.is("font-size")).and_then(|one| Some((one, px(one.value)?)))
        else {
            return;
        };
        if size <= FONT_PX_UNSEEN {
            return;
        }
        if size < FONT_PX_MIN {
            self.findings
                .warning(
                    "R0467",
                    self.place.path,
                    self.place.span(font.at, font.end),
                    format!("text of `{}` is small on a phone", font.value),
                )
                .label(format!("write {FONT_PX_MIN}px or more"))
                .hint("It is hard to read, and links in it are hard to hit; phones that enlarge it on their own upset what stands beside it.");
        }
        let line = declarations.iter().rfind(|one| one.is("line-height"));
        let height = line.and_then(|one| Some((one, one.value.parse().ok().or_else(|| Some(px(one.value)? / size))?)));
        if let Some((one, times)) = height.filter(|(_, times): &(_, f64)| *times < LINE_MIN) {
            self.findings
                .warning(
                    "R0467",
                    self.place.path,
                    self.place.span(one.at, one.end),
                    format!("lines {times:.1} times as high as the letters stand too near to each other"),
                )
                .label(format!("write {:.0}px or more", (size * 1.4).ceil()))
                .hint("Links in two lines cannot be told apart by a finger.");
        }
    }

    /// How an element looks, with what it has from those around it.
    fn look(&self, tag: &Tag<'t>, named: &Named<'t>, inline: &[Declaration<'_>], dark: bool) -> Look {
        let path: Vec<&Named<'_>> = self.stack.iter().map(|open| &open.named).chain([named]).collect();
        let above = self.stack.last().map(|open| if dark { open.dark } else { open.light }).unwrap_or_default();
        let won = |wanted: &dyn Fn(&Declaration<'_>) -> bool| winner(&self.sheet, wanted, inline, &path, dark);
        let colour = won(&|one: &Declaration<'_>| one.is("color"));
        let background =
            won(&|one: &Declaration<'_>| one.is("background-color") || one.is("background") && has_colour(one.value));
        let attribute = tag.attribute("bgcolor").and_then(|value| colour::colour(value.value));
        let on_picture = is_picture(tag, inline);
        let preset = Preset::of(tag);
        let own = match &background {
            Some(value) if value == "transparent" || value == "none" => None,
            Some(value) => Some(colour::in_background(value)),
            None => attribute.or(preset.background).map(Some),
        };
        Look {
            colour: match colour {
                Some(value) if value == "inherit" => above.colour,
                Some(value) => colour::colour(&value),
                // A link has the client's own colour.
                None if tag.is("a") => None,
                None => preset.colour.or(above.colour),
            },
            background: own.unwrap_or(above.background),
            on_picture: on_picture || own.is_none() && above.on_picture,
        }
    }

    /// An image behind text, without a colour for those who see no images.
    fn picture(&mut self, tag: &Tag<'_>, declarations: &[Declaration<'_>], look: Look, span: Span) {
        if !is_picture(tag, declarations) || has_own_colour(tag, declarations) || !self.knows_colours {
            return;
        }
        let has_rule =
            look.background.is_some() && self.stack.last().is_none_or(|open| open.light.background != look.background);
        if has_rule {
            return;
        }
        self.findings
            .warning("R0466", self.place.path, span, "an image behind text without a colour behind the image")
            .label("write a `background-color` too")
            .hint("Outlook on Windows shows no images behind text, and others none before they are asked to: the text then stands on the client's own background, in dark mode on a dark one. See https://www.caniemail.com/features/css-background-image/");
    }

    fn words(&mut self, words: &str) {
        if words.replace("&nbsp;", " ").trim().is_empty() {
            return;
        }
        for open in &mut self.stack {
            if let Some((_, _, said)) = &mut open.link {
                said.push_str(words);
            }
        }
        let Some(open) = self.stack.last_mut().filter(|open| !open.hidden && !open.told && self.knows_colours) else {
            return;
        };
        let least = if open.font_px.is_some_and(|px| px >= FONT_PX_LARGE) { CONTRAST_LARGE_MIN } else { CONTRAST_MIN };
        for (look, when) in [(open.light, ""), (open.dark, "in dark mode ")] {
            let Some((text, behind)) = look.colour.zip(look.background).filter(|_| !look.on_picture) else { continue };
            let contrast = colour::contrast(text, behind);
            if contrast >= least || open.told || (!when.is_empty() && !self.has_dark) {
                continue;
            }
            open.told = true;
            let hint = match when {
                "" => "Letters need 4.5 to 1 on what is behind them (3 to 1 from 24 px), or many readers miss them.",
                _ => {
                    "Apple Mail and others follow `prefers-color-scheme: dark`: what gets a dark background there needs a light colour there too, with `!important` where the element has a style of its own."
                }
            };
            self.findings
                .warning(
                    "R0466",
                    self.place.path,
                    open.span,
                    format!("{when}text in {} on {} has a contrast of {contrast:.1} to 1", hex(text), hex(behind)),
                )
                .hint(hint);
        }
    }
}

/// What MJML gives elements that say nothing of it.
#[derive(Clone, Copy, Default)]
struct Preset {
    colour: Option<Rgb>,
    background: Option<Rgb>,
}

impl Preset {
    fn of(tag: &Tag<'_>) -> Preset {
        match tag.name {
            "mj-text" | "mj-table" => Preset { colour: Some([0, 0, 0]), background: None },
            "mj-button" => Preset { colour: Some([255, 255, 255]), background: Some([65, 65, 65]) },
            _ => Preset::default(),
        }
    }
}

/// The value that wins among a style sheet's and an element's own.
fn winner(
    sheet: &Sheet<'_>,
    wanted: &dyn Fn(&Declaration<'_>) -> bool,
    inline: &[Declaration<'_>],
    path: &[&Named<'_>],
    dark: bool,
) -> Option<String> {
    let mut best: Option<((bool, bool, usize), &str)> = None;
    for rule in sheet.rules.iter().filter(|rule| rule.around.is_empty() || dark && is_dark(rule.around)) {
        let Some(weight) = style::fit(rule.selector, path) else { continue };
        for one in rule.declarations.iter().filter(|one| wanted(one)) {
            let key = (one.important, false, weight);
            if best.is_none_or(|(known, _)| key >= known) {
                best = Some((key, one.value));
            }
        }
    }
    for one in inline.iter().filter(|one| wanted(one)) {
        let key = (one.important, true, 0);
        if best.is_none_or(|(known, _)| key >= known) {
            best = Some((key, one.value));
        }
    }
    best.map(|(_, value)| value.trim().to_ascii_lowercase())
}

fn is_dark(around: &str) -> bool {
    let around = around.replace(char::is_whitespace, "");
    around.contains("prefers-color-scheme:dark")
}

fn is_hidden(declarations: &[Declaration<'_>]) -> bool {
    declarations.iter().any(|one| {
        one.is("display") && one.value.eq_ignore_ascii_case("none")
            || one.is("visibility") && one.value.eq_ignore_ascii_case("hidden")
            || one.is("mso-hide")
            || one.is("max-height") && px(one.value) == Some(0.0)
    })
}

fn has_image(value: &str) -> bool {
    value.contains("url(") || value.contains("gradient(")
}

/// Whether a `background` says a colour, or none.
fn has_colour(value: &str) -> bool {
    !has_image(value) || colour::in_background(value).is_some()
}

fn is_picture(tag: &Tag<'_>, declarations: &[Declaration<'_>]) -> bool {
    let by_style =
        declarations.iter().any(|one| (one.is("background-image") || one.is("background")) && has_image(one.value));
    by_style || ["background", "background-url"].iter().any(|name| tag.attribute(name).is_some())
}

fn has_own_colour(tag: &Tag<'_>, declarations: &[Declaration<'_>]) -> bool {
    let by_style = declarations
        .iter()
        .any(|one| one.is("background-color") || one.is("background") && colour::in_background(one.value).is_some());
    by_style || tag.attribute("bgcolor").is_some()
}

/// A length in pixels; `pt` are a third larger.
fn px(value: &str) -> Option<f64> {
    let value = value.trim().to_ascii_lowercase();
    match (value.strip_suffix("px"), value.strip_suffix("pt")) {
        (Some(number), _) => number.trim().parse().ok(),
        (None, Some(number)) => number.trim().parse::<f64>().ok().map(|points| points * 4.0 / 3.0),
        (None, None) => (value == "0").then_some(0.0),
    }
}

/// Whether a value calls a function.
fn calls(value: &str, name: &str) -> bool {
    value.match_indices(name).any(|(at, _)| {
        let begins = !value.get(..at).unwrap_or_default().ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        begins && value.get(at + name.len()..).is_some_and(|rest| rest.starts_with('('))
    })
}

/// Whether a value has a length in this unit.
fn measures(value: &str, unit: &str) -> bool {
    let lengths = value.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '/'));
    lengths.filter_map(|one| one.strip_suffix(unit)).any(|number| number.parse::<f64>().is_ok())
}

fn hex(rgb: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2])
}

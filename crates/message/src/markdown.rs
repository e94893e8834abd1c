//! Markdown to a small tree, and the tree to HTML for mail clients.
//!
//! Mail clients drop style sheets, so every element carries its style. A paragraph that is nothing but a link becomes a
//! button, a list of nothing but links a list of answers.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};
use rapport_rule::{Findings, Span};

use crate::escape;
use crate::made;
use crate::render::Lead;
use crate::template::Piece;

/// A block of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block {
    Paragraph(Vec<Inline>),
    Heading(u8, Vec<Inline>),
    List { first: Option<u64>, items: Vec<Vec<Block>> },
    Quote(Vec<Block>),
    Code(String),
    Rule,
}

/// A piece of a line. Texts are open: values stand in them as they are, to be escaped by whoever writes them. What helpers made
/// stands in `Text` as its token ([`made`]), for each writer to make its own of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inline {
    Text(String),
    Code(String),
    Strong(Vec<Inline>),
    Emphasis(Vec<Inline>),
    Link { url: String, content: Vec<Inline> },
    Image { url: String, alt: String, width: Option<u16> },
    Space,
    Break,
}

/// Nesting beyond this is flattened: no mail needs it, and the writers recurse.
const DEPTH_MAX: usize = 12;

/// An address in a mail that must not be linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedLink;

/// Parses a body whose values are sealed. Refuses addresses that lead elsewhere than `http`, `https` or `mailto`.
pub(crate) fn parse(text: &str) -> Result<Vec<Block>, RefusedLink> {
    let mut builder = Builder { events: TextMergeStream::new(Parser::new_ext(text, Options::empty())), depth: 0 };
    builder.blocks(None)
}

struct Builder<'a, I: Iterator<Item = Event<'a>>> {
    events: TextMergeStream<'a, I>,
    depth: usize,
}

impl<'a, I: Iterator<Item = Event<'a>>> Builder<'a, I> {
    /// Blocks up to the end of the enclosing tag.
    fn blocks(&mut self, end: Option<TagEnd>) -> Result<Vec<Block>, RefusedLink> {
        let mut blocks = Vec::new();
        // Inline content directly in a block (items of tight lists) is a paragraph.
        let mut loose: Vec<Inline> = Vec::new();
        while let Some(event) = self.events.next() {
            match event {
                Event::End(tag) if Some(tag) == end => break,
                Event::Start(Tag::Paragraph) => blocks.push(Block::Paragraph(self.inlines(TagEnd::Paragraph)?)),
                Event::Start(Tag::Heading { level, .. }) => {
                    blocks.push(Block::Heading(level_number(level), self.inlines(TagEnd::Heading(level))?));
                }
                Event::Start(Tag::CodeBlock(_)) => {
                    let mut code = String::new();
                    for event in self.events.by_ref() {
                        match event {
                            Event::Text(text) => code.push_str(&opened(&text)),
                            Event::End(TagEnd::CodeBlock) => break,
                            _ => {}
                        }
                    }
                    blocks.push(Block::Code(code));
                }
                Event::Start(Tag::BlockQuote(kind)) => {
                    flush(&mut loose, &mut blocks);
                    let inner = self.nested(TagEnd::BlockQuote(kind))?;
                    if self.depth < DEPTH_MAX { blocks.push(Block::Quote(inner)) } else { blocks.extend(inner) }
                }
                Event::Start(Tag::List(first)) => {
                    flush(&mut loose, &mut blocks);
                    let mut items = Vec::new();
                    while let Some(event) = self.events.next() {
                        match event {
                            Event::Start(Tag::Item) => items.push(self.nested(TagEnd::Item)?),
                            Event::End(TagEnd::List(_)) => break,
                            _ => {}
                        }
                    }
                    if self.depth < DEPTH_MAX {
                        blocks.push(Block::List { first, items });
                    } else {
                        blocks.extend(items.into_iter().flatten());
                    }
                }
                Event::Rule => blocks.push(Block::Rule),
                Event::Start(Tag::HtmlBlock) | Event::End(_) => {}
                other => {
                    if let Some(inline) = self.inline(other)? {
                        loose.push(inline);
                    }
                }
            }
            if matches!(blocks.last(), Some(Block::Paragraph(content)) if content.is_empty()) {
                blocks.pop();
            }
        }
        flush(&mut loose, &mut blocks);
        Ok(blocks)
    }

    fn nested(&mut self, end: TagEnd) -> Result<Vec<Block>, RefusedLink> {
        self.depth += 1;
        // The parser recurses no deeper than this allows; what is nested further is read as if it were not.
        let blocks = if self.depth > DEPTH_MAX * 4 { self.flat(end)? } else { self.blocks(Some(end))? };
        self.depth -= 1;
        Ok(blocks)
    }

    /// Everything up to the end of the tag as one paragraph, however deep it is nested.
    fn flat(&mut self, end: TagEnd) -> Result<Vec<Block>, RefusedLink> {
        let mut content = Vec::new();
        let mut open = 1usize;
        for event in self.events.by_ref() {
            match event {
                Event::Start(tag) if tag.to_end() == end => open += 1,
                Event::End(tag) if tag == end => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                Event::Text(text) => content.push(Inline::Text(opened(&text))),
                _ => {}
            }
        }
        Ok(vec![Block::Paragraph(content)])
    }

    fn inlines(&mut self, end: TagEnd) -> Result<Vec<Inline>, RefusedLink> {
        let mut content = Vec::new();
        while let Some(event) = self.events.next() {
            if matches!(event, Event::End(tag) if tag == end) {
                break;
            }
            if let Some(inline) = self.inline(event)? {
                content.push(inline);
            }
        }
        Ok(content)
    }

    fn inline(&mut self, event: Event<'a>) -> Result<Option<Inline>, RefusedLink> {
        Ok(Some(match event {
            Event::Text(text) => Inline::Text(escape::open(&text)),
            // Raw HTML is refused when the mail is read; were some left, people would see it, not clients.
            Event::Html(text) | Event::InlineHtml(text) => Inline::Text(escape::open(&text)),
            Event::Code(text) => Inline::Code(opened(&text)),
            Event::SoftBreak => Inline::Space,
            Event::HardBreak => Inline::Break,
            Event::Start(Tag::Strong) => Inline::Strong(self.deeper(TagEnd::Strong)?),
            Event::Start(Tag::Emphasis) => Inline::Emphasis(self.deeper(TagEnd::Emphasis)?),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let url = address(&dest_url)?;
                Inline::Link { url, content: self.deeper(TagEnd::Link)? }
            }
            Event::Start(Tag::Image { dest_url, title, .. }) => {
                let url = address(&dest_url)?;
                let alt = words(&self.deeper(TagEnd::Image)?);
                Inline::Image { url, alt, width: image_width(&escape::open(&title)) }
            }
            _ => return Ok(None),
        }))
    }

    fn deeper(&mut self, end: TagEnd) -> Result<Vec<Inline>, RefusedLink> {
        self.depth += 1;
        let content = if self.depth > DEPTH_MAX * 4 {
            self.flat(end)?
                .into_iter()
                .flat_map(|block| if let Block::Paragraph(c) = block { c } else { Vec::new() })
                .collect()
        } else {
            self.inlines(end)?
        };
        self.depth -= 1;
        Ok(content)
    }
}

/// A text in which nothing but words can stand, bars included.
fn opened(text: &str) -> String {
    made::text_of(&escape::open(text)).into_owned()
}

fn flush(loose: &mut Vec<Inline>, blocks: &mut Vec<Block>) {
    if !loose.is_empty() {
        blocks.push(Block::Paragraph(std::mem::take(loose)));
    }
}

fn address(url: &CowStr<'_>) -> Result<String, RefusedLink> {
    escape::address(&escape::open(url)).ok_or(RefusedLink)
}

/// The frame of a mail is no wider.
pub(crate) const IMAGE_PX_MAX: u16 = 600;

/// How wide an image is to be shown, in pixels: what stands in quotes behind its address, `"200"` or `"200px"`.
pub(crate) fn image_width(title: &str) -> Option<u16> {
    let title = title.trim();
    let digits = title.strip_suffix("px").unwrap_or(title).trim_end();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|width| (1..=IMAGE_PX_MAX).contains(width))
}

fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        _ => 3,
    }
}

/// The words of a line without markup.
pub(crate) fn words(content: &[Inline]) -> String {
    let mut words = String::new();
    push_words(content, &mut words);
    words
}

fn push_words(content: &[Inline], words: &mut String) {
    for inline in content {
        match inline {
            Inline::Text(text) | Inline::Code(text) => words.push_str(&made::text_of(text)),
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Link { content: inner, .. } => {
                push_words(inner, words);
            }
            Inline::Image { alt, .. } => words.push_str(alt),
            Inline::Space | Inline::Break => words.push(' '),
        }
    }
}

/// Leads the links of a text elsewhere.
pub(crate) fn lead_links(blocks: &mut [Block], lead: &mut Lead<'_>) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Heading(_, content) => lead_inlines(content, lead),
            Block::List { items, .. } => {
                for item in items {
                    lead_links(item, lead);
                }
            }
            Block::Quote(inner) => lead_links(inner, lead),
            Block::Code(_) | Block::Rule => {}
        }
    }
}

fn lead_inlines(content: &mut [Inline], lead: &mut Lead<'_>) {
    for inline in content {
        match inline {
            Inline::Link { url, content } => {
                if let Some(elsewhere) = lead(url.as_str()) {
                    *url = elsewhere;
                }
                lead_inlines(content, lead);
            }
            Inline::Strong(inner) | Inline::Emphasis(inner) => lead_inlines(inner, lead),
            Inline::Text(_) | Inline::Code(_) | Inline::Image { .. } | Inline::Space | Inline::Break => {}
        }
    }
}

/// The one link a line consists of, if it does.
pub(crate) fn only_link(content: &[Inline]) -> Option<(&str, &[Inline])> {
    match content {
        [Inline::Link { url, content }] => Some((url, content)),
        _ => None,
    }
}

/// The link an item of a list consists of, if it does.
pub(crate) fn item_link(item: &[Block]) -> Option<(&str, &[Inline])> {
    match item {
        [Block::Paragraph(content)] => only_link(content),
        _ => None,
    }
}

/// Whether an item is a link of a figure or two, as scores are.
fn is_score(item: &[Block]) -> bool {
    item_link(item).is_some_and(|(_, text)| words(text).chars().count() <= SCORE_CHARS_MAX)
}

const PARAGRAPH: &str = "margin:0 0 16px;color:#23302b";
const LINK: &str = "color:#0b5c8a;text-decoration:underline";
const BUTTON: &str = "display:inline-block;padding:11px 22px;background-color:#0b5c8a;color:#ffffff;text-decoration:none;border-radius:6px;font-weight:600";
const SCORE: &str = "display:inline-block;min-width:18px;padding:9px 8px;border:1px solid #c9d3ce;border-radius:6px;background-color:#f8faf8;color:#0b5c8a;text-decoration:none;text-align:center";
/// Links of so few letters stand in a row.
const SCORE_CHARS_MAX: usize = 2;
const CHOICE: &str = "display:block;padding:10px 16px;border:1px solid #c9d3ce;border-radius:6px;background-color:#f8faf8;color:#0b5c8a;text-decoration:none";

/// The tree as HTML with styles.
pub(crate) fn html(blocks: &[Block]) -> String {
    let mut out = String::with_capacity(8 * 1024);
    blocks.iter().for_each(|block| write_block(block, &mut out));
    out
}

fn write_block(block: &Block, out: &mut String) {
    match block {
        Block::Paragraph(content) => match only_link(content) {
            Some((url, text)) => {
                out.push_str(&format!("<p style=\"margin:24px 0\"><a class=\"button\" href=\"{}\" style=\"{BUTTON}\">", escape::html(url)));
                write_inlines(text, out);
                out.push_str("</a></p>\n");
            }
            None => wrap(out, "p", PARAGRAPH, content),
        },
        Block::Heading(level, content) => {
            let (tag, size) = match level {
                1 => ("h1", "24px;line-height:30px"),
                2 => ("h2", "20px;line-height:26px"),
                _ => ("h3", "17px;line-height:24px"),
            };
            wrap(out, tag, &format!("margin:0 0 14px;font-size:{size};color:#23302b"), content);
        }
        Block::List { items, .. } if items.len() > 1 && items.iter().all(|item| is_score(item)) => {
            out.push_str("<ul style=\"margin:0 0 20px;padding:0;list-style:none\">\n");
            for (url, text) in items.iter().filter_map(|item| item_link(item)) {
                out.push_str(&format!("<li style=\"display:inline-block;margin:0 4px 8px 0\"><a class=\"choice\" href=\"{}\" style=\"{SCORE}\">", escape::html(url)));
                write_inlines(text, out);
                out.push_str("</a></li>\n");
            }
            out.push_str("</ul>\n");
        }
        Block::List { items, .. } if !items.is_empty() && items.iter().all(|item| item_link(item).is_some()) => {
            out.push_str("<ul style=\"margin:0 0 20px;padding:0;list-style:none\">\n");
            for (url, text) in items.iter().filter_map(|item| item_link(item)) {
                out.push_str(&format!("<li style=\"margin:0 0 8px\"><a class=\"choice\" href=\"{}\" style=\"{CHOICE}\">", escape::html(url)));
                write_inlines(text, out);
                out.push_str("</a></li>\n");
            }
            out.push_str("</ul>\n");
        }
        Block::List { first, items } => {
            let tag = if first.is_some() { "ol" } else { "ul" };
            let start = first.filter(|first| *first != 1).map(|first| format!(" start=\"{first}\"")).unwrap_or_default();
            out.push_str(&format!("<{tag}{start} style=\"margin:0 0 16px;padding:0 0 0 22px;color:#23302b\">\n"));
            for item in items {
                out.push_str("<li style=\"margin:0 0 8px\">");
                match item.as_slice() {
                    [Block::Paragraph(content)] => write_inlines(content, out),
                    blocks => blocks.iter().for_each(|block| write_block(block, out)),
                }
                out.push_str("</li>\n");
            }
            out.push_str(&format!("</{tag}>\n"));
        }
        Block::Quote(blocks) => {
            out.push_str("<blockquote style=\"margin:0 0 16px;padding:0 0 0 14px;border-left:3px solid #c9d3ce\">\n");
            blocks.iter().for_each(|block| write_block(block, out));
            out.push_str("</blockquote>\n");
        }
        Block::Code(code) => out.push_str(&format!(
            "<pre style=\"margin:0 0 16px;white-space:pre-wrap;font-family:Consolas,Menlo,monospace;font-size:14px\">{}</pre>\n",
            escape::html(code)
        )),
        Block::Rule => out.push_str("<hr style=\"margin:20px 0;border:0;border-top:1px solid #c9d3ce\">\n"),
    }
}

fn wrap(out: &mut String, tag: &str, style: &str, content: &[Inline]) {
    out.extend(["<", tag, " style=\"", style, "\">"]);
    write_inlines(content, out);
    out.extend(["</", tag, ">\n"]);
}

fn write_inlines(content: &[Inline], out: &mut String) {
    for inline in content {
        match inline {
            Inline::Text(text) => made::push_html_of(text, out),
            Inline::Code(text) => out.push_str(&format!(
                "<code style=\"font-family:Consolas,Menlo,monospace;font-size:15px\">{}</code>",
                escape::html(text)
            )),
            Inline::Strong(inner) => {
                out.push_str("<strong>");
                write_inlines(inner, out);
                out.push_str("</strong>");
            }
            Inline::Emphasis(inner) => {
                out.push_str("<em>");
                write_inlines(inner, out);
                out.push_str("</em>");
            }
            Inline::Link { url, content } => {
                out.push_str("<a href=\"");
                escape::push_html(url, out);
                out.extend(["\" style=\"", LINK, "\">"]);
                write_inlines(content, out);
                out.push_str("</a>");
            }
            Inline::Image { url, alt, width } => {
                // As an attribute, for Outlook, which takes images for as wide as their files and knows no `max-width`.
                let width = width.map(|width| format!(" width=\"{width}\"")).unwrap_or_default();
                out.push_str(&format!(
                    "<img src=\"{}\" alt=\"{}\"{width} style=\"max-width:100%;height:auto;border:0\">",
                    escape::html(url),
                    escape::html(alt)
                ));
            }
            Inline::Space => out.push('\n'),
            Inline::Break => out.push_str("<br>\n"),
        }
    }
}

/// Findings for what a mail's Markdown may not hold: raw HTML, addresses that lead elsewhere, images without words.
pub(crate) fn lint(piece: &Piece<'_>, findings: &mut Findings) {
    let blanked = without_tags(piece.text);
    let path = piece.source.path.as_str();
    let mut image: Option<(Span, bool)> = None;
    for (event, range) in Parser::new_ext(&blanked, Options::empty()).into_offset_iter() {
        let span = piece.place(range.start, range.end);
        match event {
            Event::Html(_) | Event::InlineHtml(_) => {
                findings
                    .error("R0445", path, span, "raw HTML in a mail")
                    .hint("The text part would show it. Use Markdown; what all mails share stands in the layout.");
            }
            Event::Start(Tag::Link { dest_url, .. }) => check_address(&dest_url, span, path, findings),
            Event::Start(Tag::Image { dest_url, .. }) => {
                check_address(&dest_url, span, path, findings);
                image = Some((span, false));
            }
            Event::Text(text) if !text.trim().is_empty() => {
                if let Some((_, has_words)) = &mut image {
                    *has_words = true;
                }
            }
            Event::End(TagEnd::Image) => {
                if let Some((span, false)) = image.take() {
                    findings
                        .error("R0447", path, span, "an image without words")
                        .hint("Write ![what it shows](address): many clients show no images.");
                }
                image = None;
            }
            _ => {}
        }
    }
}

fn check_address(url: &str, span: Span, path: &str, findings: &mut Findings) {
    // What begins with a value is only known when rendering, and judged then.
    if !url.starts_with(BLANK) && escape::address(url).is_none() {
        findings
            .error("R0446", path, span, "a link that leads nowhere a mail may lead")
            .hint("Links begin with https:, http: or mailto:.");
    }
}

/// Where code stands in a text: between backticks, or as a block of its own.
pub(crate) fn code(text: &str) -> Vec<Range<usize>> {
    let blanked = without_tags(text);
    let events = Parser::new_ext(&blanked, Options::empty()).into_offset_iter();
    events
        .filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))))
        .map(|(_, range)| range)
        .collect()
}

/// Every link of a text: its place, its address and its words, with the tags that stand in them.
pub(crate) fn links(text: &str) -> Vec<(Range<usize>, String, String)> {
    let blanked = without_tags(text);
    let mut all: Vec<(Range<usize>, String, String)> = Vec::new();
    let mut inside = false;
    for (event, range) in Parser::new_ext(&blanked, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                let whole = blanked.get(range.clone()).unwrap_or_default();
                let at = whole.rfind(&*dest_url).map(|at| range.start + at);
                let written = at.and_then(|at| text.get(at..at + dest_url.len()));
                all.push((range, written.unwrap_or(&dest_url).to_owned(), String::new()));
                inside = true;
            }
            Event::End(TagEnd::Link) => inside = false,
            Event::Text(_) | Event::Code(_) if inside => {
                if let Some((_, _, words)) = all.last_mut() {
                    words.push_str(text.get(range).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    all
}

/// Every image of a text: its place, and what stands in quotes behind its address. What is a value is only known when rendering, and
/// left out.
pub(crate) fn images(text: &str) -> Vec<(Range<usize>, String)> {
    let blanked = without_tags(text);
    let is_value = |title: &str| !title.is_empty() && title.chars().all(|c| c == BLANK);
    Parser::new_ext(&blanked, Options::empty())
        .into_offset_iter()
        .filter_map(|(event, range)| match event {
            Event::Start(Tag::Image { title, .. }) if !is_value(&title) => Some((range, title.to_string())),
            _ => None,
        })
        .collect()
}

/// What Handlebars tags are replaced by when only the Markdown around them is looked at.
const BLANK: char = 'x';

/// The text with every `{{…}}` blanked, all places kept. A tag that ends a line of its own stays a word there.
pub(crate) fn without_tags(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((tag, behind)) = after.split_once("}}") else { break };
        blanked.push_str(before);
        blanked.extend(std::iter::repeat_n(BLANK, tag.len() + 4));
        rest = behind;
    }
    blanked.push_str(rest);
    blanked
}

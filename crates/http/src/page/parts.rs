//! Sections of a page: headings, lists, figures by name, and bars drawn as SVG that say in words what they show.

use std::fmt::Write as _;

use super::{Page, escape};
use crate::review::{Bars, Block, Fact, Section, Sheet};

/// Where bars begin, how long the longest is, and how high a line is: the width of a phone in all.
const LEFT: f64 = 84.0;
const LONGEST: f64 = 120.0;
const LINE: usize = 26;

impl Page {
    /// All of a review.
    pub(crate) fn sheet(self, sheet: &Sheet) -> Self {
        let page = sheet.intro.iter().fold(self, |page, line| page.aside(line));
        sheet.sections.iter().fold(page, Self::section)
    }

    fn section(mut self, section: &Section) -> Self {
        let _ = writeln!(self.body, "<section>\n<h2>{}</h2>", escape(section.title));
        for block in &section.blocks {
            self = self.block(block);
        }
        self.body.push_str("</section>\n");
        self
    }

    fn block(self, block: &Block) -> Self {
        match block {
            Block::Text(text) => self.text(text),
            Block::List(points) => self.list(points),
            Block::Facts(facts) => self.facts(facts),
            Block::Bars(bars) => self.bars(bars),
        }
    }

    fn list(mut self, points: &[String]) -> Self {
        self.body.push_str("<ul>\n");
        for point in points {
            let _ = writeln!(self.body, "<li>{}</li>", escape(point));
        }
        self.body.push_str("</ul>\n");
        self
    }

    fn facts(mut self, facts: &[Fact]) -> Self {
        self.body.push_str("<dl class=\"facts\">\n");
        for Fact { label, value, note } in facts {
            let _ = write!(self.body, "<div><dt>{}</dt><dd><b>{}</b>", escape(label), escape(value));
            if !note.is_empty() {
                let _ = write!(self.body, "<span>{}</span>", escape(note));
            }
            self.body.push_str("</dd></div>\n");
        }
        self.body.push_str("</dl>\n");
        self
    }

    fn bars(mut self, Bars { title, bars }: &Bars) -> Self {
        let said: Vec<String> = bars.iter().map(|bar| format!("{} {}", bar.label, bar.value)).collect();
        let said = escape(&format!("{title}: {}", said.join("; ")));
        let title = escape(title);
        let height = bars.len() * LINE;
        let _ = writeln!(
            self.body,
            "<figure>\n<figcaption>{title}</figcaption>\n\
             <svg class=\"bars\" viewBox=\"0 0 320 {height}\" role=\"img\" aria-label=\"{said}\">"
        );
        for (place, bar) in bars.iter().enumerate() {
            let (top, base) = (place * LINE + 4, place * LINE + 17);
            let length = bar.share.map_or(0.0, |share| LONGEST * share.clamp(0.0, 1.0));
            // What is not known begins where a bar would, and is no bar.
            let behind = if bar.share.is_some() { LEFT + length + 6.0 } else { LEFT };
            let _ = write!(self.body, "<text x=\"0\" y=\"{base}\">{}</text>", escape(&bar.label));
            if length > 0.0 {
                let _ =
                    write!(self.body, "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"18\" rx=\"3\"/>");
            }
            let _ = writeln!(self.body, "<text x=\"{behind:.1}\" y=\"{base}\">{}</text>", escape(&bar.value));
        }
        self.body.push_str("</svg>\n</figure>\n");
        self
    }
}

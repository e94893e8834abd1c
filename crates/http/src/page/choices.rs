//! Parts of a page under headings of their own, and forms of several questions with one answer each.

use std::fmt::Write as _;

use super::{Choice, Page, escape};

/// One question of a form.
pub(crate) struct Group<'a> {
    /// The answer's name in the form.
    pub name: &'a str,
    /// What stands above the answers.
    pub legend: &'a str,
    /// The answers, of which one is chosen.
    pub options: &'a [Choice<'a>],
}

impl Page {
    /// A part with its heading.
    pub(crate) fn part(mut self, title: &str, fill: impl FnOnce(Self) -> Self) -> Self {
        let _ = writeln!(self.body, "<section>\n<h2>{}</h2>", escape(title));
        let mut filled = fill(self);
        filled.body.push_str("</section>\n");
        filled
    }

    /// A form of several questions that posts to the page's own address.
    pub(crate) fn choices(mut self, groups: &[Group<'_>], button: &str) -> Self {
        self.body.push_str("<form method=\"post\">\n");
        for Group { name, legend, options } in groups {
            let _ = writeln!(self.body, "<fieldset>\n<legend>{}</legend>\n<div class=\"scores\">", escape(legend));
            for Choice { value, label, on } in *options {
                let _ = writeln!(
                    self.body,
                    "<label class=\"score\"><input type=\"radio\" name=\"{}\" value=\"{}\"{}><span>{}</span></label>",
                    escape(name),
                    escape(value),
                    if *on { " checked" } else { "" },
                    escape(label),
                );
            }
            self.body.push_str("</div>\n</fieldset>\n");
        }
        let _ = writeln!(self.body, "<button type=\"submit\">{}</button>\n</form>", escape(button));
        self
    }

    /// A form like [`Page::button`], for one thing among several on a page.
    pub(crate) fn second_button(mut self, label: &str, fields: &[(&str, &str)]) -> Self {
        self.body.push_str("<form method=\"post\">\n");
        self.hidden(fields);
        let _ = writeln!(self.body, "<button type=\"submit\" class=\"second\">{}</button>\n</form>", escape(label));
        self
    }
}

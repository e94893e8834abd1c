//! What the language has and the engine does not carry out yet.

use super::CodePage;

/// Their pages.
pub(super) const PAGES: &[CodePage] = &[CodePage {
    code: "R0990",
    title: "not carried out yet",
    meaning: "This belongs to the language and is not built so far. It is refused, because ignoring it would do something else than is written.",
    example: "# hello.mail.mjml\n<mjml><mj-body><mj-text>Hi</mj-text></mj-body></mjml>",
    put_right: "# hello.mail.md\n---\nsubject: Hello\n---\nHi",
}];

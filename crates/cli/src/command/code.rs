//! `rapport code`.

use rapport_rule::codes::{page, pages};
use rapport_rule::suggest::nearest;

use crate::exit::{self, Failure};
use crate::printed;

/// Prints the page of a code, or the list of all.
pub fn run(code: Option<&str>) -> Result<u8, Failure> {
    let Some(code) = code else {
        for page in pages() {
            printed::line(format!("{}  {}", page.code, page.title));
        }
        return Ok(exit::OK);
    };
    let Some(page) = page(code) else {
        let near = nearest(&code.to_uppercase(), pages().map(|page| page.code));
        let remedy = match near {
            Some(near) => format!("did you mean {near}? `rapport code` lists all"),
            None => "`rapport code` lists all".to_owned(),
        };
        return Err(Failure::input(format!("there is no code `{}`", printed::harmless(code))).help(remedy));
    };
    printed::line(page.markdown().trim_end());
    Ok(exit::OK)
}

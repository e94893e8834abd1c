//! `rapport new`.

mod entry;
mod needs;

use std::path::Path;

use rapport_rule::suggest::nearest;
use rapport_rule::yaml::is_name;

use crate::command_line::Global;
use crate::exit::{self, Failure};
use crate::{files, printed};

/// Makes a workflow from a recipe, with its mails and tests and what it needs of the configuration; without a recipe lists them.
pub fn run(global: &Global, recipe: Option<&str>, name: Option<&str>) -> Result<u8, Failure> {
    let shipped = files::shipped();
    let mut recipes: Vec<(&str, &str)> = Vec::new();
    for (path, text) in &shipped {
        if let Some(id) = path.strip_prefix("workflows/").and_then(|rest| rest.strip_suffix("/workflow.yaml")) {
            let told = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
            recipes.push((id, told("about:").or_else(|| told("workflow:")).unwrap_or_default()));
        }
    }
    let Some(recipe) = recipe else {
        for (id, about) in recipes {
            printed::line(format!("{id:<24} {about}"));
        }
        printed::line("rapport new RECIPE NAME makes workflows/NAME from one of them");
        return Ok(exit::OK);
    };
    if !recipes.iter().any(|(id, _)| *id == recipe) {
        let near = nearest(recipe, recipes.iter().map(|(id, _)| *id));
        let near =
            near.map(|near| format!("did you mean `{near}`?")).unwrap_or_else(|| "`rapport new` lists them".into());
        return Err(Failure::input(format!("there is no recipe `{recipe}`")).help(near));
    }
    let name = name.unwrap_or(recipe);
    if !is_name(name) {
        return Err(Failure::input(format!("`{name}` is no name for a workflow's folder"))
            .help("small letters, digits and `-`"));
    }
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let target = folder.join("workflows").join(name);
    if target.exists() {
        return Err(Failure::input(format!("{} is there already", target.display())).help("take another name"));
    }
    let prefix = format!("workflows/{recipe}/");
    let of_recipe = shipped.iter().filter_map(|(path, text)| Some((path.strip_prefix(&prefix)?, text)));
    let texts: files::Texts =
        of_recipe.map(|(file, text)| (format!("workflows/{name}/{file}"), text.clone())).collect();
    let count = texts.len() as i64;
    let brought = needs::bring(&project(&folder)?, texts, &shipped);
    files::write(&folder, &brought.texts)?;
    printed::line(format!("workflows/{name}: {}", printed::count(count, "file")));
    for line in &brought.told {
        printed::line(format!("  {line}"));
    }
    printed::line("next: edit them, then `rapport check` and `rapport test`");
    Ok(exit::OK)
}

/// The files that are there already.
fn project(folder: &Path) -> Result<files::Texts, Failure> {
    let parts = ["workflows", "config"].map(|part| folder.join(part));
    if !parts.iter().any(|part| part.is_dir()) {
        return Ok(files::Texts::new());
    }
    // One of the two is enough to begin with.
    for part in &parts {
        std::fs::create_dir_all(part)
            .map_err(|error| Failure::new(format!("{} cannot be made: {error}", part.display())))?;
    }
    files::read(folder)
}

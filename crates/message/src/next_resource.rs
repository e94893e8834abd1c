//! `{{#next_resource type="training"}}…{{else}}…{{/next_resource}}`: what the partner could use next, of what the programme declares.
//!
//! Which one that is, planning decides and stores in the mail's context, below [`NAME`] and a word for what the block asks for. The
//! block stands there like `with`: names inside are those of the resource.

use handlebars::{
    BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, Renderable,
};
use serde_json::Value as Json;

/// The helper, and what everything it shows stands below in a context.
pub const NAME: &str = "next_resource";

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// Something to work with, like a link builder.
    Tool,
    /// Something to show, like pictures.
    Material,
    /// Something to learn; `training.completed` tells that it was.
    Training,
}

impl ResourceType {
    /// All of them.
    pub const ALL: [ResourceType; 3] = [ResourceType::Tool, ResourceType::Material, ResourceType::Training];
    /// Their names in files and mails, in the same order.
    pub const CODES: [&str; 3] = ["tool", "material", "training"];

    /// The name in files and mails.
    #[must_use]
    pub const fn code(self) -> &'static str {
        let [tool, material, training] = Self::CODES;
        match self {
            ResourceType::Tool => tool,
            ResourceType::Material => material,
            ResourceType::Training => training,
        }
    }
}

/// For whom a resource is made, from those who begin to those who know it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// To begin with.
    Basic,
    /// For whom that is known.
    Advanced,
    /// For the few.
    Expert,
}

impl Level {
    /// All of them, in order.
    pub const ALL: [Level; 3] = [Level::Basic, Level::Advanced, Level::Expert];
    /// Their names in files and mails, in the same order.
    pub const CODES: [&str; 3] = ["basic", "advanced", "expert"];

    /// The name in files and mails.
    #[must_use]
    pub const fn code(self) -> &'static str {
        let [basic, advanced, expert] = Self::CODES;
        match self {
            Level::Basic => basic,
            Level::Advanced => advanced,
            Level::Expert => expert,
        }
    }
}

/// What a block asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// `type=`; any when it is not said.
    pub of_type: Option<ResourceType>,
    /// `level=`; any when it is not said.
    pub level: Option<Level>,
}

/// Stands for every type.
const ANY: &str = "any";

impl Wanted {
    /// Everything a block can ask for.
    pub fn all() -> impl Iterator<Item = Wanted> {
        let types = [None].into_iter().chain(ResourceType::ALL.map(Some));
        types.flat_map(|of_type| {
            let levels = [None].into_iter().chain(Level::ALL.map(Some));
            levels.map(move |level| Wanted { of_type, level })
        })
    }

    /// Where it stands in a context: `next_resource.training`, `next_resource.any_basic`.
    #[must_use]
    pub fn path(self) -> String {
        format!("{NAME}.{}", self.slot())
    }

    /// What a name of a context asks for, be it the resource or one of its fields. None for other names.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Wanted> {
        let slot = path.strip_prefix(NAME)?.strip_prefix('.')?.split('.').next()?;
        Wanted::all().find(|wanted| wanted.slot() == slot)
    }

    /// What the options of a block ask for; none for words that are none of theirs.
    pub(crate) fn of_words(of_type: Option<&str>, level: Option<&str>) -> Option<Wanted> {
        let fits = |code: Option<&'static str>, word: Option<&str>| code == word;
        Wanted::all().find(|wanted| {
            fits(wanted.of_type.map(ResourceType::code), of_type) && fits(wanted.level.map(Level::code), level)
        })
    }

    fn slot(self) -> String {
        let of_type = self.of_type.map_or(ANY, ResourceType::code);
        match self.level {
            None => of_type.to_owned(),
            Some(level) => format!("{of_type}_{}", level.code()),
        }
    }
}

/// The block as Handlebars calls it.
pub(crate) struct Block;

impl HelperDef for Block {
    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let word = |option: &str| h.hash_get(option).and_then(|param| param.value().as_str());
        let slot = Wanted::of_words(word("type"), word("level")).map(Wanted::slot);
        let known = ctx.data().get(NAME);
        let is_there = |slot: &String| known.and_then(|all| all.get(slot)).is_some_and(Json::is_object);
        let Some(slot) = slot.filter(is_there) else {
            return match h.inverse() {
                Some(template) => template.render(r, ctx, rc, out),
                None => Ok(()),
            };
        };
        let mut block = BlockContext::new();
        *block.base_path_mut() = vec![NAME.to_owned(), slot];
        // `@index` of a list around it, as inside `with`.
        if let Some(around) = rc.block() {
            block.local_variables_mut().clone_from(around.local_variables());
        }
        if let Some(name) = h.block_param() {
            let mut params = BlockParams::new();
            params.add_path(name, Vec::new())?;
            block.set_block_params(params);
        }
        rc.push_block(block);
        if let Some(template) = h.template() {
            template.render(r, ctx, rc, out)?;
        }
        rc.pop_block();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_back_from_its_name() {
        for wanted in Wanted::all() {
            assert_eq!(Wanted::of_path(&wanted.path()), Some(wanted));
            assert_eq!(Wanted::of_path(&format!("{}.title", wanted.path())), Some(wanted));
        }
        let training = Wanted::of_words(Some("training"), Some("basic")).unwrap();
        assert_eq!(training.path(), "next_resource.training_basic");
        assert_eq!(Wanted::of_words(None, None), Some(Wanted::default()));
        assert_eq!(Wanted::of_words(Some("course"), None), None);
        for other in ["next_resource", "next_resource.course", "next_resources.any", "offer.value"] {
            assert_eq!(Wanted::of_path(other), None, "{other}");
        }
    }
}

//! The helpers a mail may use: a closed list, with what each takes.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, JsonTruthy, RenderContext, RenderError, RenderErrorReason, ScopedJson,
};
use rapport_rule::Money;
use serde_json::Value as Json;

use crate::escape::clean;
use crate::format;
use crate::locale::Locale;
use crate::made::Made;
use crate::next_resource;

/// What a helper wants in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Anything that can be printed as it is.
    Printable,
    /// Anything; missing is fine.
    Anything,
    Money,
    Day,
    Number,
    List,
    Text,
}

/// One helper: how it is called, and what it does with values.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// The least arguments it needs.
    pub(crate) least: usize,
    /// What it wants, argument by argument; the last stands for all further ones.
    pub(crate) wants: &'static [Wants],
    /// The most arguments it takes.
    pub(crate) most: usize,
    pub(crate) options: &'static [&'static str],
    pub(crate) block: bool,
    /// Shown when it is called wrongly.
    pub(crate) example: &'static str,
    run: Option<fn(&Call<'_>) -> Outcome>,
}

/// A value, `None` for missing (an error when printed, nothing to a condition), or why it cannot be.
type Outcome = Result<Option<Json>, String>;

struct Call<'a> {
    params: Vec<Option<&'a Json>>,
    digits: Option<&'a Json>,
    width: Option<&'a Json>,
    root: &'a Json,
}

use Wants::{Anything, Day, List, Number, Printable, Text};

macro_rules! spec {
    ($name:literal, $least:literal..$most:literal, $wants:expr, $options:expr, $block:literal, $example:literal, $run:expr) => {
        Spec {
            name: $name,
            least: $least,
            most: $most,
            wants: $wants,
            options: $options,
            block: $block,
            example: $example,
            run: $run,
        }
    };
}

/// Every helper of mails, with an example of its use.
pub fn helpers() -> impl Iterator<Item = (&'static str, &'static str)> {
    HELPERS.iter().map(|spec| (spec.name, spec.example))
}

/// All helpers. `if unless each with` are those of Handlebars; the comparisons replace its own, which fail on what is missing.
pub(crate) static HELPERS: &[Spec] = &[
    spec!("if", 1..1, &[Anything], &["includeZero"], true, "{{#if partner.first_name}}…{{else}}…{{/if}}", None),
    spec!("unless", 1..1, &[Anything], &["includeZero"], true, "{{#unless partner.first_name}}…{{/unless}}", None),
    spec!("each", 1..1, &[List], &[], true, "{{#each products}}{{title}}{{/each}}", None),
    spec!("with", 1..1, &[Anything], &[], true, "{{#with offer}}{{money value}}{{/with}}", None),
    spec!(
        "fallback",
        2..2,
        &[Anything, Printable],
        &[],
        false,
        "{{fallback partner.first_name \"there\"}}",
        Some(fallback)
    ),
    spec!("money", 1..1, &[Wants::Money], &[], false, "{{money commission_90d}}", Some(money)),
    spec!("date", 1..1, &[Day], &[], false, "{{date event.occurred_at}}", Some(date)),
    spec!("number", 1..1, &[Number], &["digits"], false, "{{number conversions_90d}}", Some(number)),
    spec!(
        "pct_change",
        2..2,
        &[Number],
        &[],
        false,
        "{{pct_change conversions_28d conversions_28d_before}}",
        Some(pct_change)
    ),
    spec!(
        "progress_bar",
        1..1,
        &[Number],
        &["width"],
        false,
        "{{progress_bar goal.revenue.percent width=10}}",
        Some(progress_bar)
    ),
    spec!("plural", 3..3, &[Number, Text], &[], false, "{{plural conversions_90d \"sale\" \"sales\"}}", Some(plural)),
    spec!(
        "top_products",
        1..1,
        &[Number],
        &[],
        false,
        "{{#if partner.top_products}}{{top_products 3}}{{/if}}",
        Some(|c| listed(c, &TOP_PRODUCTS))
    ),
    spec!(
        "hottest_products",
        1..1,
        &[Number],
        &[],
        false,
        "{{#if program.hottest_products}}{{hottest_products 3}}{{/if}}",
        Some(|c| listed(c, &HOTTEST_PRODUCTS))
    ),
    spec!(
        "best_categories",
        1..1,
        &[Number],
        &[],
        false,
        "{{#if program.best_categories}}{{best_categories 2}}{{/if}}",
        Some(|c| listed(c, &BEST_CATEGORIES))
    ),
    spec!("count", 1..1, &[List], &[], false, "{{number (count products)}}", Some(count)),
    spec!(
        "next_resource",
        0..0,
        &[],
        &["type", "level"],
        true,
        "{{#next_resource type=\"training\"}}[{{title}}]({{url}}){{else}}…{{/next_resource}}",
        None
    ),
    spec!("eq", 2..2, &[Anything], &[], false, "{{#if (eq motive \"income\")}}…{{/if}}", Some(eq)),
    spec!("ne", 2..2, &[Anything], &[], false, "{{#if (ne motive \"income\")}}…{{/if}}", Some(ne)),
    spec!(
        "gt",
        2..2,
        &[Anything],
        &[],
        false,
        "{{#if (gt conversions_90d 10)}}…{{/if}}",
        Some(|c| compare(c, |o| o.is_gt()))
    ),
    spec!(
        "gte",
        2..2,
        &[Anything],
        &[],
        false,
        "{{#if (gte conversions_90d 10)}}…{{/if}}",
        Some(|c| compare(c, |o| o.is_ge()))
    ),
    spec!(
        "lt",
        2..2,
        &[Anything],
        &[],
        false,
        "{{#if (lt conversions_90d 10)}}…{{/if}}",
        Some(|c| compare(c, |o| o.is_lt()))
    ),
    spec!(
        "lte",
        2..2,
        &[Anything],
        &[],
        false,
        "{{#if (lte conversions_90d 10)}}…{{/if}}",
        Some(|c| compare(c, |o| o.is_le()))
    ),
    spec!(
        "and",
        2..8,
        &[Anything],
        &[],
        false,
        "{{#if (and a b)}}…{{/if}}",
        Some(|c| truth(c.params.iter().all(|p| truthy(*p))))
    ),
    spec!(
        "or",
        2..8,
        &[Anything],
        &[],
        false,
        "{{#if (or a b)}}…{{/if}}",
        Some(|c| truth(c.params.iter().any(|p| truthy(*p))))
    ),
    spec!("not", 1..1, &[Anything], &[], false, "{{#if (not a)}}…{{/if}}", Some(|c| truth(!truthy(c.param(0))))),
    spec!("unsubscribe_link", 0..0, &[], &[], false, "[…]({{unsubscribe_link}})", Some(|c| link(c, "unsubscribe"))),
    spec!("why_link", 0..0, &[], &[], false, "[…]({{why_link}})", Some(|c| link(c, "why"))),
    spec!("answer_link", 1..1, &[Text], &[], false, "[{{label}}]({{answer_link id}})", Some(answer_link)),
    spec!("goal_link", 1..1, &[Text], &[], false, "[Look at the goal]({{goal_link event.proposal}})", Some(goal_link)),
    spec!(
        "certificate_link",
        1..1,
        &[Text],
        &[],
        false,
        "[Your certificate]({{certificate_link event.id}})",
        Some(certificate_link)
    ),
    spec!("review_link", 1..1, &[Text], &[], false, "[Your quarter]({{review_link \"quarter\"}})", Some(review_link)),
];

/// Leads to what a period came to.
pub(crate) const REVIEW_LINK: &str = "review_link";

/// What a review can look back on: the last of these that was over when the mail was planned.
pub const REVIEW_PERIODS: [&str; 2] = ["month", "quarter"];

/// What a helper goes through besides its arguments.
pub(crate) fn list_behind(name: &str) -> Option<&'static str> {
    LISTS.iter().find(|list| list.name == name).map(|list| list.path)
}

/// Names of helpers that show the first few of a list.
pub(crate) fn list_helpers() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|list| list.name)
}

/// A list of names, and the helper that shows the first few of it.
struct Ranked {
    /// The helper.
    name: &'static str,
    /// Where the names stand: an object and its field.
    path: &'static str,
    /// It holds no more.
    most: u64,
}

/// What a partner sells most, the most frequent first.
const TOP_PRODUCTS: Ranked = Ranked { name: "top_products", path: "partner.top_products", most: 8 };
/// What the whole programme sold most lately.
const HOTTEST_PRODUCTS: Ranked = Ranked { name: "hottest_products", path: "program.hottest_products", most: 10 };
/// The categories of it.
const BEST_CATEGORIES: Ranked = Ranked { name: "best_categories", path: "program.best_categories", most: 5 };

static LISTS: [Ranked; 3] = [TOP_PRODUCTS, HOTTEST_PRODUCTS, BEST_CATEGORIES];

/// How many places a bar has when nothing else is said, and the most it may have: a line of a phone holds no more.
const BAR_PLACES: u64 = 10;
const BAR_PLACES_MAX: u64 = 30;

/// The helper of this name.
pub(crate) fn lookup(name: &str) -> Option<&'static Spec> {
    HELPERS.iter().find(|spec| spec.name == name)
}

impl Spec {
    /// What the argument at this place is wanted to be.
    pub(crate) fn wants_at(&self, at: usize) -> Wants {
        self.wants.get(at).or(self.wants.last()).copied().unwrap_or(Anything)
    }
}

/// Puts them into a registry.
pub(crate) fn register(registry: &mut Handlebars<'static>) {
    for spec in HELPERS {
        if let Some(run) = spec.run {
            registry.register_helper(spec.name, Box::new(Function { name: spec.name, run }));
        }
    }
    registry.register_helper(next_resource::NAME, Box::new(next_resource::Block));
}

struct Function {
    name: &'static str,
    run: fn(&Call<'_>) -> Outcome,
}

impl HelperDef for Function {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let call = Call {
            params: h.params().iter().map(|param| (!param.is_value_missing()).then(|| param.value())).collect(),
            digits: h.hash_get("digits").map(|param| param.value()),
            width: h.hash_get("width").map(|param| param.value()),
            root: ctx.data(),
        };
        match (self.run)(&call) {
            Ok(Some(value)) => Ok(ScopedJson::Derived(value)),
            Ok(None) => Ok(ScopedJson::Missing),
            Err(reason) => Err(RenderErrorReason::Other(format!("`{}` {reason}", self.name)).into()),
        }
    }
}

impl<'a> Call<'a> {
    fn param(&self, at: usize) -> Option<&'a Json> {
        self.params.get(at).copied().flatten()
    }

    fn locale(&self) -> Locale {
        self.root.get("lang").and_then(Json::as_str).and_then(Locale::parse).unwrap_or_else(Locale::english)
    }

    /// A number at this place: `None` when missing.
    fn number(&self, at: usize) -> Result<Option<f64>, String> {
        match self.param(at) {
            None => Ok(None),
            Some(value) => match (value.as_f64(), read_money(value)) {
                (Some(number), _) => Ok(Some(number)),
                (None, Some(money)) => Ok(Some(money.minor as f64)),
                (None, None) => Err(format!("needs a number, found {}", described(value))),
            },
        }
    }
}

fn fallback(call: &Call<'_>) -> Outcome {
    let value = call.param(0).filter(|value| !matches!(value, Json::String(text) if text.is_empty()));
    Ok(value.or(call.param(1)).cloned())
}

fn money(call: &Call<'_>) -> Outcome {
    let Some(value) = call.param(0) else { return Ok(None) };
    let money = read_money(value).ok_or_else(|| format!("needs an amount of money, found {}", described(value)))?;
    text(format::money(money, &call.locale()))
}

fn date(call: &Call<'_>) -> Outcome {
    let Some(value) = call.param(0) else { return Ok(None) };
    // The day as written: the planning side chose the zone.
    let day = value
        .as_str()
        .and_then(|written| jiff::fmt::temporal::Pieces::parse(written).ok())
        .ok_or_else(|| format!("needs a date or a moment, found {}", described(value)))?
        .date();
    text(format::date(day, &call.locale()))
}

fn number(call: &Call<'_>) -> Outcome {
    let Some(value) = call.param(0) else { return Ok(None) };
    let number = value.as_f64().ok_or_else(|| format!("needs a number, found {}", described(value)))?;
    let digits = call.digits.and_then(Json::as_u64).unwrap_or(1) as usize;
    text(format::number(number, digits, &call.locale()))
}

fn pct_change(call: &Call<'_>) -> Outcome {
    let (Some(now), Some(before)) = (call.number(0)?, call.number(1)?) else { return Ok(None) };
    // From nothing there is no percentage: missing, so that an author gives a `fallback`.
    if before == 0.0 {
        return Ok(None);
    }
    text(format::change(100.0 * (now / before - 1.0), &call.locale()))
}

fn progress_bar(call: &Call<'_>) -> Outcome {
    let Some(percent) = call.number(0)? else { return Ok(None) };
    let places = match call.width {
        None => BAR_PLACES,
        Some(width) => width
            .as_u64()
            .filter(|width| (1..=BAR_PLACES_MAX).contains(width))
            .ok_or_else(|| format!("takes a width from 1 to {BAR_PLACES_MAX}"))?,
    };
    // Only what is reached looks full, and what is begun never looks empty.
    let begun = u64::from(percent > 0.0);
    let full = ((percent.clamp(0.0, 100.0) / 100.0 * places as f64).floor() as u64).max(begun).min(places);
    let share = format::percent(percent, &call.locale());
    text(Made::Bar { full: full as usize, places: places as usize, share }.token())
}

fn listed(call: &Call<'_>, list: &Ranked) -> Outcome {
    let most = call.param(0).and_then(Json::as_u64).filter(|most| (1..=list.most).contains(most));
    let most = most.ok_or_else(|| format!("takes how many to show, 1 to {}", list.most))?;
    let known = list.path.split('.').try_fold(call.root, |object, field| object.get(field)).and_then(Json::as_array);
    let names = known.into_iter().flatten().filter_map(Json::as_str).map(clean);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).take(most as usize).collect();
    Ok((!names.is_empty()).then(|| Json::String(Made::List(names).token())))
}

fn plural(call: &Call<'_>) -> Outcome {
    let Some(number) = call.number(0)? else { return Ok(None) };
    Ok(call.param(if number == 1.0 { 1 } else { 2 }).cloned())
}

fn count(call: &Call<'_>) -> Outcome {
    let Some(value) = call.param(0) else { return Ok(None) };
    let items = value.as_array().ok_or_else(|| format!("needs a list, found {}", described(value)))?;
    Ok(Some(Json::from(items.len())))
}

fn eq(call: &Call<'_>) -> Outcome {
    truth(call.param(0).is_some() && same(call.param(0), call.param(1)))
}

fn ne(call: &Call<'_>) -> Outcome {
    // What is missing is neither the same nor another, as everywhere in rules.
    truth(call.param(0).is_some() && call.param(1).is_some() && !same(call.param(0), call.param(1)))
}

fn same(a: Option<&Json>, b: Option<&Json>) -> bool {
    match (a.and_then(Json::as_f64), b.and_then(Json::as_f64)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn compare(call: &Call<'_>, wanted: fn(std::cmp::Ordering) -> bool) -> Outcome {
    let (Some(a), Some(b)) = (call.number(0)?, call.number(1)?) else { return truth(false) };
    truth(a.partial_cmp(&b).is_some_and(wanted))
}

fn truthy(value: Option<&Json>) -> bool {
    value.is_some_and(|value| value.is_truthy(false))
}

fn link(call: &Call<'_>, name: &str) -> Outcome {
    Ok(call.root.get("links").and_then(|links| links.get(name)).cloned())
}

fn answer_link(call: &Call<'_>) -> Outcome {
    let Some(choice) = call.param(0) else { return Ok(None) };
    let choice = choice.as_str().ok_or_else(|| format!("needs the id of a choice, found {}", described(choice)))?;
    let link = call.root.get("links").and_then(|links| links.get("answers")).and_then(|answers| answers.get(choice));
    link.cloned().map(Some).ok_or_else(|| format!("has no answer `{choice}` in this mail's survey"))
}

fn goal_link(call: &Call<'_>) -> Outcome {
    let Some(proposal) = call.param(0) else { return Ok(None) };
    let proposal = proposal.as_str().ok_or_else(|| format!("needs a proposal's id, found {}", described(proposal)))?;
    let link = call.root.get("links").and_then(|links| links.get("goals")).and_then(|goals| goals.get(proposal));
    link.cloned().map(Some).ok_or_else(|| "needs the proposal of a goal, like `event.proposal`".to_owned())
}

fn certificate_link(call: &Call<'_>) -> Outcome {
    let Some(award) = call.param(0) else { return Ok(None) };
    let award = award.as_str().ok_or_else(|| format!("needs an award's id, found {}", described(award)))?;
    let links = call.root.get("links").and_then(|links| links.get("certificates"));
    let link = links.and_then(|certificates| certificates.get(award));
    link.cloned().map(Some).ok_or_else(|| "needs the award the mail is about, `event.id`".to_owned())
}

fn review_link(call: &Call<'_>) -> Outcome {
    let Some(period) = call.param(0) else { return Ok(None) };
    let link = period.as_str().and_then(|period| call.root.get("links")?.get("reviews")?.get(period));
    link.cloned().map(Some).ok_or_else(|| format!("needs one of {}", REVIEW_PERIODS.join(", ")))
}

fn truth(value: bool) -> Outcome {
    Ok(Some(Json::Bool(value)))
}

fn text(text: String) -> Outcome {
    Ok(Some(Json::String(text)))
}

fn read_money(value: &Json) -> Option<Money> {
    value.is_object().then(|| serde_json::from_value(value.clone()).ok()).flatten()
}

/// A value's kind for messages; never the value, which may be personal.
fn described(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

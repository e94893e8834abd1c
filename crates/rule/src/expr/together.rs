//! Conditions that are each fine alone and cannot all hold: two groups at once, above 5 and below 3, a thing and its
//! opposite.

use super::syntax::Comparison;
use super::tree::{Tree, compare};
use super::{Condition, Environment, Scope, Type, Value, Variable};
use crate::finding::Findings;
use crate::yaml::Node;

/// What has to be so, or not so, for a condition to hold.
struct Demand<'a> {
    /// The same for what is written alike.
    key: String,
    tree: Option<&'a Tree>,
    wanted: bool,
    /// The entry of the list it stands in.
    part: usize,
}

/// Complains (R0219) about the first entry of a list that can never hold together with those before it.
pub(super) fn report(parts: &[Condition], items: &[Node], path: &str, env: &dyn Environment, findings: &mut Findings) {
    let mut demands = Vec::new();
    for (part, condition) in parts.iter().enumerate() {
        collect(condition, true, part, &mut demands);
    }
    let Some(clash) = clash(&demands, env) else { return };
    // Within one entry it is that expression's own affair.
    let Some(item) = items.get(clash.part).filter(|_| clash.first < clash.part) else { return };
    let rules_out = match clash.partner.and_then(|partner| parts.get(partner)) {
        Some(partner) => format!("`{partner}` rules this out"),
        None => "those before it leave no value for this".to_owned(),
    };
    findings
        .error("R0219", path, item.span, "these conditions can never all hold")
        .label(rules_out)
        .hint("A list asks for all of it; if one is enough, write `any:` above the list.");
}

/// Whether `other` holds wherever `condition` does. Only what is written counts, nothing is looked up.
pub(super) fn implies(condition: &Condition, other: &Condition) -> bool {
    let mut demands = Vec::new();
    collect(condition, true, 0, &mut demands);
    collect(other, false, 1, &mut demands);
    clash(&demands, &NoNames).is_some_and(|clash| clash.first < clash.part)
}

/// Whether the parts of an expression joined by `&&` can never all hold.
pub(super) fn never_all(tree: &Tree, env: &dyn Environment) -> bool {
    let mut demands = Vec::new();
    within(tree, true, 0, &mut demands);
    clash(&demands, env).is_some()
}

struct NoNames;

impl Environment for NoNames {
    fn lookup(&self, _: &str) -> Option<Variable> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Scope for NoNames {
    fn value(&self, _: &str) -> Value {
        Value::Missing
    }
}

fn collect<'a>(condition: &'a Condition, wanted: bool, part: usize, demands: &mut Vec<Demand<'a>>) {
    match condition {
        Condition::Clause(expr) => within(&expr.tree, wanted, part, demands),
        Condition::Not(inner) => collect(inner, !wanted, part, demands),
        Condition::All(parts) | Condition::Any(parts) => {
            demands.push(Demand { key: condition.to_string(), tree: None, wanted, part });
            // All of a list, and none of those of which one would be enough.
            if matches!(condition, Condition::All(_)) == wanted {
                parts.iter().for_each(|inner| collect(inner, wanted, part, demands));
            }
        }
    }
}

fn within<'a>(tree: &'a Tree, wanted: bool, part: usize, demands: &mut Vec<Demand<'a>>) {
    match tree {
        Tree::Not(inner) => within(inner, !wanted, part, demands),
        Tree::And(left, right) if wanted => {
            [left, right].into_iter().for_each(|side| within(side, wanted, part, demands))
        }
        Tree::Or(left, right) if !wanted => {
            [left, right].into_iter().for_each(|side| within(side, wanted, part, demands))
        }
        _ => demands.push(Demand { key: format!("{tree:?}"), tree: Some(tree), wanted, part }),
    }
}

/// Of more demands than this the rest is not looked at: nobody writes so many about one name, and each is held against each.
const DEMANDS_MAX: usize = 100;

/// Demands that cannot all be met, by the entries they stand in.
struct Clash {
    /// The first entry about the same thing.
    first: usize,
    /// The entry that cannot hold with this one alone; none if it takes more than two.
    partner: Option<usize>,
    /// The first entry that cannot hold with those before it.
    part: usize,
}

fn clash(demands: &[Demand<'_>], env: &dyn Environment) -> Option<Clash> {
    for (index, demand) in demands.iter().enumerate().take(DEMANDS_MAX) {
        let before = demands.get(..index).unwrap_or_default();
        let part = demand.part;
        if let Some(opposite) = before.iter().find(|other| other.key == demand.key && other.wanted != demand.wanted) {
            return Some(Clash { first: opposite.part, partner: Some(opposite.part), part });
        }
        let Some(name) = demand.name() else { continue };
        let mut of_name: Vec<&Demand<'_>> = before.iter().filter(|other| other.name() == Some(name)).collect();
        let alone = possible(name, &[demand], env);
        let Some(first) = of_name.first().map(|first| first.part).filter(|_| alone) else { continue };
        let partner = of_name.iter().find(|other| !possible(name, &[**other, demand], env)).map(|other| other.part);
        of_name.push(demand);
        if partner.is_some() || !possible(name, &of_name, env) {
            return Some(Clash { first: partner.unwrap_or(first), partner, part });
        }
    }
    None
}

impl Demand<'_> {
    /// The name it is about, if it is about one name and values written out.
    fn name(&self) -> Option<&str> {
        match self.tree? {
            Tree::Name(name) => Some(name),
            Tree::Compare(_, left, right) => match (&**left, &**right) {
                (Tree::Name(name), Tree::Constant(_)) | (Tree::Constant(_), Tree::Name(name)) => Some(name),
                _ => None,
            },
            Tree::OneOf(needle, items) => match &**needle {
                Tree::Name(name) if items.iter().all(|item| matches!(item, Tree::Constant(_))) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// How the name has to stand to which value, as far as that is one comparison.
    fn comparison(&self) -> Option<(Comparison, &Value)> {
        let (comparison, value) = match self.tree? {
            Tree::Compare(comparison, left, right) => match (&**left, &**right) {
                (_, Tree::Constant(value)) => (*comparison, value),
                (Tree::Constant(value), _) => (comparison.mirrored(), value),
                _ => return None,
            },
            _ => return None,
        };
        Some((if self.wanted { comparison } else { comparison.negated() }, value))
    }

    /// The only values that meet it, if it names them.
    fn values(&self) -> Option<Vec<Value>> {
        match self.tree? {
            Tree::Name(_) => Some(vec![Value::Bool(self.wanted)]),
            Tree::OneOf(_, items) if self.wanted => Some(
                items
                    .iter()
                    .filter_map(|item| if let Tree::Constant(value) = item { Some(value.clone()) } else { None })
                    .collect(),
            ),
            _ => self.comparison().filter(|(sign, _)| *sign == Comparison::Equal).map(|(_, value)| vec![value.clone()]),
        }
    }

    /// Whether a value may meet it; what cannot be compared may.
    fn met_by(&self, value: &Value) -> bool {
        let equal = |other: &Value| compare(Comparison::Equal, value, other, &NoNames);
        match self.tree {
            Some(Tree::OneOf(_, items)) => {
                let mut listed = items.iter().filter_map(|item| match item {
                    Tree::Constant(item) => Some(equal(item)),
                    _ => None,
                });
                if self.wanted { listed.any(|found| !found.is_false()) } else { listed.all(|found| !found.is_true()) }
            }
            Some(Tree::Name(_)) => !equal(&Value::Bool(self.wanted)).is_false(),
            _ => self.comparison().is_none_or(|(sign, bound)| !compare(sign, value, bound, &NoNames).is_false()),
        }
    }
}

/// How a name has to stand to a value.
type Bound = (Comparison, Value);

/// Whether a name can have a value that meets all demands.
fn possible(name: &str, demands: &[&Demand<'_>], env: &dyn Environment) -> bool {
    let variable = env.lookup(name);
    let all_met = |value: &Value| demands.iter().all(|demand| demand.met_by(value));
    let closed = variable.as_ref().filter(|variable| !variable.may_be_another);
    if let Some(set) = closed.and_then(|variable| variable.closed_set.clone()) {
        return set.iter().any(|text| all_met(&Value::Text(text.clone())));
    }
    if let Some(values) = demands.iter().find_map(|demand| demand.values()) {
        return values.iter().any(all_met);
    }
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for (sign, value) in demands.iter().filter_map(|demand| demand.comparison()) {
        match sign {
            Comparison::Greater | Comparison::GreaterOrEqual => lower.push((sign, value.clone())),
            Comparison::Less | Comparison::LessOrEqual => upper.push((sign, value.clone())),
            Comparison::Equal | Comparison::NotEqual => {}
        }
    }
    let whole = variable.as_ref().is_some_and(|variable| variable.ty == Type::Count);
    if let Some(variable) = &variable {
        limits(variable, &mut lower, &mut upper);
    }
    // Every bound below against every bound above: the tightest two are among them.
    let fits = lower.iter().all(|low| upper.iter().all(|high| between(low, high, &all_met)));
    fits && (!whole || some_count(&lower, &upper, &all_met))
}

/// What a name's own type says of its least and its greatest value.
fn limits(variable: &Variable, lower: &mut Vec<Bound>, upper: &mut Vec<Bound>) {
    let as_value = |number: u32| match variable.ty {
        Type::Count => Some(Value::Count(number.into())),
        Type::Number => Some(Value::Number(number.into())),
        Type::Percent => Some(Value::Percent(number.into())),
        _ => None,
    };
    if !variable.may_be_negative {
        lower.extend(as_value(0).map(|least| (Comparison::GreaterOrEqual, least)));
    }
    upper.extend(variable.at_most.and_then(as_value).map(|most| (Comparison::LessOrEqual, most)));
}

/// Whether a value from `low` to `high` exists, and meets all demands if it is the only one.
fn between(low: &Bound, high: &Bound, all_met: &dyn Fn(&Value) -> bool) -> bool {
    if compare(Comparison::Equal, &low.1, &high.1, &NoNames).is_true() {
        return low.0 == Comparison::GreaterOrEqual && high.0 == Comparison::LessOrEqual && all_met(&low.1);
    }
    !compare(Comparison::Greater, &low.1, &high.1, &NoNames).is_true()
}

/// Whether a count between the bounds meets all demands; of a wide range it is taken for granted.
fn some_count(lower: &[Bound], upper: &[Bound], all_met: &dyn Fn(&Value) -> bool) -> bool {
    /// So many are tried one by one.
    const TRIED_MAX: f64 = 32.0;
    let number = |(_, value): &Bound| match value {
        Value::Count(count) => Some(*count as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    };
    let from = lower.iter().filter_map(number).reduce(f64::max);
    let to = upper.iter().filter_map(number).reduce(f64::min);
    match (from, to) {
        (Some(from), Some(to)) if to - from <= TRIED_MAX => {
            (from.ceil() as i64..=to.floor() as i64).any(|count| all_met(&Value::Count(count)))
        }
        _ => true,
    }
}

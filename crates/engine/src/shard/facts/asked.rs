//! The facts of one moment for many questions: each figure, and the group, is found out once.

use std::cell::{OnceCell, RefCell};

use rapport_partner::{Figure, FigureContext};
use rapport_rule::expr::{Scope, Truth, Value};
use rapport_workflow::config::Group;

use super::{Bare, PartnerFacts};

/// The same scope as [`Bare`], for whoever asks more than one condition: those of segments ask for the same few figures.
pub struct Asked<'a, 'b> {
    facts: &'a PartnerFacts<'b>,
    context: FigureContext<'a>,
    /// A dozen at most: a list is searched sooner than a table.
    figures: RefCell<Vec<(Figure, Value)>>,
    group: OnceCell<Option<&'b Group>>,
    /// By place among those declared.
    segments: RefCell<Vec<(usize, Truth)>>,
}

impl<'a, 'b> Asked<'a, 'b> {
    /// Nothing asked yet.
    #[must_use]
    pub fn of(facts: &'a PartnerFacts<'b>) -> Self {
        let context = facts.context(None);
        Self { facts, context, figures: RefCell::default(), group: OnceCell::new(), segments: RefCell::default() }
    }

    /// The group the partner is in now.
    #[must_use]
    pub fn group(&self) -> Option<&'b Group> {
        if let Some(known) = self.group.get() {
            return *known;
        }
        let group = self.facts.group_in(self);
        // It can only have been set to the same.
        let _ = self.group.set(group);
        group
    }

    /// Whether the partner belongs to the segment of this name; not known where none is declared.
    #[must_use]
    pub fn member(&self, name: &str) -> Truth {
        let declared = &self.facts.rulebook.segments.segments;
        let Some(place) = declared.iter().position(|segment| *segment.name == *name) else { return Truth::Unknown };
        let known = self.segments.borrow().iter().find(|(known, _)| *known == place).map(|(_, truth)| *truth);
        known.unwrap_or_else(|| {
            let truth = declared.get(place).map_or(Truth::Unknown, |segment| segment.condition.judge(self));
            self.segments.borrow_mut().push((place, truth));
            truth
        })
    }

    fn figure(&self, path: &str) -> Value {
        let Some(figure) = self.facts.rulebook.figure(path) else { return Value::Missing };
        let known = self.figures.borrow().iter().find(|(known, _)| *known == figure).map(|(_, value)| value.clone());
        known.unwrap_or_else(|| {
            let value = super::shown(self.facts.state.figure(&figure, &self.context));
            self.figures.borrow_mut().push((figure, value.clone()));
            value
        })
    }
}

impl Scope for Asked<'_, '_> {
    fn value(&self, path: &str) -> Value {
        match path {
            "group" => self.group().map_or(Value::Missing, |group| Value::Text(group.name.clone())),
            "lane" => self.group().map_or(Value::Missing, |group| Value::Text(group.lane.0.clone())),
            "health" => Bare(self.facts).value(path),
            _ if path.contains('.') => Bare(self.facts).value(path),
            _ => self.figure(path),
        }
    }

    fn why_missing(&self, path: &str) -> Option<&'static str> {
        Bare(self.facts).why_missing(path)
    }

    fn call(&self, object: &str, method: &str, args: &[Value]) -> Value {
        Bare(self.facts).call(object, method, args)
    }
}

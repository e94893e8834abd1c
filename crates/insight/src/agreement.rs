//! A goal that two sides have to agree on: proposed by the programme, accepted, countered or declined by the partner.
//!
//! What was agreed stays in force while a newer proposal is open. Every act names the proposal it answers, so that one told twice,
//! or told late about a proposal that was replaced, changes nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What is to be reached, and within which days; both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What is counted: a measure without window. Empty where the goal is a declared condition, which has nothing to count.
    pub metric: String,
    /// What it must come to: a count, or minor units of the programme's currency.
    pub target: i64,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Percents told on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tell_at: Vec<u8>,
}

/// Other terms a partner would agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Target, in the unit of the proposal's.
    pub target: i64,
    /// Last day.
    pub to: Date,
    /// When the partner said so.
    pub at: Timestamp,
}

/// A proposal that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its id.
    pub id: String,
    /// What is proposed.
    pub terms: Terms,
    /// Who at the programme answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who proposed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// What the partner answered with, if with other terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The proposal that was accepted.
    pub proposal: String,
    /// On these terms.
    pub terms: Terms,
    /// Who at the programme answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How a proposal ended without agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By the partner.
    Declined,
    /// By the programme.
    Withdrawn,
}

/// One goal between one partner and the programme.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// A proposal that waits for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Proposal>,
    /// What is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreed>,
    /// The last proposal that ended without agreement, how, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<(String, End, Timestamp)>,
}

/// Something one of the sides does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The programme proposes; an older proposal of this goal that is still open is replaced.
    Propose(Proposal),
    /// The partner accepts the proposal as it was made, or (`counter`) the programme accepts what the partner answered with.
    Accept {
        /// Target and last day of the counter that is accepted; `None`: the proposal's own.
        counter: Option<(i64, Date)>,
    },
    /// The partner would agree to other terms.
    Counter {
        /// Target.
        target: i64,
        /// Last day.
        to: Date,
    },
    /// The partner does not want it.
    Decline,
    /// The programme takes it back, agreed or not.
    Withdraw,
}

impl Agreement {
    /// Carries an act on the proposal of this id out. Whether it had an effect: what names another proposal, comes a second time,
    /// or accepts what was never said, has none.
    #[must_use = "an act without effect is not to be told"]
    pub fn apply(&mut self, proposal: &str, act: &Act, at: Timestamp) -> bool {
        let agreed = self.agreed.as_ref().is_some_and(|agreed| agreed.proposal == proposal);
        let ended = self.ended.as_ref().is_some_and(|(known, ..)| known == proposal);
        if let Act::Propose(new) = act {
            let open = self.open.as_ref().is_some_and(|open| open.id == proposal);
            if open || agreed || ended || new.terms.target <= 0 || new.terms.to < new.terms.from {
                return false;
            }
            self.open = Some(Proposal { id: proposal.to_owned(), at, counter: None, ..new.clone() });
            return true;
        }
        if agreed && *act == Act::Withdraw {
            self.agreed = None;
            self.ended = Some((proposal.to_owned(), End::Withdrawn, at));
            return true;
        }
        let Some(open) = self.open.as_mut().filter(|open| open.id == proposal) else { return false };
        match act {
            Act::Propose(_) => false,
            Act::Accept { counter } => {
                let mut terms = open.terms.clone();
                if let Some((target, to)) = counter {
                    if open.counter.is_none_or(|said| (said.target, said.to) != (*target, *to)) {
                        return false;
                    }
                    (terms.target, terms.to) = (*target, *to);
                }
                let (proposal, owner) = (open.id.clone(), open.owner.clone());
                self.agreed = Some(Agreed { proposal, terms, owner, at });
                self.open = None;
                true
            }
            Act::Counter { target, to } => {
                let same = open.counter.is_some_and(|said| (said.target, said.to) == (*target, *to));
                if same || *target <= 0 || *to < open.terms.from {
                    return false;
                }
                open.counter = Some(Counter { target: *target, to: *to, at });
                true
            }
            Act::Decline | Act::Withdraw => {
                let end = if *act == Act::Decline { End::Declined } else { End::Withdrawn };
                self.ended = Some((proposal.to_owned(), end, at));
                self.open = None;
                true
            }
        }
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Agreement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn proposal() -> Proposal {
        let terms = Terms {
            metric: "approved_revenue".into(),
            target: 500_000,
            from: date(2027, 1, 1),
            to: date(2027, 3, 31),
            tell_at: vec![50],
        };
        Proposal { id: String::new(), terms, owner: Some("ines".into()), by: None, at: at(0), counter: None }
    }

    fn propose() -> Act {
        Act::Propose(proposal())
    }

    #[test]
    fn what_is_accepted_is_in_force_until_the_next_is_accepted() {
        let mut goal = Agreement::default();
        assert!(goal.apply("a", &propose(), at(1)));
        assert!(goal.apply("a", &Act::Accept { counter: None }, at(2)));
        assert_eq!(goal.agreed.as_ref().map(|agreed| (agreed.at, agreed.terms.target)), Some((at(2), 500_000)));
        assert!(goal.apply("b", &propose(), at(3)));
        assert_eq!(goal.agreed.as_ref().map(|agreed| &*agreed.proposal), Some("a"), "a proposal alone changes nothing");
        assert!(goal.apply("b", &Act::Decline, at(4)));
        assert_eq!(goal.agreed.as_ref().map(|agreed| &*agreed.proposal), Some("a"));
        assert!(!goal.apply("b", &Act::Accept { counter: None }, at(5)), "declined is declined");
        assert!(goal.apply("a", &Act::Withdraw, at(6)) && goal.agreed.is_none());
    }

    #[test]
    fn other_terms_come_back_and_only_those_said_can_be_accepted() {
        let mut goal = Agreement::default();
        assert!(goal.apply("a", &propose(), at(1)));
        let (target, to) = (400_000, date(2027, 4, 30));
        assert!(!goal.apply("a", &Act::Accept { counter: Some((target, to)) }, at(2)), "nobody said so");
        assert!(goal.apply("a", &Act::Counter { target, to }, at(2)));
        assert!(!goal.apply("a", &Act::Counter { target, to }, at(3)), "said already");
        assert!(!goal.apply("a", &Act::Counter { target: 0, to }, at(3)));
        assert!(!goal.apply("a", &Act::Accept { counter: Some((1, to)) }, at(4)));
        assert!(goal.apply("a", &Act::Accept { counter: Some((target, to)) }, at(5)));
        let agreed = goal.agreed.unwrap();
        assert_eq!((agreed.terms.target, agreed.terms.to, agreed.owner.as_deref()), (target, to, Some("ines")));
    }

    #[test]
    fn who_countered_may_still_take_the_first_terms() {
        let mut goal = Agreement::default();
        assert!(goal.apply("a", &propose(), at(1)));
        assert!(goal.apply("a", &Act::Counter { target: 1, to: date(2027, 2, 1) }, at(2)));
        assert!(goal.apply("a", &Act::Accept { counter: None }, at(3)));
        assert_eq!(goal.agreed.unwrap().terms, proposal().terms);
    }

    fn act() -> impl Strategy<Value = (u8, Act)> {
        let what = prop_oneof![
            Just(propose()),
            Just(Act::Accept { counter: None }),
            (1_i64..4, 1_i8..4).prop_map(|(target, day)| Act::Accept { counter: Some((target, date(2027, 3, day))) }),
            (0_i64..4, 1_i8..4).prop_map(|(target, day)| Act::Counter { target, to: date(2027, 3, day) }),
            Just(Act::Decline),
            Just(Act::Withdraw),
        ];
        (0_u8..3, what)
    }

    proptest! {
        /// After a crash acts are told again, and a late one may name a proposal that was replaced.
        #[test]
        fn an_act_told_twice_or_too_late_changes_nothing(acts in proptest::collection::vec(act(), 0..40)) {
            let mut goal = Agreement::default();
            for (second, (which, act)) in acts.iter().enumerate() {
                let (id, now) = (format!("p{which}"), at(second as i64));
                let before = goal.clone();
                let known = before.open.as_ref().is_some_and(|open| open.id == id)
                    || before.agreed.as_ref().is_some_and(|agreed| agreed.proposal == id);
                let told = goal.apply(&id, act, now);
                prop_assert_eq!(told, goal != before);
                prop_assert!(!told || known || matches!(act, Act::Propose(_)), "an answer to nothing: {act:?}");
                let once = goal.clone();
                prop_assert!(!goal.apply(&id, act, at(second as i64 + 1)), "twice: {act:?}");
                prop_assert_eq!(&goal, &once);
                let open = goal.open.as_ref().map(|open| open.id.clone());
                prop_assert!(open.is_none() || open != goal.agreed.as_ref().map(|agreed| agreed.proposal.clone()));
            }
        }
    }
}

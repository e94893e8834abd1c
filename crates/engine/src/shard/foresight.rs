//! What the programme's weekly fit expects of a partner: between the partner's state and the customer-base models.

use rapport_insight::base::{
    ActiveDay, Around, Expected, WeeklyFit,
    pasts::{self, PastWriter},
    weekly,
};
use rapport_partner::{FigureContext, Foresee, Foreseen, PartnerState, Selling};
use serde::{Deserialize, Serialize};

/// A programme's fit as figures ask it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expectations(pub WeeklyFit);

impl Foresee for Expectations {
    fn foresee(&self, state: &PartnerState, what: Foreseen, context: &FigureContext<'_>) -> Option<f64> {
        let selling = state.selling(context);
        if !selling.active {
            return None;
        }
        let expected = match what {
            Foreseen::Chance => Expected::Chance,
            Foreseen::Conversions30 => Expected::ConversionsShort,
            Foreseen::Conversions90 => Expected::ConversionsLong,
            // Part of a partner's sales being of unknown worth, their mean would be too low.
            Foreseen::Revenue90 | Foreseen::Lifetime if !selling.priced => return None,
            Foreseen::Revenue90 => Expected::RevenueLong,
            Foreseen::Lifetime => Expected::Lifetime,
        };
        let value = self.0.expect(&active_days(&selling), selling.began, context.today, expected)?;
        Some(if what == Foreseen::Chance { 100.0 * value } else { value })
    }
}

/// Adds a partner's past to the pasts a programme is fitted from; one of whom nothing is known is left out.
pub fn add_past(writer: &mut PastWriter, partner: &str, state: &PartnerState, context: &FigureContext<'_>) {
    let selling = state.selling(context);
    if selling.days.is_empty() && selling.began.is_none() {
        return;
    }
    let days: Vec<ActiveDay> = active_days(&selling).into_iter().filter(|one| one.day <= context.today).collect();
    writer.push(partner, selling.began.filter(|began| *began <= context.today), &days);
}

/// The fit a partner's programme would have if there were nobody else, and no other programme: in a rehearsal.
#[must_use]
pub fn rehearsed(partner: &str, state: &PartnerState, context: &FigureContext<'_>) -> Option<Expectations> {
    let mut writer = PastWriter::of_shards(1);
    add_past(&mut writer, partner, state, context);
    let mut alone = pasts::read(&writer.finish()).ok()?;
    weekly::fit(&mut alone, context.today, &Around::default()).map(Expectations)
}

fn active_days(selling: &Selling) -> Vec<ActiveDay> {
    let one = |day: &rapport_partner::SaleDay| ActiveDay {
        day: day.day,
        orders: u32::try_from(day.conversions).unwrap_or(u32::MAX),
        // Without a worth the value model leaves the partner out.
        spend: if selling.priced { day.revenue as f64 } else { 0.0 },
    };
    selling.days.iter().map(one).collect()
}

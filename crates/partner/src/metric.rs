//! The metric catalogue: every figure there is, in one table. Names of expressions, `docs/metrics.md` and `rapport report` are made
//! from it.

use std::fmt::Write as _;

use crate::figure::{Growing, Unit};
use crate::foreseen::Foreseen;
use crate::measure::Measure;
use crate::moment::Moment;
use crate::program::PROGRAM_METRICS;
use crate::ratio::Ratio;
use crate::state::DAYS_KEPT;

/// Whose figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A partner's: a bare name in expressions.
    Partner,
    /// A programme's: `program.<name>`.
    Program,
}

/// Over which windows a metric is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Windows {
    /// It has none: the name is the whole name.
    None,
    /// `total`, `Nd`, `Nd_before`, `since_start`.
    Every,
    /// `Nd`, up to half the history, because as much before is looked at.
    Days,
    /// `Nd` and `Nd_before`.
    DaysAndBefore,
    /// `28d` and `90d`, those programmes have.
    Program,
}

/// A line of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its name, without window.
    pub name: &'static str,
    /// Whose it is.
    pub scope: Scope,
    /// What it is counted in.
    pub unit: Unit,
    /// Its windows.
    pub windows: Windows,
    /// How it is computed, in names of figures.
    pub formula: String,
    /// One sentence for people.
    pub about: &'static str,
    /// When it is missing, `?` in a condition.
    pub missing: &'static str,
}

const NEVER: &str = "never";
const SUM_MISSING: &str = "`total` of a partner older than the programme's events without `opening`; `Nd_before` of one, where it begins before them";
const MONEY_MISSING: &str = "a sale in it has no rate; `total` and `Nd_before` as for counts";
const OF_NOTHING: &str = "nothing to divide by, or a part is missing";

/// Every metric, in the order of the documentation.
#[must_use]
pub fn catalogue() -> Vec<Metric> {
    let partner = |name, unit, windows, formula: &str, about, missing| Metric {
        name,
        scope: Scope::Partner,
        unit,
        windows,
        formula: formula.to_owned(),
        about,
        missing,
    };
    let mut all = Vec::new();
    for measure in Measure::ALL.iter().filter(|measure| !measure.name().is_empty()) {
        let (unit, missing) =
            if measure.is_money() { (Unit::Money, MONEY_MISSING) } else { (Unit::Count, SUM_MISSING) };
        all.push(partner(measure.name(), unit, Windows::Every, "sum over the window", measure.about(), missing));
    }
    all.push(partner(
        "average_order",
        Unit::Money,
        Windows::Every,
        "revenue / conversions",
        "Order value of one conversion.",
        OF_NOTHING,
    ));
    all.push(partner(
        "new_customer_share",
        Unit::Percent,
        Windows::Every,
        "100 · new_customers / conversions of which it is known",
        "Of the customers known to be new or not, the new ones.",
        OF_NOTHING,
    ));
    for ratio in Ratio::ALL {
        all.push(partner(ratio.name(), ratio.unit(), Windows::Every, ratio.formula(), ratio.about(), OF_NOTHING));
    }
    for (name, measure) in Growing::ALL {
        let formula = format!("100 · ({0}_Nd / {0}_Nd_before − 1)", measure.name());
        let about = "The change against the equally long window before.";
        all.push(partner(
            name,
            Unit::Percent,
            Windows::Days,
            &formula,
            about,
            "nothing in the window before, or it is missing",
        ));
    }
    all.push(partner(
        "active_days",
        Unit::Count,
        Windows::DaysAndBefore,
        "days with conversions > 0",
        "Days on which the partner sold something that was not taken back.",
        "`Nd_before` as for counts",
    ));
    all.push(partner(
        "revenue_share",
        Unit::Percent,
        Windows::Program,
        "100 · revenue_Nd / program.revenue_Nd as of the last closed day",
        "What of the programme's revenue the partner brings; above 100 where today's sales outweigh an empty programme's.",
        "before the programme's first day was closed, or a sale has no rate",
    ));
    for (name, unit, formula, about, missing) in [
        (
            "followers",
            Unit::Count,
            "the newest report",
            "How many follow the partner; it never raises health.",
            "it was never reported",
        ),
        (
            "payouts_overdue",
            Unit::Count,
            "payouts due before today and not paid",
            "Payouts that should have been made and were not.",
            NEVER,
        ),
        (
            "days_to_first_conversion",
            Unit::Count,
            "day of the first sale − day of approval",
            "How long it took to sell something for the first time.",
            "no sale yet, no approval, or the beginning is not known",
        ),
        (
            "usual_gap_days",
            Unit::Number,
            "median of the days between days with sales",
            "The partner's own rhythm.",
            "fewer than two days with sales",
        ),
        (
            "satisfaction",
            Unit::Number,
            "the newest survey score, 0 to 10",
            "How content the partner last said to be.",
            "no survey with a score was answered",
        ),
    ] {
        all.push(partner(name, unit, Windows::None, formula, about, missing));
    }
    for known in Foreseen::ALL {
        all.push(partner(known.name(), known.unit(), Windows::None, known.formula(), known.about(), known.missing()));
    }
    for moment in Moment::ALL {
        all.push(partner(
            moment.figure_name(),
            Unit::Count,
            Windows::None,
            "whole days of the programme's calendar",
            moment.about(),
            "it never happened",
        ));
    }
    all.extend(PROGRAM_METRICS.iter().map(|metric| Metric {
        name: metric.name,
        scope: Scope::Program,
        unit: metric.unit,
        windows: if metric.windowed { Windows::Program } else { Windows::None },
        formula: metric.formula.to_owned(),
        about: metric.about,
        missing: metric.missing(),
    }));
    all
}

impl Metric {
    /// Full names to try it with: one per kind of window.
    #[must_use]
    pub fn examples(&self) -> Vec<String> {
        let windows: &[&str] = match self.windows {
            Windows::None => return vec![self.name.to_owned()],
            Windows::Every => &["total", "28d", "28d_before", "since_start"],
            Windows::Days => &["28d"],
            Windows::DaysAndBefore => &["28d", "28d_before"],
            Windows::Program => &["28d", "90d"],
        };
        windows.iter().map(|window| format!("{}_{window}", self.name)).collect()
    }
}

/// The text of `docs/metrics.md`.
#[must_use]
pub fn document() -> String {
    let all = catalogue();
    let mut text = String::from(
        "# Metrics\n\nEvery figure there is: in conditions, in mails and tasks (`{{…}}`), in `rapport report`, in health models and goals. This page is\n\
         generated from the table in `crates/partner/src/metric.rs` (`cargo run -p rapport-partner --example metrics > docs/metrics.md`).\n\n\
         ## Windows\n\n",
    );
    let half = DAYS_KEPT / 2;
    let _ = write!(
        text,
        "| written | days |\n|---|---|\n| `total` | since the partner began, `opening` included |\n\
         | `28d` | the last 28 days of the programme's calendar, today included; 1 to {DAYS_KEPT} |\n\
         | `28d_before` | the 28 days before those; 1 to {half} |\n| `since_start` | since the journey began, its trigger left out; in workflows only |\n\n\
         Sales count on the day of the sale, whenever they are told; a reversal takes them out of that day again. Days are kept for {DAYS_KEPT} days.\n\
         Money is of the programme's currency; a sale in another one is worth what the rate of its day in `config/rates.csv` makes of it, and\n\
         without a rate every sum of money it belongs to is missing. It takes its worth when it is told: one that came before its rate gets it\n\
         when it is told again, by an event of another id, after the rate was applied. Percent go from 0 to 100; growth may be below 0 and above 100.\n\n\
         Before a programme's first event rapport did not listen. The last days of a partner (`28d`) are what was told of them, however short that\n\
         is. What is compared with days that nobody told of is missing, never 0, or everybody would seem to grow at first: `28d_before` and growth\n\
         of a partner who was one before the programme's first event are known when the window before begins on that event's day or later (55 days on\n\
         for `28d`), a programme's growth and churn likewise while it has such partners. Of a partner who joined since, it is known at once that\n\
         there was nothing before.\n"
    );
    for (scope, title, about) in [
        (Scope::Partner, "Of a partner", "A bare name: `revenue_28d > money(\"100 EUR\")`."),
        (
            Scope::Program,
            "Of a programme",
            "Behind `program.`: `program.revenue_growth_28d < -20`. In conditions and mails as of the last closed day, in `rapport report` as of now. What sells most is a list, not a figure: `program.hottest_products` and `program.best_categories` (docs/workflow-language.md).",
        ),
    ] {
        let _ = write!(
            text,
            "\n## {title}\n\n{about}\n\n| name | unit | windows | formula | about | missing when |\n|---|---|---|---|---|---|\n"
        );
        for metric in all.iter().filter(|metric| metric.scope == scope) {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} | {} |",
                metric.name,
                unit_name(metric.unit),
                windows_name(metric.windows),
                metric.formula,
                metric.about,
                metric.missing,
            );
        }
    }
    text.push_str(
        "\n## Of some of a programme's partners\n\n`program.by_type.coupon.revenue_28d`: each of the programme's figures, counted over the partners of one type, `by_country.NO`,\n\
         `by_group.vip`, `by_manager.ines`, or `by_reason.no_time` (of those who left, or are in the segment `churned`: what they answered as\n\
         `reason`, else the `reason` of `partner.closed` or `partner.suspended`). So the mix of types, whom touches, answers and offers go to, and churn by\n\
         reason can be asked for in conditions and mails; those that files name are counted at each day's close. `rapport report --by type` shows all\n\
         side by side. A word that is no name in expressions (`high-value`) can be read in reports and SQL only.\n\
         \n## In SQL\n\n`rapport report --save` writes every figure, with the usual windows, into the table `figures` (`program`, `partner`, `as_of` in epoch\n\
         milliseconds, `figures` as a JSON object by name; money in minor units, what is missing `null`; also `group`, `type`, `country`, `manager`,\n\
         `leaving_reason` and `status`). A programme's own stand in the row whose partner is empty, with those of every type, country and so on\n\
         (`by_type.coupon.revenue_28d`). They are as of that run: let a timer repeat it.\n\n\
         ```sql\n-- SQLite\nSELECT partner, figures ->> 'revenue_28d' AS revenue FROM figures WHERE figures ->> 'revenue_growth_28d' < -20;\n\
         -- PostgreSQL\nSELECT partner, (figures ->> 'revenue_28d')::bigint AS revenue FROM figures WHERE (figures ->> 'revenue_growth_28d')::float < -20;\n```\n\n\
         ## Being seen\n\nViews, likes and followers (`audience.reported`) are kept and told, and no health input reads them: what they lead to, clicks and conversions,\n\
         does. `view_click_rate` and `view_conversion_rate` say whether they lead to anything.\n\n\
         ## Whom a programme has lost\n\n`churn_rate` counts who sold before and not since. What else is meant by lost is declared as a segment named `churned` in\n\
         `config/segments.yaml`, and counted by `churned_partners` and `churned_share`; `rapport report --by leaving-reason` and `program.by_reason.…` split by why.\n",
    );
    text
}

/// The word for a unit.
#[must_use]
pub fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Money => "money",
        Unit::Number => "number",
        Unit::Percent => "percent",
    }
}

fn windows_name(windows: Windows) -> &'static str {
    match windows {
        Windows::None => "–",
        Windows::Every => "total, Nd, Nd_before, since_start",
        Windows::Days => "Nd",
        Windows::DaysAndBefore => "Nd, Nd_before",
        Windows::Program => "28d, 90d",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;
    use crate::program::ProgramFigure;

    #[test]
    fn every_line_is_a_figure_of_its_unit() {
        for metric in catalogue() {
            for name in metric.examples() {
                match metric.scope {
                    Scope::Partner => {
                        let figure = Figure::parse(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
                        assert_eq!(figure.to_string(), name);
                        assert_eq!(figure.unit(), metric.unit, "{name}");
                        assert!(metric.missing != NEVER || !figure.may_be_missing(), "{name}");
                    }
                    Scope::Program => {
                        let figure = ProgramFigure::parse(&name).unwrap_or_else(|| panic!("{name}"));
                        assert_eq!((figure.to_string(), figure.unit()), (name, metric.unit));
                    }
                }
            }
        }
    }

    #[test]
    fn every_figure_is_a_line() {
        let all = catalogue();
        for name in Figure::measure_names() {
            assert!(all.iter().any(|metric| metric.name == name), "{name}");
        }
        for name in Figure::examples() {
            assert!(all.iter().any(|metric| name.starts_with(metric.name)), "{name}");
        }
    }
}

//! `rapport report --save`: every figure, for those who ask in SQL.

use rapport_engine::shard::facts::{reach, told_apart};
use rapport_partner::program::{Cut, CutBy};
use rapport_partner::{Figure, FigureValue, ProgramFigure, ProgramSums};
use rapport_rule::Currency;
use rapport_store::{FiguresRow, SqlStore};
use serde_json::{Map, Value, json};

use crate::exit::{Doing, Failure};
use crate::picture::Picture;

/// Computes and writes them; tells of how many partners.
pub(super) async fn figures(
    store: &SqlStore,
    picture: &Picture,
    program: &str,
    currency: Currency,
) -> Result<i64, Failure> {
    let figures: Vec<(String, Figure)> = Figure::examples()
        .into_iter()
        .filter_map(|name| Some((Figure::parse(&name).ok()?, name)))
        .filter(|(figure, _)| !figure.needs_start())
        .map(|(figure, name)| (name, figure))
        .collect();
    let mut rows = Vec::new();
    let mut sums = ProgramSums::default();
    Picture::each(store, |key, state| {
        if key.program.as_str() == program {
            picture.look(key, state, |facts| {
                let context = facts.context(None);
                let values = figures.iter().map(|(name, figure)| (name.clone(), plain(state.figure(figure, &context))));
                let mut all: Map<String, Value> = values.collect();
                all.insert("group".into(), json!(facts.group().map(|group| &*group.name)));
                all.insert("type".into(), json!(state.profile.partner_type.get().map(|kind| &**kind)));
                all.insert("country".into(), json!(state.profile.country.get().map(|country| &**country)));
                all.insert("manager".into(), json!(told_apart(facts, CutBy::Manager).as_deref()));
                all.insert("leaving_reason".into(), json!(told_apart(facts, CutBy::Reason).as_deref()));
                all.insert("status".into(), json!(state.profile.status().as_str()));
                sums.add(state, reach(facts), &context);
                for by in CutBy::ALL {
                    if let Some(of) = told_apart(facts, by) {
                        sums.add_to(&Cut { by, of }, state, reach(facts), &context);
                    }
                }
                rows.push(FiguresRow { partner: Some(key.partner.clone()), figures: Value::Object(all).to_string() });
            });
        }
        Ok(())
    })
    .await?;
    let partners = rows.len() as i64;
    let of = |sums: &ProgramSums, before: &str| -> Vec<(String, Value)> {
        ProgramFigure::all().map(|figure| (format!("{before}{figure}"), plain(sums.figure(figure, currency)))).collect()
    };
    let cuts = sums.cuts().flat_map(|(cut, sums)| of(sums, &format!("{cut}.")));
    let own: Map<String, Value> = of(&sums, "").into_iter().chain(cuts).collect();
    rows.push(FiguresRow { partner: None, figures: Value::Object(own).to_string() });
    store.save_figures(program, picture.now, &rows).await.doing("writing the figures")?;
    Ok(partners)
}

fn plain(value: Option<FigureValue>) -> Value {
    match value {
        None => Value::Null,
        Some(FigureValue::Count(count)) => json!(count),
        Some(FigureValue::Money(money)) => json!(money.minor),
        Some(FigureValue::Number(number) | FigureValue::Percent(number)) => json!(number),
    }
}

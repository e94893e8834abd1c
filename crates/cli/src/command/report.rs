//! `rapport report`: figures of a programme, in total or by type, country, group or manager, and of partners, from the store; what
//! mails and workflows came to; what surveys were answered.

mod columnar;
mod delivery;
mod save;
mod sheet;
mod surveys;
mod workflows;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_engine::shard::facts::{PartnerFacts, is_churned, reach, told_apart};
use rapport_partner::{
    Figure, FigureValue, ProgramFigure, ProgramSums, metric,
    metric::unit_name,
    program::{CutBy, PROGRAM_METRICS},
};
use rapport_rule::Currency;
use serde_json::{Map, Value, json};

use self::sheet::{Cell, Column, Sheet};
use crate::command_line::{ReportArguments, ReportBy, ReportFormat};
use crate::desk::open_store;
use crate::exit::{self, Failure};
use crate::picture::Picture;
use crate::printed::{bold, count, harmless, line};
use crate::settings::Settings;

/// What partners are shown with when nothing is asked for.
const PARTNER_FIGURES: [&str; 8] = [
    "conversions_28d",
    "revenue_28d",
    "revenue_growth_28d",
    "approval_rate_180d",
    "active_days_28d",
    "days_since_mail",
    "conversion_chance_next_30d",
    "revenue_share_90d",
];

/// Prints the report.
pub async fn run(settings: &Settings, arguments: &ReportArguments) -> Result<u8, Failure> {
    if arguments.catalogue {
        line(metric::document().trim_end());
        return Ok(exit::OK);
    }
    delivery::check(arguments)?;
    let store = open_store(settings).await?;
    let picture = Picture::of(&store).await?;
    let config = &picture.applied.rulebook.config;
    let program = arguments.program.clone().unwrap_or_else(|| config.default_program.to_string());
    let Some(declared) = config.program(&program) else {
        return Err(Failure::input(format!("there is no programme `{}`", harmless(&program))));
    };
    let currency = declared.currency;
    if arguments.save {
        let saved = save::figures(&store, &picture, &program, currency).await;
        store.close().await;
        line(format!("figures of {} are in the table `figures`", count(saved?, "partner")));
        return Ok(exit::OK);
    }
    if arguments.workflows || arguments.holdouts {
        let printed = workflows::print(&store, &picture, &program, currency, arguments).await;
        store.close().await;
        return printed.map(|()| exit::OK);
    }
    if arguments.surveys {
        let printed = surveys::print(&store, &picture, &program, arguments).await;
        store.close().await;
        return printed.map(|()| exit::OK);
    }
    let table = if arguments.partners {
        partners(&store, &picture, &program, arguments).await
    } else {
        programme(&store, &picture, &program, currency, arguments).await
    };
    store.close().await;
    table?.deliver(arguments, currency, picture.now)?;
    Ok(exit::OK)
}

async fn programme(
    store: &rapport_store::SqlStore,
    picture: &Picture,
    program: &str,
    currency: Currency,
    arguments: &ReportArguments,
) -> Result<Table, Failure> {
    let wanted: Vec<ProgramFigure> = if arguments.figures.is_empty() {
        ProgramFigure::all().filter(|figure| !figure.to_string().ends_with("_90d")).collect()
    } else {
        let read = |name: &String| {
            ProgramFigure::parse(name.trim_start_matches("program.")).ok_or_else(|| {
                let names: Vec<&str> = PROGRAM_METRICS.iter().map(|metric| metric.name).collect();
                let near = rapport_rule::suggest::nearest(name, names).unwrap_or("revenue");
                Failure::input(format!("a programme has no figure `{}`", harmless(name))).help(format!(
                    "windows are 28d and 90d; did you mean `{near}_28d`? All: rapport report --catalogue"
                ))
            })
        };
        arguments.figures.iter().map(read).collect::<Result<_, _>>()?
    };
    let mut sums: BTreeMap<String, ProgramSums> = BTreeMap::new();
    Picture::each(store, |key, state| {
        if key.program.as_str() == program {
            picture.look(key, state, |facts| {
                let place = sums.entry(place_of(facts, arguments.by)).or_default();
                place.add(state, reach(facts), &facts.context(None));
            });
        }
        Ok(())
    })
    .await?;
    if sums.is_empty() {
        if arguments.format == ReportFormat::Human {
            line(format!("nobody is in programme {program} yet: nothing was counted, not even zeros"));
        }
        if arguments.by.is_none() {
            sums.insert("all".into(), ProgramSums::default());
        }
    }
    let columns: Vec<String> = sums.keys().cloned().collect();
    // A whole with a share by revenue, so that dependence on a few shows. Where one part is not known, no share is.
    let all =
        sums.values().map(|sums| revenue(sums, currency)).try_fold(0_i64, |all, one| Some(all.saturating_add(one?)));
    let shares = sums.values().map(|sums| {
        let (all, revenue) = (all.filter(|all| *all > 0)?, revenue(sums, currency)?);
        Some(FigureValue::Percent(100.0 * revenue as f64 / all as f64))
    });
    let shares: Vec<Option<FigureValue>> = shares.collect();
    let rows = wanted.into_iter().map(|figure| {
        let cells = sums.values().map(|sums| sums.figure(figure, currency)).collect();
        (figure.to_string(), unit_name(figure.unit()), cells)
    });
    let mut rows: Vec<_> = rows.collect();
    if arguments.by.is_some() && arguments.figures.is_empty() {
        rows.push(("revenue_share_90d".to_owned(), "percent", shares));
    }
    Ok(Table { title: program.to_owned(), heads: columns, rows, turned: false })
}

/// Order value of 90 days; none with sales in it that have no rate.
fn revenue(sums: &ProgramSums, currency: Currency) -> Option<i64> {
    match sums.figure(ProgramFigure::parse("revenue_90d")?, currency)? {
        FigureValue::Money(money) => Some(money.minor),
        _ => None,
    }
}

fn place_of(facts: &PartnerFacts<'_>, by: Option<ReportBy>) -> String {
    let apart = |by: CutBy| told_apart(facts, by).map_or_else(|| "not known".to_owned(), |of| harmless(&of));
    let status = facts.state.profile.status().as_str();
    match by {
        None => "all".to_owned(),
        Some(ReportBy::Type) => apart(CutBy::Type),
        Some(ReportBy::Country) => apart(CutBy::Country),
        Some(ReportBy::Manager) => apart(CutBy::Manager),
        Some(ReportBy::Group) => apart(CutBy::Group),
        Some(ReportBy::Status) => status.to_owned(),
        Some(ReportBy::LeavingReason) => match told_apart(facts, CutBy::Reason) {
            Some(reason) => harmless(&reason),
            None if matches!(status, "closed" | "suspended") || is_churned(facts) => "no reason known".to_owned(),
            None => "stays".to_owned(),
        },
    }
}

async fn partners(
    store: &rapport_store::SqlStore,
    picture: &Picture,
    program: &str,
    arguments: &ReportArguments,
) -> Result<Table, Failure> {
    let names: Vec<String> = if arguments.figures.is_empty() {
        PARTNER_FIGURES.map(str::to_owned).into()
    } else {
        arguments.figures.clone()
    };
    let figures: Vec<Figure> = names
        .iter()
        .map(|name| {
            let figure = Figure::parse(name).map_err(|error| {
                Failure::input(format!("`{}`: {error}", harmless(name))).help("all: rapport report --catalogue")
            })?;
            if figure.needs_start() {
                return Err(Failure::input(format!("`{name}` counts from a journey's start; a report has none")));
            }
            Ok(figure)
        })
        .collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    Picture::each(store, |key, state| {
        if key.program.as_str() == program {
            picture.look(key, state, |facts| {
                let cells: Vec<Option<FigureValue>> =
                    figures.iter().map(|figure| state.figure(figure, &facts.context(None))).collect();
                let today = facts.context(None).today;
                let revenue = state.sum(rapport_partner::Measure::Revenue, today - 89, today).max(0);
                rows.push((key.partner.to_string(), revenue, cells));
            });
        }
        Ok(())
    })
    .await?;
    // Those who bring most first.
    rows.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let rows = rows.into_iter().take(arguments.limit).map(|(partner, _, cells)| (partner, "", cells));
    Ok(Table { title: program.to_owned(), heads: names, rows: rows.collect(), turned: true })
}

/// Rows of figures under heads.
struct Table {
    title: String,
    heads: Vec<String>,
    rows: Vec<(String, &'static str, Vec<Option<FigureValue>>)>,
    /// Rows are partners, not figures.
    turned: bool,
}

impl Table {
    fn deliver(&self, arguments: &ReportArguments, currency: Currency, now: Timestamp) -> Result<(), Failure> {
        match arguments.format {
            ReportFormat::Human => {
                self.print_columns();
                Ok(())
            }
            ReportFormat::Json => delivery::data(arguments, &self.data()),
            ReportFormat::Csv | ReportFormat::Parquet => delivery::sheet(arguments, &self.sheet(currency, now)),
        }
    }

    fn first_heads(&self) -> Vec<String> {
        if self.turned { vec!["partner".into()] } else { vec!["figure".into(), "unit".into()] }
    }

    fn sheet(&self, currency: Currency, now: Timestamp) -> Sheet {
        // A row for each partner has figures of one unit below one another, a row for each figure beside one another.
        let heads = self.heads.iter().map(|head| match Figure::parse(head) {
            Ok(figure) if self.turned => Column::of(head, figure.unit(), currency),
            _ => Column::by_row(head),
        });
        let rows = self.rows.iter().map(|(name, unit, cells)| {
            let unit = (!self.turned).then(|| Cell::text(*unit));
            let cells = cells.iter().map(|cell| Cell::from(*cell));
            std::iter::once(Cell::text(name)).chain(unit).chain(cells).collect::<Vec<Cell>>()
        });
        Sheet {
            report: if self.turned { "partners" } else { "programme" },
            program: self.title.clone(),
            as_of: now,
            columns: self.first_heads().into_iter().map(Column::text).chain(heads).collect(),
            rows: rows.collect(),
        }
    }

    fn print_columns(&self) {
        let mut lines = vec![
            self.first_heads().into_iter().chain(self.heads.iter().map(|head| harmless(head))).collect::<Vec<_>>(),
        ];
        for (name, unit, cells) in &self.rows {
            let mut fields = vec![harmless(name)];
            if !self.turned {
                fields.push((*unit).to_owned());
            }
            fields.extend(cells.iter().map(|cell| cell.map_or_else(|| "?".to_owned(), shown)));
            lines.push(fields);
        }
        let columns = lines.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                lines
                    .iter()
                    .filter_map(|fields| fields.get(column))
                    .map(|field| field.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        line(bold(&self.title));
        for fields in lines {
            let text: Vec<String> = fields
                .iter()
                .zip(&widths)
                .enumerate()
                .map(
                    |(at, (field, width))| {
                        if at == 0 { format!("{field:<width$}") } else { format!("{field:>width$}") }
                    },
                )
                .collect();
            line(text.join("  ").trim_end());
        }
    }

    fn data(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(name, unit, cells)| {
                let cells: Map<String, Value> =
                    self.heads.iter().cloned().zip(cells.iter().map(|cell| cell.map_or(Value::Null, value))).collect();
                if self.turned {
                    json!({ "partner": name, "figures": cells })
                } else {
                    json!({ "figure": name, "unit": unit, "values": cells })
                }
            })
            .collect();
        json!({ "program": self.title, "rows": rows })
    }
}

/// A cell of CSV, as text.
pub(super) fn csv_field(text: &str) -> String {
    // Spreadsheets take a cell that begins so for a formula.
    let text = if text.starts_with(['=', '+', '@', '\t']) || (text.starts_with('-') && text.parse::<f64>().is_err()) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn value(cell: FigureValue) -> Value {
    match cell {
        FigureValue::Count(count) => json!(count),
        FigureValue::Money(money) => json!({ "minor": money.minor, "currency": money.currency.code() }),
        FigureValue::Number(number) | FigureValue::Percent(number) => json!(number),
    }
}

fn shown(cell: FigureValue) -> String {
    match cell {
        FigureValue::Percent(percent) => format!("{percent:.1} %"),
        FigureValue::Number(number) => format!("{number:.1}"),
        other => other.to_string(),
    }
}

//! `/g/{token}`: a goal is proposed; the partner agrees, proposes other terms, or declines.
//!
//! Nothing is decided here: an answer is a record, and the partner's shard says whether it still answers an open proposal.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::{ToSpan, civil::Date};
use rapport_engine::{
    records,
    shard::goals::agreed::{self, Agreed, PARTNER, Proposal, Terms},
};
use rapport_event::{Kind, engine::GoalData};
use rapport_message::link::Claims;
use rapport_rule::{Currency, Money};
use rapport_workflow::config::goal_measure;

use super::{
    Gateway, Trouble, record,
    visit::{self, Posted, Token, Visit, fields},
};
use crate::{
    metric,
    page::{Input, InputKind, Page},
};

/// A goal runs no longer: days are kept that long.
const DAYS_MAX: i64 = 400;

/// What stands of the proposal a link is about.
enum Stands {
    /// It waits for an answer.
    Open { goal: String, proposal: Box<Proposal> },
    /// It was agreed on.
    Agreed(Box<Agreed>),
    /// It was declined, taken back or replaced, or never was.
    Closed,
}

/// A visit with what the page needs to know.
struct Case {
    visit: Visit,
    stands: Stands,
    currency: Currency,
    today: Date,
}

/// Shows the proposal; changes nothing.
pub(super) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "g").await?;
    let case = case(&gateway, visit).await?;
    Ok(case.show(false))
}

/// Takes the answer.
pub(super) async fn act(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
    posted: Posted,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "g").await?;
    let case = case(&gateway, visit).await?;
    let Stands::Open { goal, proposal } = &case.stands else { return Ok(case.show(false)) };
    let sent = fields(posted);
    let field = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut data = GoalData {
        goal: goal.as_str().into(),
        proposal: proposal.id.as_str().into(),
        by: Some(PARTNER.into()),
        ..GoalData::default()
    };
    let words = case.visit.words;
    let (kind, page) = match field("answer") {
        Some("accept") => {
            let page = case.visit.page(words.goal_agreed_title).notice(words.goal_agreed_text);
            (Kind::GoalAccepted, page.quote(&case.terms(&proposal.terms)))
        }
        Some("counter") => {
            let Some((target, until)) = case.other_terms(proposal, field("target"), field("until")) else {
                return Ok(case.show(true));
            };
            (data.target, data.until) = (Some(target), Some(until));
            let said = Terms { target, to: until, ..proposal.terms.clone() };
            let page = case.visit.page(words.goal_said_title).notice(words.goal_said_text);
            (Kind::GoalCountered, page.quote(&case.terms(&said)))
        }
        Some("decline") => {
            (Kind::GoalDeclined, case.visit.page(words.goal_declined_title).notice(words.goal_declined_text))
        }
        // What is no form of ours says nothing.
        _ => return Ok(case.show(false)),
    };
    send(&gateway, &case, kind, data).await.map_err(|trouble| case.visit.trouble(trouble))?;
    metrics::counter!(metric::WISHES, "what" => "goal").increment(1);
    Ok(page.respond(StatusCode::OK))
}

async fn send(gateway: &Gateway, case: &Case, kind: Kind, data: GoalData) -> Result<(), Trouble> {
    let now = gateway.clock.now().await?;
    let event = records::goal(case.visit.key.clone(), kind, data, now);
    record::send(&*gateway.store, gateway.shards, &[], vec![event]).await?;
    Ok(())
}

async fn case(gateway: &Gateway, visit: Visit) -> Result<Case, Response> {
    match read(gateway, &visit).await {
        Ok((stands, currency, today)) => Ok(Case { visit, stands, currency, today }),
        Err(trouble) => Err(visit.trouble(trouble)),
    }
}

async fn read(gateway: &Gateway, visit: &Visit) -> Result<(Stands, Currency, Date), Trouble> {
    let Claims::Goal { proposal: wanted, .. } = &visit.claims else { return Err(Trouble::Lost) };
    let now = gateway.clock.now().await?;
    // Without the files nobody knows what the numbers are counted in.
    let program = visit.rulebook().and_then(|rules| rules.config.program(visit.key.program.as_str()));
    let Some(program) = program else { return Err(Trouble::Busy) };
    let today = program.zone.to_datetime(now).date();
    let story = gateway.store.story(&visit.key).await?;
    let known = story.map(|story| agreed::of_row(&story.partner)).transpose()?.unwrap_or_default();
    for (goal, agreement) in known {
        if let Some(proposal) = agreement.open.filter(|open| open.id == *wanted) {
            // After its last day there is nothing left to agree on.
            let over = proposal.terms.to < today;
            let stands = if over { Stands::Closed } else { Stands::Open { goal, proposal: Box::new(proposal) } };
            return Ok((stands, program.currency, today));
        }
        if let Some(agreed) = agreement.agreed.filter(|agreed| agreed.proposal == *wanted) {
            return Ok((Stands::Agreed(Box::new(agreed)), program.currency, today));
        }
    }
    Ok((Stands::Closed, program.currency, today))
}

impl Case {
    /// The page as things stand. `wrong`: what was filled in cannot be.
    fn show(&self, wrong: bool) -> Response {
        let (visit, words) = (&self.visit, self.visit.words);
        match &self.stands {
            Stands::Open { proposal, .. } => {
                let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
                self.open(proposal, wrong).respond(status)
            }
            Stands::Agreed(agreed) => {
                let on = words.date(agreed.at.to_zoned(self.visit.zone()).date());
                let page = visit.page(words.goal_agreed_title).text(words.goal_agreed_text);
                let page = page.quote(&self.terms(&agreed.terms)).aside(&words.goal_agreed_on.replace("{date}", &on));
                page.respond(StatusCode::OK)
            }
            Stands::Closed => {
                visit.page(words.goal_closed_title).text(words.goal_closed_text).respond(StatusCode::GONE)
            }
        }
    }

    fn open(&self, proposal: &Proposal, wrong: bool) -> Page {
        let (visit, words) = (&self.visit, self.visit.words);
        let terms = &proposal.terms;
        let (first, last) = self.last_days(terms);
        let mut page = visit.page(words.goal_title);
        if wrong {
            let text = words.goal_wrong.replace("{from}", &words.date(first)).replace("{until}", &words.date(last));
            page = page.wrong(&text);
        }
        if let Some(said) = &proposal.counter {
            let said = Terms { target: said.target, to: said.to, ..terms.clone() };
            page = page.text(&words.goal_waits.replace("{terms}", &self.terms(&said)));
        }
        let target = if self.is_money(terms) {
            let text = Money::new(terms.target, self.currency).to_string();
            text.split(' ').next().unwrap_or_default().to_owned()
        } else {
            terms.target.to_string()
        };
        let step = match (self.is_money(terms), self.currency.exponent()) {
            (false, _) | (true, 0) => "1".to_owned(),
            (true, digits) => format!("{:.*}", digits as usize, 0.1_f64.powi(digits as i32)),
        };
        let label = if self.is_money(terms) {
            format!("{} ({})", words.metric(&terms.metric), self.currency.code())
        } else {
            words.metric(&terms.metric).to_owned()
        };
        let (until, from, last) = (terms.to.to_string(), first.to_string(), last.to_string());
        let inputs = [
            Input { name: "target", label: &label, value: &target, kind: InputKind::Number { step: &step } },
            Input {
                name: "until",
                label: words.goal_until,
                value: &until,
                kind: InputKind::Date { from: &from, until: &last },
            },
        ];
        page.text(&words.goal_text.replace("{program}", visit.program()))
            .quote(&self.terms(terms))
            .button(words.goal_accept, &[("answer", "accept")])
            .fields(words.goal_other, &inputs, words.goal_counter, &[("answer", "counter")])
            .quiet_button(words.goal_decline, &[("answer", "decline")])
    }

    /// Between which days a goal of these terms may end.
    fn last_days(&self, terms: &Terms) -> (Date, Date) {
        let last = terms.from.checked_add((DAYS_MAX - 1).days()).unwrap_or(Date::MAX);
        (terms.from.max(self.today), last.max(terms.to))
    }

    fn other_terms(&self, proposal: &Proposal, target: Option<&str>, until: Option<&str>) -> Option<(i64, Date)> {
        let digits = if self.is_money(&proposal.terms) { self.currency.exponent() } else { 0 };
        let target = minor(target?, digits as usize)?;
        let until: Date = until?.trim().parse().ok()?;
        let (first, last) = self.last_days(&proposal.terms);
        (first..=last).contains(&until).then_some((target, until))
    }

    fn terms(&self, terms: &Terms) -> String {
        let words = self.visit.words;
        let amount = if self.is_money(terms) {
            words.money(Money::new(terms.target, self.currency))
        } else {
            words.number(terms.target)
        };
        words
            .goal_terms
            .replace("{target}", &format!("{amount} {}", words.metric(&terms.metric)))
            .replace("{from}", &words.date(terms.from))
            .replace("{until}", &words.date(terms.to))
    }

    fn is_money(&self, terms: &Terms) -> bool {
        goal_measure(&terms.metric).is_some_and(|measure| measure.is_money())
    }
}

/// The largest target that is taken: beyond it somebody held a key down.
const TARGET_MAX: i64 = 1_000_000_000_000;

/// A number above 0 in minor units of so many digits. Browsers send a point; a comma is taken for one, where it can be nothing else.
fn minor(text: &str, digits: usize) -> Option<i64> {
    let text = text.trim();
    let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // `4.000` of a currency with cents is four thousand to some and four to others.
    let part = if part.bytes().all(|byte| byte == b'0') && part.len() <= digits { "" } else { part };
    if whole.is_empty() || whole.len() > 13 || part.len() > digits || !plain(whole) || !plain(part) {
        return None;
    }
    let minor: i64 = format!("{whole}{part:0<digits$}").parse().ok()?;
    (1..=TARGET_MAX).contains(&minor).then_some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_meant_or_not_at_all() {
        for (text, digits, read) in [
            ("4000", 2, Some(400_000)),
            (" 4000.5 ", 2, Some(400_050)),
            ("4000,50", 2, Some(400_050)),
            ("4000.00", 2, Some(400_000)),
            ("4.000", 2, None),
            ("4,000.00", 2, None),
            ("50", 0, Some(50)),
            ("50.5", 0, None),
            ("0", 0, None),
            ("-5", 2, None),
            ("1e9", 2, None),
            ("", 2, None),
            (".5", 2, None),
            ("99999999999999999999", 2, None),
            ("٤", 0, None),
        ] {
            assert_eq!(minor(text, digits), read, "{text}");
        }
    }
}

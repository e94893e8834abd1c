//! Clicks on counted links, as the databases keep them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::{
    rows::{ClickRow, HUMAN, JudgedClick, OpenClick, TOGETHER_MS, VISITOR_MS},
    store::minute_of,
};

use super::Tables;

impl Tables {
    pub(crate) fn note_click(&mut self, click: &ClickRow) -> bool {
        let Some(message) = self.messages.get(&click.message) else { return false };
        if self.erased.get(&message.row.key).is_some_and(|at| *at >= message.row.planned_at) {
            return false;
        }
        let place = (click.message.clone(), click.link, minute_of(click.at));
        if self.clicks.contains_key(&place) {
            return false;
        }
        self.clicks.insert(place, (click.clone(), None));
        true
    }

    pub(crate) fn open_clicks(&self, until: Timestamp, limit: usize) -> Vec<OpenClick> {
        let mut open: Vec<&ClickRow> = self
            .clicks
            .values()
            .filter(|(row, verdict)| verdict.is_none() && row.at <= until)
            .map(|(row, _)| row)
            .collect();
        open.sort_by(|a, b| (a.at, &a.message, a.link).cmp(&(b.at, &b.message, b.link)));
        open.into_iter().take(limit).map(|row| self.around(row)).collect()
    }

    fn around(&self, row: &ClickRow) -> OpenClick {
        let (together, visit) = (SignedDuration::from_millis(TOGETHER_MS), SignedDuration::from_millis(VISITOR_MS));
        let off = |other: &ClickRow| other.at.duration_since(row.at);
        let of_mail = || self.clicks.values().filter(|(other, _)| other.message == row.message);
        let near = of_mail().filter(|(other, _)| off(other).abs() <= together);
        let links: BTreeSet<u32> = near.map(|(other, _)| other.link).collect();
        let same = |other: &ClickRow| row.visitor.is_some() && other.visitor == row.visitor;
        let visits = self.clicks.values().map(|(other, _)| other).filter(|other| same(other));
        let mails: BTreeSet<&str> = visits
            .filter(|other| off(other) >= -visit && off(other) <= together)
            .map(|other| other.message.as_str())
            .collect();
        let persons = of_mail().filter(|(other, verdict)| {
            other.link == row.link && verdict.as_deref() == Some(HUMAN) && other.at <= row.at
        });
        OpenClick {
            row: row.clone(),
            links: links.len() as i64,
            mails: mails.len() as i64,
            last: persons.map(|(other, _)| other.at).max(),
            sent_at: self.sent.get(&row.message).map(|counted| counted.at),
        }
    }

    pub(crate) fn judge_clicks(&mut self, judged: &[JudgedClick], forget: Timestamp) {
        let mut told = Vec::new();
        for click in judged {
            let place = (click.message.clone(), click.link, minute_of(click.at));
            if let Some((_, verdict @ None)) = self.clicks.get_mut(&place) {
                *verdict = Some(click.verdict.to_owned());
                told.extend(click.told.clone());
            }
        }
        self.clicks.retain(|_, (row, verdict)| verdict.is_none() || row.at >= forget);
        self.add_outbox(&told);
    }
}

//! Answers to anonymous surveys, as the databases count them.

use rapport_engine::ports::rows::{ANSWERS_TOLD_MIN, AnonymousAnswer, AnonymousTally};
use rapport_event::id::ProgramId;

use super::Tables;

impl Tables {
    pub(crate) fn take_anonymous(&mut self, given: &AnonymousAnswer) -> bool {
        let AnonymousAnswer { program, survey, period, answer, ticket, closes_at } = given;
        if self.tickets.contains_key(ticket) {
            return false;
        }
        self.tickets.insert(ticket.clone(), *closes_at);
        let place = (program.clone(), survey.clone(), period.clone(), answer.clone());
        self.anonymous.entry(place).or_default().0 += 1;
        let mut of_period: Vec<&mut (i64, i64)> = self
            .anonymous
            .iter_mut()
            .filter(|((of, asked, within, _), _)| of == program && asked == survey && within == period)
            .map(|(_, counts)| counts)
            .collect();
        if of_period.iter().map(|counts| counts.0).sum::<i64>() >= ANSWERS_TOLD_MIN {
            for (waiting, told) in of_period.iter_mut().map(|counts| &mut **counts) {
                *told += std::mem::take(waiting);
            }
        }
        true
    }

    pub(crate) fn anonymous_tallies(&self, program: &ProgramId) -> Vec<AnonymousTally> {
        let told = self.anonymous.iter().filter(|((of, ..), (_, told))| of == program && *told > 0);
        told.map(|((_, survey, period, answer), (_, told))| AnonymousTally {
            survey: survey.clone(),
            period: period.clone(),
            answer: answer.clone(),
            answers: *told,
        })
        .collect()
    }
}

//! Answers to anonymous surveys: counted with nobody in them.

use rapport_engine::ports::rows::{ANSWERS_TOLD_MIN, AnonymousAnswer, AnonymousTally};
use rapport_engine::ports::store::StoreError;
use rapport_event::id::ProgramId;

use crate::SqlStore;
use crate::sql::cells;
use crate::sql::queries::anonymous as sql;

/// The row that has the sum of a survey and period.
const SUM: &str = "";

impl SqlStore {
    pub(crate) async fn write_anonymous(&self, given: &AnonymousAnswer) -> Result<bool, StoreError> {
        let AnonymousAnswer { program, survey, period, answer, ticket, closes_at } = given;
        let program = program.as_str();
        let mut session = self.begin().await?;
        if session.execute(&sql::TICKET, &cells![ticket, *closes_at]).await? == 0 {
            session.rollback().await?;
            return Ok(false);
        }
        for counted in [SUM, answer.as_str()] {
            session.execute(&sql::COUNT, &cells![program, survey, period, counted]).await?;
        }
        session.execute(&sql::TELL, &cells![program, survey, period, ANSWERS_TOLD_MIN]).await?;
        session.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_anonymous(&self, program: &ProgramId) -> Result<Vec<AnonymousTally>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::TALLIES, &cells![program.as_str()]).await?;
        rows.iter()
            .map(|row| {
                Ok(AnonymousTally {
                    survey: row.text(0)?,
                    period: row.text(1)?,
                    answer: row.text(2)?,
                    answers: row.int(3)?,
                })
            })
            .collect()
    }
}

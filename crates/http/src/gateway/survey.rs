//! The page of a survey: what is asked, and what was filled in.

use axum::{http::StatusCode, response::Response};
use jiff::{SignedDuration, Timestamp};
use rapport_event::clean;
use rapport_workflow::{Survey, Texts, config::SurveyKind};

use crate::{
    page::{Choice, Page, Question, WordsField},
    words::Words,
};

/// What is taken of somebody's words, in characters.
const WORDS_MAX: usize = 2_000;

/// The fields of the form.
const ANSWER: &str = "answer";
const COMMENT: &str = "comment";
const SHOWN: &str = "shown";

/// For so long a page says what was sent from it; no longer are the ids of records known again.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(24);
/// By so much two gateways may differ about the present.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(60);

/// A question as its page shows it, in the reader's language.
pub(super) struct Asked {
    /// What is asked.
    pub question: String,
    /// The choice of the link that was followed.
    pub choice: String,
    /// What people read of it.
    pub label: String,
    /// When its page is made, where answers are told apart by it: see [`shown`].
    pub shown: Option<Timestamp>,
    kind: SurveyKind,
    /// Scores to choose from: id and text; none of other questions.
    scores: Vec<(String, String)>,
    /// What stands above the field for words, if there is one.
    words: Option<String>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// The choice.
    pub choice: String,
    /// What was written, if something was.
    pub words: Option<String>,
}

/// Why something filled in is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// There is no such answer.
    NoAnswer,
    /// Nothing was written where words are the answer.
    Nothing,
    /// More was written than is taken.
    TooLong,
}

impl Asked {
    /// A question whose choice is to be confirmed, and nothing more: of a survey that the files know no more.
    pub(super) fn confirmed(question: String, choice: &str, label: String) -> Self {
        let (choice, kind) = (choice.to_owned(), SurveyKind::Choice);
        Self { question, choice, label, shown: None, kind, scores: Vec::new(), words: None }
    }

    /// The question with what its survey lets fill in.
    pub(super) fn with(self, survey: &Survey, text: &dyn Fn(&Texts) -> String, words: &'static Words) -> Self {
        let ends = survey.kind.scores().map(|(low, high)| {
            [(low, survey.ends.0.as_ref()), (high, survey.ends.1.as_ref())]
                .map(|(score, end)| (score.to_string(), end.map(text)))
        });
        let score = |id: &str| {
            let end = ends.iter().flatten().find(|(score, _)| score == id).and_then(|(_, end)| end.as_deref());
            end.map_or_else(|| id.to_owned(), |end| format!("{id} – {end}"))
        };
        let scores = match ends {
            Some(_) => survey.choices.iter().map(|(id, _)| (id.to_string(), score(id))).collect(),
            None => Vec::new(),
        };
        let own = || match survey.kind {
            SurveyKind::Text => words.answer_words.to_owned(),
            _ => words.answer_comment.to_owned(),
        };
        let asks = survey.takes_words().then(|| survey.comment_label.as_ref().map_or_else(own, text));
        Self { kind: survey.kind, scores, words: asks, ..self }
    }

    /// Reads what was posted. Of scores the field counts, for it is what was seen last; else the link, whatever the body says.
    pub(super) fn read(&self, posted: &[(String, String)]) -> Result<Given, Wrong> {
        let choice = match field(posted, ANSWER).filter(|_| !self.scores.is_empty()) {
            Some(answer) if self.scores.iter().any(|(id, _)| id == answer) => answer,
            Some(_) => return Err(Wrong::NoAnswer),
            None => self.choice.as_str(),
        };
        let words = field(posted, COMMENT).filter(|_| self.words.is_some()).map(clean::block).unwrap_or_default();
        let words = words.trim();
        if words.chars().count() > WORDS_MAX {
            return Err(Wrong::TooLong);
        }
        if self.kind == SurveyKind::Text && words.is_empty() {
            return Err(Wrong::Nothing);
        }
        Ok(Given { choice: choice.to_owned(), words: (!words.is_empty()).then(|| words.to_owned()) })
    }

    /// What people read of an answer.
    pub(super) fn label_of<'a>(&'a self, choice: &str) -> &'a str {
        let score = self.scores.iter().find(|(id, _)| id == choice);
        score.map_or(self.label.as_str(), |(_, label)| label.as_str())
    }

    /// Puts the form onto a page that is headed by the question.
    pub(super) fn form(&self, page: Page, words: &'static Words) -> Response {
        self.filled(page, words, &self.choice, "").respond(StatusCode::OK)
    }

    /// The form once more, with what was filled in and what is wrong with it.
    pub(super) fn again(
        &self,
        page: Page,
        words: &'static Words,
        posted: &[(String, String)],
        wrong: Wrong,
    ) -> Response {
        let text = match wrong {
            Wrong::NoAnswer => words.answer_none.to_owned(),
            Wrong::Nothing => words.answer_nothing.to_owned(),
            Wrong::TooLong => words.answer_long.replace("{most}", &words.number(WORDS_MAX as i64)),
        };
        // What was too long comes back, to be made shorter; nobody has to read a flood of their own again.
        let said: String = field(posted, COMMENT).unwrap_or_default().chars().take(2 * WORDS_MAX).collect();
        let chosen = field(posted, ANSWER).unwrap_or(&self.choice);
        self.filled(page.wrong(&text), words, chosen, &said).respond(StatusCode::UNPROCESSABLE_ENTITY)
    }

    fn filled(&self, page: Page, words: &'static Words, chosen: &str, said: &str) -> Page {
        let shown = self.shown.map(|shown| shown.as_millisecond().to_string());
        // Of scores the one chosen on the page is sent.
        let choice = Some((ANSWER, self.choice.as_str())).filter(|_| self.scores.is_empty());
        let hidden: Vec<(&str, &str)> =
            choice.into_iter().chain(shown.as_deref().map(|shown| (SHOWN, shown))).collect();
        if self.scores.is_empty() && self.words.is_none() {
            let page = page.text(words.answer_text).quote(&self.label);
            return page.button(words.answer_button, &hidden);
        }
        let page = match self.kind {
            SurveyKind::Choice => page.text(words.answer_text).quote(&self.label),
            _ => page,
        };
        let options: Vec<Choice<'_>> =
            self.scores.iter().map(|(id, label)| Choice { value: id, label, on: id == chosen }).collect();
        let asks = self.words.as_deref().map(|label| WordsField {
            name: COMMENT,
            label,
            value: said,
            chars_max: WORDS_MAX,
            required: self.kind == SurveyKind::Text,
        });
        page.question(&Question {
            name: ANSWER,
            legend: words.answer_text,
            options: &options,
            hidden: &hidden,
            words: asks,
            button: words.answer_button,
        })
    }
}

/// When the page was made that this was sent from. A browser that sends it once more, minutes later, says the same.
pub(super) fn shown(posted: &[(String, String)], now: Timestamp) -> Option<Timestamp> {
    let shown = Timestamp::from_millisecond(field(posted, SHOWN)?.parse().ok()?).ok()?;
    let age = now.duration_since(shown);
    (age >= -CLOCKS_APART && age <= SHOWN_FOR).then_some(shown)
}

fn field<'a>(posted: &'a [(String, String)], name: &str) -> Option<&'a str> {
    posted.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: SurveyKind, words: bool) -> Asked {
        let scores = kind.scores().map(|(low, high)| (low..=high).map(|score| (score.to_string(), score.to_string())));
        let asked = Asked::confirmed("How is it going?".into(), "5", "Fine".into());
        let words = words.then(|| "What else?".to_owned());
        Asked { kind, scores: scores.into_iter().flatten().collect(), words, ..asked }
    }

    #[track_caller]
    fn check(kind: SurveyKind, posted: &[(&str, &str)], expected: Result<(&str, Option<&str>), Wrong>) {
        let posted: Vec<(String, String)> =
            posted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let given = asked(kind, kind != SurveyKind::Csat).read(&posted);
        let expected = expected.map(|(choice, words)| Given { choice: choice.into(), words: words.map(str::to_owned) });
        assert_eq!(given, expected, "{posted:?}");
    }

    #[test]
    fn what_is_filled_in_is_read_as_meant_or_not_at_all() {
        use SurveyKind::{Choice, Csat, Nps, Text};
        let long = "é".repeat(WORDS_MAX);
        let longer = format!("{long}é");
        check(Nps, &[], Ok(("5", None)));
        check(Nps, &[("answer", "0")], Ok(("0", None)));
        check(
            Nps,
            &[("answer", "10"), ("comment", " more\r\nthan \u{202e}\u{0}words\t")],
            Ok(("10", Some("more\nthan words"))),
        );
        for none in ["11", "-1", "05", "", " 5", "5.0", "fine", "٥"] {
            check(Nps, &[("answer", none)], Err(Wrong::NoAnswer));
        }
        check(Csat, &[("answer", "0")], Err(Wrong::NoAnswer));
        check(Csat, &[("answer", "3"), ("comment", "not asked for")], Ok(("3", None)));
        check(Choice, &[("answer", "another")], Ok(("5", None)));
        check(Choice, &[("comment", long.as_str())], Ok(("5", Some(long.as_str()))));
        check(Choice, &[("comment", longer.as_str())], Err(Wrong::TooLong));
        check(Text, &[("comment", "so")], Ok(("5", Some("so"))));
        let nothing: [&[(&str, &str)]; 3] = [&[], &[("comment", "")], &[("comment", " \r\n\u{200b}")]];
        for posted in nothing {
            check(Text, posted, Err(Wrong::Nothing));
        }
    }

    #[test]
    fn a_page_says_when_it_was_made_for_a_day() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let of = |value: &str| shown(&[("shown".to_owned(), value.to_owned())], now).map(|shown| shown.as_second());
        assert_eq!(of("1800000000000"), Some(1_800_000_000));
        assert_eq!(of("1799913600000"), Some(1_799_913_600), "a day ago");
        assert_eq!(of("1800000001000"), Some(1_800_000_001), "another gateway's clock");
        for none in ["1799913599999", "1800000061000", "", "now", "9223372036854775807", "-1"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(shown(&[], now), None);
    }
}

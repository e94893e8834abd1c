//! What the scores of a survey come to.
//!
//! The recommendation score is Reichheld's (*The One Number You Need to Grow*, Harvard Business Review 81:12, 2003): the share of
//! those who gave 9 or 10 less the share of those who gave 6 or less. Content are those who gave one of the two best of five.

/// The recommendation score, −100 to 100, of scores from 0 to 10 with how often each was given; none without answers.
#[must_use]
pub fn recommendation(scores: &[(u8, i64)]) -> Option<f64> {
    Some(share(scores, |score| score >= 9)? - share(scores, |score| score <= 6)?)
}

/// The share of the content, in percent, of scores from 1 to 5 with how often each was given; none without answers.
#[must_use]
pub fn satisfaction(scores: &[(u8, i64)]) -> Option<f64> {
    share(scores, |score| score >= 4)
}

fn share(scores: &[(u8, i64)], of: impl Fn(u8) -> bool) -> Option<f64> {
    let sum = |counts: &mut dyn Iterator<Item = i64>| counts.fold(0_i64, |sum, count| sum.saturating_add(count.max(0)));
    let all = sum(&mut scores.iter().map(|(_, count)| *count));
    let those = sum(&mut scores.iter().filter(|(score, _)| of(*score)).map(|(_, count)| *count));
    (all > 0).then(|| 100.0 * those as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_come_to_what_was_counted_by_hand() {
        // Four promoters, three in between, three detractors.
        let ten = [(10, 3), (9, 1), (8, 2), (7, 1), (6, 1), (0, 2)];
        assert_eq!(recommendation(&ten), Some(10.0));
        assert_eq!(recommendation(&[(10, 7)]), Some(100.0));
        assert_eq!(recommendation(&[(6, 7)]), Some(-100.0));
        assert_eq!(recommendation(&[(7, 5), (8, 5)]), Some(0.0));
        assert_eq!(recommendation(&[]), None);
        assert_eq!(recommendation(&[(9, 0), (3, -4)]), None);
        assert_eq!(satisfaction(&[(1, 1), (2, 0), (3, 1), (4, 1), (5, 5)]), Some(75.0));
        assert_eq!(satisfaction(&[(3, i64::MAX), (5, i64::MAX)]), Some(100.0));
        assert_eq!(satisfaction(&[(5, 0)]), None);
    }
}

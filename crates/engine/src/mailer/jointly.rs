//! What several workers ask of the database at the same time goes there in one transaction.
//!
//! Whoever asks while another's question is on its way waits, and whoever of those who wait comes first asks for all of them. Nobody
//! waits for company: a question that is alone goes at once.

use std::sync::Mutex;

use tokio::sync::oneshot;

use super::hand::lock;

/// Questions of one kind and their answers.
pub(super) struct Jointly<Q, A> {
    waiting: Mutex<Vec<(Q, oneshot::Sender<A>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<Q, A> Default for Jointly<Q, A> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl<Q, A> Jointly<Q, A> {
    /// The answer to a question. `all` answers every question that waits, in their order, if it is this one's turn to ask. Nothing
    /// when whoever asked did not live to answer.
    pub(super) async fn ask<F: Future<Output = Vec<A>>>(
        &self,
        question: Q,
        all: impl FnOnce(Vec<Q>) -> F,
    ) -> Option<A> {
        let (answer, mut answered) = oneshot::channel();
        lock(&self.waiting).push((question, answer));
        tokio::select! {
            biased;
            answer = &mut answered => return answer.ok(),
            _turn = self.turn.lock() => {
                let waiting = std::mem::take(&mut *lock(&self.waiting));
                // None when whoever had the turn before took this question along, and has not answered.
                if !waiting.is_empty() {
                    let (questions, asked_by): (Vec<Q>, Vec<_>) = waiting.into_iter().unzip();
                    for (asked_by, answer) in asked_by.into_iter().zip(all(questions).await) {
                        // Who does not wait any more was dropped with its runtime.
                        let _ = asked_by.send(answer);
                    }
                }
            }
        }
        answered.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_one_is_asked_is_asked_for_together() {
        let (jointly, gate) = (Arc::new(Jointly::<u32, u32>::default()), Arc::new(Semaphore::new(0)));
        let rounds = Arc::new(AtomicUsize::new(0));
        let ask = |number: u32| {
            let (jointly, gate, rounds) = (jointly.clone(), gate.clone(), rounds.clone());
            tokio::spawn(async move {
                let all = |questions: Vec<u32>| async move {
                    rounds.fetch_add(1, Ordering::Relaxed);
                    gate.acquire().await.unwrap().forget();
                    questions.into_iter().map(|question| question * 10).collect()
                };
                jointly.ask(number, all).await
            })
        };
        let first = ask(1);
        while rounds.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (2..6).map(ask).collect();
        while lock(&jointly.waiting).len() < 4 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(10));
        for (number, other) in (2..6).zip(others) {
            assert_eq!(other.await.unwrap(), Some(number * 10));
        }
        assert_eq!(rounds.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn who_was_asked_for_by_one_that_breaks_down_is_told() {
        let (jointly, gate) = (Arc::new(Jointly::<u32, u32>::default()), Arc::new(Semaphore::new(0)));
        let ask = |number: u32| {
            let (jointly, gate) = (jointly.clone(), gate.clone());
            tokio::spawn(async move {
                let all = |questions: Vec<u32>| async move {
                    gate.acquire().await.unwrap().forget();
                    assert!(questions.len() == 1, "as a test wants it");
                    questions
                };
                jointly.ask(number, all).await
            })
        };
        let first = ask(1);
        while jointly.turn.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let (second, third) = (ask(2), ask(3));
        while lock(&jointly.waiting).len() < 2 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(1));
        assert!(second.await.is_err(), "it asked for two");
        assert_eq!(third.await.unwrap(), None);
    }

    #[tokio::test]
    async fn who_breaks_down_leaves_nobody_waiting() {
        let (jointly, gate) = (Arc::new(Jointly::<u32, u32>::default()), Arc::new(Semaphore::new(0)));
        let breaks = {
            let (jointly, gate) = (jointly.clone(), gate.clone());
            tokio::spawn(async move {
                let all = |_: Vec<u32>| async move {
                    gate.acquire().await.unwrap().forget();
                    panic!("as a test wants it")
                };
                jointly.ask(1, all).await
            })
        };
        while !lock(&jointly.waiting).is_empty() || jointly.turn.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        gate.add_permits(1);
        assert!(breaks.await.is_err());
        assert_eq!(jointly.ask(2, async |questions| questions).await, Some(2));
    }
}

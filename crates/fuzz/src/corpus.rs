//! Inputs worth damaging: the valid ones, and whatever was the first to get some answer.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::mutate::mutate;
use crate::target::Target;

/// More are not kept: by then new answers are mixtures of old ones.
const INPUTS_MAX: usize = 4_000;

/// Inputs of one target.
#[derive(Debug)]
pub struct Corpus {
    inputs: Vec<Vec<u8>>,
    answers: BTreeSet<String>,
    random: StdRng,
}

impl Corpus {
    /// The target's valid inputs.
    #[must_use]
    pub fn new(target: &Target, seed: u64) -> Self {
        Self::of((target.seeds)(), seed)
    }

    /// These, for a test of its own.
    #[must_use]
    pub fn of(inputs: Vec<Vec<u8>>, seed: u64) -> Self {
        Self { inputs, answers: BTreeSet::new(), random: StdRng::seed_from_u64(seed) }
    }

    /// One of them, damaged.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut one =
            || self.inputs.get(self.random.random_range(0..self.inputs.len().max(1))).cloned().unwrap_or_default();
        let (input, other) = (one(), one());
        mutate(&input, &other, &mut self.random)
    }

    /// Keeps an input whose answer is new.
    pub fn learn(&mut self, input: Vec<u8>, answer: String) {
        if self.answers.insert(answer) && self.inputs.len() < INPUTS_MAX {
            self.inputs.push(input);
        }
    }

    /// How many different answers there were.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.answers.len()
    }
}

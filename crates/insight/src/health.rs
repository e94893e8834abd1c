//! Health: a score with its reasons.

//! Questions to the cluster, repeated while it cannot be reached, and what its refusals mean.

use std::time::{Duration, Instant};

use rapport_engine::ports::log::LogError;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};

use crate::connection::Connection;

const ONE_TRY: Duration = Duration::from_secs(5);
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Asks on a thread that may block; `question` is given the time it may take. Repeats with backoff until the
/// connection's patience is over.
pub(crate) async fn ask<T, F>(connection: &Connection, what: &'static str, question: F) -> Result<T, LogError>
where
    T: Send + 'static,
    F: Fn(Duration) -> KafkaResult<T> + Send + Sync + 'static,
{
    let question = std::sync::Arc::new(question);
    let started = Instant::now();
    let mut backoff = BACKOFF_FIRST;
    loop {
        let question = question.clone();
        let longest = ONE_TRY.min(connection.patience);
        let answer = tokio::task::spawn_blocking(move || question(longest)).await;
        let error = match answer {
            Ok(Ok(answer)) => {
                connection.link().answered();
                return Ok(answer);
            }
            Ok(Err(error)) => error,
            // The runtime is being shut down.
            Err(_) => return Err(LogError::Closed),
        };
        if !passes(&error) || started.elapsed() + backoff >= connection.patience {
            return Err(refusal(what, &error));
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Whether asking again may help.
fn passes(error: &KafkaError) -> bool {
    code_of(error).is_some_and(|code| unreachable(code) || code == Code::UnknownTopicOrPartition)
}

/// The broker's code, also where the library does not give it by itself.
fn code_of(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// What passes by itself: the connection's own errors, and those that the protocol calls retriable
/// (<https://kafka.apache.org/protocol.html#protocol_error_codes>) but for a topic that is not there, which only `passes` waits for.
fn unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::Resolve
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::NotController
            | Code::KafkaStorageError
            | Code::FetchSessionIdNotFound
            | Code::InvalidFetchSessionEpoch
            | Code::ListenerNotFound
            | Code::FencedLeaderEpoch
            // Met on a topic just made: the broker asked had not heard yet who leads it.
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::PreferredLeaderNotAvailable
            | Code::EligibleLeadersNotAvailable
            | Code::UnstableOffsetCommit
            | Code::ThrottlingQuotaExceeded
    )
}

/// An error as the engine understands it. The value of a property is never part of the text.
pub(crate) fn refusal(what: &str, error: &KafkaError) -> LogError {
    match error {
        KafkaError::Canceled => LogError::Closed,
        // librdkafka's description quotes the value, which may be a secret.
        KafkaError::ClientConfig(_, _, name, _) => {
            LogError::Refused(format!("{what}: the kafka property `{name}` is unknown or has a bad value"))
        }
        _ => match code_of(error) {
            Some(Code::MessageSizeTooLarge) => LogError::TooLarge(what.to_owned()),
            Some(Code::FencedInstanceId) => LogError::Refused(format!(
                "{what}: another process of the same name joined the consumer group. Each process needs a name of its own \
                 (`--name`), each installation on a cluster a group of its own (`kafka: group:`)"
            )),
            Some(code) if unreachable(code) => LogError::Unreachable(format!("{what}: {code}")),
            Some(code) => LogError::Refused(format!("{what}: {code}")),
            None => LogError::Refused(format!("{what}: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use rapport_engine::ports::log::LogError;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

    use super::{passes, refusal};

    #[test]
    fn what_passes_is_waited_for_and_the_rest_is_told() {
        let fetch = KafkaError::OffsetFetch;
        let passing =
            [Code::UnknownLeaderEpoch, Code::FencedLeaderEpoch, Code::NotLeaderForPartition, Code::OperationTimedOut];
        for code in passing {
            assert!(passes(&fetch(code)), "{code}");
            assert!(matches!(refusal("asking", &fetch(code)), LogError::Unreachable(_)), "{code}");
        }
        for code in [Code::TopicAuthorizationFailed, Code::UnknownTopicOrPartition, Code::InvalidTopic] {
            assert!(matches!(refusal("asking", &fetch(code)), LogError::Refused(_)), "{code}");
        }
        // A topic that is being made is not known everywhere at once.
        assert!(passes(&fetch(Code::UnknownTopicOrPartition)) && !passes(&fetch(Code::TopicAuthorizationFailed)));
        let fenced = refusal("committing", &KafkaError::ConsumerCommit(Code::FencedInstanceId));
        assert!(fenced.to_string().contains("`--name`") && fenced.to_string().contains("`kafka: group:`"), "{fenced}");
    }
}

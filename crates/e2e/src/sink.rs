//! An SMTP server that accepts everything and remembers each mail it took: envelope and Message-ID.
//!
//! Accepted is a mail whose final dot was read; that is noted before the reply leaves, so that a client killed in
//! between is counted as a real server would count it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A mail that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accepted {
    /// Without brackets and domain: the message's id.
    pub message: String,
    /// The recipient of the envelope.
    pub to: String,
}

/// The server; dropping it ends it.
#[derive(Debug)]
pub struct Sink {
    /// Its loopback port.
    pub port: u16,
    accepted: Arc<Mutex<Vec<Accepted>>>,
    /// Whose mail is not answered now.
    held: watch::Sender<Option<String>>,
    task: JoinHandle<()>,
}

impl Sink {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start() -> Result<Self> {
        Self::slow(Duration::ZERO).await
    }

    /// The same, and it takes its time after each final dot: whoever is killed meanwhile never hears the answer.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn slow(answers_after: Duration) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let accepted: Arc<Mutex<Vec<Accepted>>> = Arc::default();
        let (shared, held) = (accepted.clone(), watch::Sender::new(None));
        let answered = held.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, held) = (shared.clone(), answered.clone());
                // A client that is killed ends its conversation with an error: nothing to tell anybody.
                tokio::spawn(async move { converse(stream, &shared, answers_after, held).await.ok() });
            }
        });
        Ok(Self { port, accepted, held, task })
    }

    /// From now on mail to this address is taken and not answered, until [`Sink::release`].
    pub fn hold(&self, address: &str) {
        self.held.send_replace(Some(address.to_owned()));
    }

    /// Answers what was not answered, and what comes.
    pub fn release(&self) {
        self.held.send_replace(None);
    }

    /// Everything accepted so far, in order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    stream: TcpStream,
    accepted: &Mutex<Vec<Accepted>>,
    answers_after: Duration,
    mut held: watch::Receiver<Option<String>>,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    writer.write_all(b"220 sink.example ESMTP\r\n").await?;
    let (mut line, mut recipients) = (Vec::new(), Vec::<String>::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let verb = text.trim_end().split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "HELO" | "NOOP" => b"250 ok\r\n",
            "MAIL" | "RSET" => {
                recipients.clear();
                b"250 ok\r\n"
            }
            "RCPT" => {
                recipients.extend(between(&text, '<', '>'));
                b"250 ok\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let Some(message) = message_id(&mut reader).await? else { return Ok(()) };
                let to = recipients.clone();
                {
                    let mut accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
                    accepted.extend(recipients.drain(..).map(|to| Accepted { message: message.clone(), to }));
                }
                if !answers_after.is_zero() {
                    tokio::time::sleep(answers_after).await;
                }
                held.wait_for(|held| held.as_ref().is_none_or(|address| !to.contains(address))).await?;
                b"250 taken\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"502 not known\r\n",
        };
        writer.write_all(reply).await?;
    }
}

/// Reads to the final dot; none when the client went before. A mail without Message-ID has an empty one, which no check accepts.
async fn message_id(reader: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Option<String>> {
    let (mut line, mut id, mut in_headers) = (Vec::new(), String::new(), true);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 || !line.ends_with(b"\r\n") {
            return Ok(None);
        }
        match line.as_slice() {
            b".\r\n" => return Ok(Some(id)),
            b"\r\n" => in_headers = false,
            _ if in_headers => {
                let text = String::from_utf8_lossy(&line);
                if text.len() > 11 && text.get(..11).is_some_and(|name| name.eq_ignore_ascii_case("message-id:")) {
                    id = between(&text, '<', '@').unwrap_or_default();
                }
            }
            _ => {}
        }
    }
}

fn between(text: &str, open: char, close: char) -> Option<String> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mail_is_noted_with_its_recipient_and_id_and_a_broken_one_is_not() {
        let sink = Sink::start().await.unwrap();
        let mut whole = TcpStream::connect(("127.0.0.1", sink.port)).await.unwrap();
        let talk = "EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nMessage-ID: <77@x>\r\n\r\nhi\r\n.\r\nQUIT\r\n";
        whole.write_all(talk.as_bytes()).await.unwrap();
        let mut replies = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut whole, &mut replies).await.unwrap();
        assert!(replies.ends_with("250 taken\r\n221 bye\r\n"), "{replies}");

        let mut cut = TcpStream::connect(("127.0.0.1", sink.port)).await.unwrap();
        let talk =
            "EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nMessage-ID: <78@x>\r\n\r\nhi\r\n";
        cut.write_all(talk.as_bytes()).await.unwrap();
        cut.shutdown().await.unwrap();
        tokio::io::AsyncReadExt::read_to_string(&mut cut, &mut replies).await.unwrap();
        assert_eq!(sink.accepted(), [Accepted { message: "77".into(), to: "c@d.example".into() }]);
    }
}

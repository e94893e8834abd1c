//! One conversation with a relay, from its greeting on.
//!
//! A session is *in step* while every reply was read whole. It is out of step from the first octet of a command until the last
//! reply of that command; a future dropped, timed out or failed in between leaves it so, and the pool closes it.
//!
//! `MAIL`, `RCPT` and `DATA` go out together where the relay offers PIPELINING. Where one of them is refused, the replies to what was
//! sent along are read as well; a relay that then waits for a mail (354) is out of step.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use crate::dot_stuffing::stuffed;
use crate::reply::{Line, Reply, Stage};
use crate::settings::{SmtpSettings, Tls};
use crate::wire::{self, Wire};
use rapport_engine::ports::transport::{Deadline, Delivery, Envelope, RefusalClass, TransportError};

/// RFC 5321 allows 512 octets a line; relays exceed it.
const LINE_MAX: usize = 4096;
const LINES_MAX: usize = 100;

/// A connection to a relay that has been greeted and, where asked for, encrypted and authenticated.
#[derive(Debug)]
pub(crate) struct Session {
    stream: BufReader<Wire>,
    offers: Offers,
    in_step: bool,
    /// A transaction was begun and refused; the relay still remembers its sender.
    needs_reset: bool,
    mails: u32,
    last_used: Instant,
}

/// What the relay said it can do.
#[derive(Clone, Debug, Default)]
struct Offers {
    eight_bit: bool,
    pipelining: bool,
    utf8: bool,
    starttls: bool,
    auth: Vec<Mechanism>,
}

/// Why a conversation broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the relay closed the connection")]
    Closed,
    #[error("timed out {0}")]
    TimedOut(&'static str),
    #[error("the relay's answer is not SMTP")]
    Garbled,
    #[error("expected {expected}, the relay answered {code} {text}")]
    Unexpected { expected: &'static str, code: u16, text: String },
    #[error("the relay spoke unasked")]
    Unasked,
    #[error("stopped before the final dot")]
    Stopped,
}

impl Broken {
    fn unexpected(expected: &'static str, reply: &Reply) -> Self {
        Self::Unexpected { expected, code: reply.code, text: reply.text() }
    }
}

/// What became of a mail over one session, and what that says of the relay.
#[derive(Debug)]
pub(crate) struct Tried {
    pub delivery: Delivery,
    /// No octet of the final dot has left, and the mail was not judged: another relay may have it.
    pub elsewhere: bool,
    /// The relay hung up, timed out or refused the session; why.
    pub failed: Option<String>,
    /// It hung up on a connection that had served before, as relays do: a fresh one to the same relay may take the mail.
    pub afresh: bool,
}

impl Tried {
    /// The relay has answered, or the connection is of no use any more.
    fn answered(delivery: Delivery) -> Self {
        Self { delivery, elsewhere: false, failed: None, afresh: false }
    }

    /// The connection at hand could not even be asked.
    pub(crate) fn unsent(reason: &str) -> Self {
        let delivery = Delivery::NotSent { reason: reason.to_owned() };
        Self { delivery, elsewhere: true, failed: None, afresh: true }
    }
}

/// What a relay said that nobody had asked for.
#[derive(Debug, PartialEq, Eq)]
enum Stray {
    Nothing,
    Closed,
    Words,
}

impl Session {
    /// Connects, greets, encrypts and authenticates as the settings say.
    pub(crate) async fn open(
        settings: &SmtpSettings,
        hello: &ClientId,
        tls: Option<&TlsConnector>,
    ) -> Result<Self, TransportError> {
        let limits = &settings.limits;
        let place = format!("{}:{}", settings.host, settings.port);
        let unreachable = |why: String| TransportError::Unreachable(format!("{place}: {why}"));
        let connecting = async {
            let wire = wire::connect(&settings.host, settings.port).await.map_err(|e| unreachable(e.to_string()))?;
            match tls {
                Some(connector) if settings.tls == Tls::Implicit => wire.encrypt(connector, &settings.host).await,
                _ => Ok(wire),
            }
        };
        let wire = tokio::time::timeout(limits.connect, connecting)
            .await
            .map_err(|_| unreachable("timed out while connecting".into()))??;
        let mut session = Self::new(wire);
        let greeting = session.read_reply(Instant::now() + limits.command, "waiting for the greeting").await;
        let greeting = greeting.map_err(|broken| unreachable(broken.to_string()))?;
        if greeting.code != 220 {
            return Err(unreachable(Broken::unexpected("220", &greeting).to_string()));
        }
        session.ehlo(hello, limits.command).await.map_err(|broken| unreachable(broken.to_string()))?;
        if settings.tls == Tls::StartTls && !session.offers.starttls {
            return Err(TransportError::Config(format!(
                "{place} does not offer STARTTLS, which `tls=starttls` asks for"
            )));
        }
        if let (Tls::StartTls | Tls::Auto, true, Some(connector)) = (settings.tls, session.offers.starttls, tls) {
            session = session.starttls(settings, connector).await?;
            session.ehlo(hello, limits.command).await.map_err(|broken| unreachable(broken.to_string()))?;
        }
        if settings.login.is_some() {
            session.authenticate(settings, &place).await?;
        }
        session.in_step = true;
        Ok(session)
    }

    fn new(wire: Wire) -> Self {
        Self {
            stream: BufReader::new(wire),
            offers: Offers::default(),
            in_step: false,
            needs_reset: false,
            mails: 0,
            last_used: Instant::now(),
        }
    }

    async fn ehlo(&mut self, hello: &ClientId, limit: Duration) -> Result<(), Broken> {
        let reply = self.ask(&Ehlo::new(hello.clone()).to_string(), Instant::now() + limit, "in EHLO").await?;
        if !reply.is_positive() {
            return Err(Broken::unexpected("250", &reply));
        }
        self.offers = Offers::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("8BITMIME") => self.offers.eight_bit = true,
                Some("PIPELINING") => self.offers.pipelining = true,
                Some("SMTPUTF8") => self.offers.utf8 = true,
                Some("STARTTLS") => self.offers.starttls = true,
                Some("AUTH") => {
                    self.offers.auth = words
                        .filter_map(|word| match word {
                            "PLAIN" => Some(Mechanism::Plain),
                            "LOGIN" => Some(Mechanism::Login),
                            _ => None,
                        })
                        .collect();
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn starttls(mut self, settings: &SmtpSettings, connector: &TlsConnector) -> Result<Self, TransportError> {
        let unreachable =
            |why: &dyn std::fmt::Display| TransportError::Unreachable(format!("{}: {why}", settings.host));
        let limits = &settings.limits;
        let reply = self.ask("STARTTLS\r\n", Instant::now() + limits.command, "in STARTTLS").await;
        let reply = reply.map_err(|broken| unreachable(&broken))?;
        if reply.code != 220 {
            return Err(unreachable(&Broken::unexpected("220 to STARTTLS", &reply)));
        }
        // Words that came along with the 220 were said in the clear by anybody; taken over into the encrypted part they would be
        // believed (CVE-2011-0411 and its kin).
        if !self.stream.buffer().is_empty() {
            return Err(unreachable(&Broken::Unasked));
        }
        let wire = tokio::time::timeout(limits.connect, self.stream.into_inner().encrypt(connector, &settings.host))
            .await
            .map_err(|_| unreachable(&"timed out in the TLS handshake"))??;
        Ok(Self::new(wire))
    }

    async fn authenticate(&mut self, settings: &SmtpSettings, place: &str) -> Result<(), TransportError> {
        let Some(login) = &settings.login else { return Ok(()) };
        let is_encrypted = self.stream.get_ref().is_encrypted();
        if !is_encrypted && settings.tls != Tls::None && !settings.is_loopback() {
            return Err(TransportError::Config(format!(
                "{place} offers no encryption; the password is not sent in the clear unless `tls=none` says so"
            )));
        }
        let mechanism = [Mechanism::Plain, Mechanism::Login]
            .into_iter()
            .find(|mechanism| self.offers.auth.contains(mechanism))
            .ok_or_else(|| TransportError::Config(format!("{place} offers neither AUTH PLAIN nor AUTH LOGIN")))?;
        let credentials = Credentials::new(login.user.clone(), login.password.reveal().to_owned());
        let unreachable = |why: String| TransportError::Unreachable(format!("{place}: {why}"));
        let until = Instant::now() + settings.limits.command;
        let odd = |_| unreachable("the challenge to AUTH is not one of LOGIN".into());
        let mut command = Auth::new(mechanism, credentials.clone(), None).map_err(odd)?;
        // LOGIN asks twice, PLAIN never; more is a relay that plays with us.
        for _ in 0..3 {
            let reply =
                self.ask(&command.to_string(), until, "in AUTH").await.map_err(|b| unreachable(b.to_string()))?;
            match reply.code {
                235 => return Ok(()),
                334 => {
                    let response: Response = format!("334 {}\r\n", reply.text())
                        .parse()
                        .map_err(|_| unreachable("the challenge to AUTH cannot be read".into()))?;
                    command = Auth::new_from_response(mechanism, credentials.clone(), &response).map_err(odd)?;
                }
                500.. => return Err(TransportError::Auth(format!("{place}: {} {}", reply.code, reply.text()))),
                _ => return Err(unreachable(Broken::unexpected("235 to AUTH", &reply).to_string())),
            }
        }
        Err(unreachable("AUTH does not come to an end".into()))
    }

    /// Whether this session may take another mail.
    pub(crate) fn is_reusable(&self, mails_max: u32) -> bool {
        self.in_step && self.mails < mails_max && self.stream.buffer().is_empty()
    }

    /// How long nothing was said.
    pub(crate) fn idle_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_used)
    }

    /// Whether the relay has neither closed the connection nor said anything since.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stray() == Stray::Nothing
    }

    /// Asks whether the relay is still there.
    pub(crate) async fn probe(&mut self, limit: Duration) -> bool {
        self.in_step = false;
        let reply = self.ask("NOOP\r\n", Instant::now() + limit, "in NOOP").await;
        self.in_step = reply.is_ok_and(|reply| reply.is_positive());
        self.in_step
    }

    /// Says good-bye; the relay may have gone before.
    pub(crate) async fn quit(mut self, limit: Duration) {
        // A relay that does not answer QUIT loses nothing.
        let _ = self.ask("QUIT\r\n", Instant::now() + limit, "in QUIT").await;
    }

    /// Sends one mail. After the deadline the final dot does not leave.
    pub(crate) async fn send(
        &mut self,
        envelope: &Envelope,
        bytes: &[u8],
        deadline: &Deadline,
        settings: &SmtpSettings,
    ) -> Tried {
        let lines = match self.commands_for(envelope, bytes) {
            Ok(lines) => lines,
            Err(refusal) => return refusal,
        };
        if !std::mem::replace(&mut self.in_step, false) {
            return Tried::unsent("the connection is out of step");
        }
        self.mails += 1;
        // A transaction dropped in the middle never sent its dot, and leaves the connection out of step.
        let before_dot = tokio::select! {
            biased;
            () = deadline.stop.cancelled() => Err(Broken::Stopped),
            came = self.transaction(&lines, bytes, deadline.at, settings.limits.command) => came,
        };
        // Relays close connections that are idle or have had their share, at whatever moment.
        let served = self.mails > 1;
        let hung_up = |reply: &Reply| (reply.code == 421).then(|| format!("{} {}", reply.code, reply.text()));
        let tried = match before_dot {
            Ok(BeforeDot::Ready) => {
                let delivery = self.dot(deadline.at, settings).await;
                let failed = match &delivery {
                    Delivery::InDoubt { reason } => Some(reason.clone()),
                    Delivery::Refused { code: 421, text, .. } => Some(format!("421 {text}")),
                    _ => None,
                };
                Tried { delivery, elsewhere: false, failed, afresh: false }
            }
            Ok(BeforeDot::Refused { reply, stage, in_step }) => {
                // After 421 the relay hangs up.
                let failed = hung_up(&reply);
                self.in_step = in_step;
                self.needs_reset = true;
                let afresh = served && stage == Stage::Mail && failed.is_some();
                Tried { delivery: reply.into_refusal(stage), elsewhere: failed.is_some(), failed, afresh }
            }
            Ok(BeforeDot::RefusedEarly(reply)) => {
                let failed = hung_up(&reply);
                Tried { delivery: reply.into_refusal(Stage::Data), elsewhere: failed.is_some(), failed, afresh: false }
            }
            Err(Broken::Stopped) => Tried::answered(Delivery::NotSent { reason: Broken::Stopped.to_string() }),
            Err(broken) => {
                let afresh = served && matches!(broken, Broken::Closed | Broken::Io(_));
                let reason = broken.to_string();
                let delivery = Delivery::NotSent { reason: reason.clone() };
                Tried { delivery, elsewhere: true, failed: Some(reason), afresh }
            }
        };
        if !self.stream.buffer().is_empty() {
            self.in_step = false;
        }
        self.last_used = Instant::now();
        tried
    }

    /// MAIL and RCPT, or a refusal of our own when the envelope or the octets cannot go over this connection. What this relay
    /// cannot do another one may; none of it is said about the mailbox, so that it suppresses nobody.
    fn commands_for(&self, envelope: &Envelope, bytes: &[u8]) -> Result<[String; 2], Tried> {
        let unable = |code, enhanced: &str, text: &str| Tried {
            delivery: refused(code, enhanced, text, RefusalClass::Policy),
            elsewhere: true,
            failed: None,
            afresh: false,
        };
        let mut parameters = Vec::new();
        if !bytes.is_ascii() {
            if !self.offers.eight_bit {
                return Err(unable(554, "5.6.3", "the relay does not take 8-bit mail"));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if !(envelope.from.is_ascii() && envelope.to.is_ascii()) {
            if !self.offers.utf8 {
                return Err(unable(
                    553,
                    "5.6.7",
                    "the address is outside ASCII, and the relay does not offer SMTPUTF8",
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let address = |text: &str, class| -> Result<lettre::Address, Tried> {
            text.parse().map_err(|_| Tried::answered(refused(501, "5.1.3", "not an address", class)))
        };
        let from = match envelope.from.as_str() {
            "" => None,
            // Our own sender is never the recipient's fault.
            from => Some(address(from, RefusalClass::Policy)?),
        };
        let to = address(&envelope.to, RefusalClass::Permanent)?;
        Ok([Mail::new(from, parameters).to_string(), Rcpt::new(to, Vec::new()).to_string()])
    }

    /// Everything before the final dot.
    async fn transaction(
        &mut self,
        [mail, rcpt]: &[String; 2],
        bytes: &[u8],
        dot_until: Instant,
        limit: Duration,
    ) -> Result<BeforeDot, Broken> {
        let until = || dot_until.min(Instant::now() + limit);
        match self.stray() {
            Stray::Nothing => {}
            Stray::Closed => return Err(Broken::Closed),
            Stray::Words => return Err(Broken::Unasked),
        }
        if std::mem::take(&mut self.needs_reset) {
            let reply = self.ask("RSET\r\n", until(), "in RSET").await?;
            if !reply.is_positive() {
                return Err(Broken::unexpected("250 to RSET", &reply));
            }
        }
        // DATA is the last command that may go along with others (RFC 2920, 3.1).
        let pipelines = self.offers.pipelining;
        if pipelines {
            self.write(format!("{mail}{rcpt}DATA\r\n").as_bytes(), until(), "in MAIL").await?;
        } else {
            self.write(mail.as_bytes(), until(), "in MAIL").await?;
        }
        let reply = self.read_reply(until(), "waiting for the reply to MAIL").await?;
        if reply.is_refusal() {
            return Ok(self.refused_at(reply, Stage::Mail, if pipelines { 2 } else { 0 }, until()).await);
        }
        if !reply.is_positive() {
            return Err(Broken::unexpected("250 to MAIL", &reply));
        }
        if !pipelines {
            self.write(rcpt.as_bytes(), until(), "in RCPT").await?;
        }
        let reply = self.read_reply(until(), "waiting for the reply to RCPT").await?;
        if reply.is_refusal() {
            return Ok(self.refused_at(reply, Stage::Rcpt, usize::from(pipelines), until()).await);
        }
        if !reply.is_positive() {
            return Err(Broken::unexpected("250 to RCPT", &reply));
        }
        if !pipelines {
            self.write(b"DATA\r\n", until(), "in DATA").await?;
        }
        let reply = self.read_reply(until(), "waiting for the reply to DATA").await?;
        if reply.is_refusal() {
            return Ok(self.refused_at(reply, Stage::Data, 0, until()).await);
        }
        if reply.code != 354 {
            return Err(Broken::unexpected("354 to DATA", &reply));
        }
        self.write(&stuffed(bytes), dot_until, "while sending the mail").await?;
        match self.stray() {
            Stray::Nothing => Ok(BeforeDot::Ready),
            Stray::Closed => Err(Broken::Closed),
            // It refuses before the end (421, 552), or it is out of step. Either way the dot stays here.
            Stray::Words => {
                let reply = self.read_reply(until(), "reading an early reply").await?;
                if !reply.is_refusal() {
                    return Err(Broken::Unasked);
                }
                Ok(BeforeDot::RefusedEarly(reply))
            }
        }
    }

    /// A command was refused, and so many more were already sent along: their replies belong to this mail, not to the next. What they
    /// are changes nothing about the refusal. A relay that waits for a mail nobody takes (354) cannot be told otherwise, one that hangs
    /// up (421) or falls silent says nothing more: such a connection is left.
    async fn refused_at(&mut self, reply: Reply, stage: Stage, along: usize, until: Instant) -> BeforeDot {
        let mut in_step = reply.code != 421;
        for _ in 0..along {
            in_step = in_step
                && match self.read_reply(until, "waiting for the replies to what was sent along").await {
                    Ok(reply) => reply.is_positive() || (reply.is_refusal() && reply.code != 421),
                    Err(_) => false,
                };
        }
        BeforeDot::Refused { reply, stage, in_step }
    }

    /// The final dot and what comes of it.
    async fn dot(&mut self, dot_until: Instant, settings: &SmtpSettings) -> Delivery {
        let not_sent = |broken: Broken| Delivery::NotSent { reason: broken.to_string() };
        let in_doubt = |broken: Broken| Delivery::InDoubt { reason: broken.to_string() };
        if Instant::now() >= dot_until {
            return not_sent(Broken::TimedOut("before the final dot"));
        }
        let dot = b".\r\n";
        // `write` either takes octets or takes none: as long as it has not returned a count, no octet of the dot has left.
        let taken = match timeout_at(dot_until.into(), self.stream.get_mut().write(dot)).await {
            Err(_) => return not_sent(Broken::TimedOut("before the final dot")),
            // In TLS a record may have left before the error was seen.
            Ok(Err(error)) if self.stream.get_ref().is_encrypted() => return in_doubt(error.into()),
            Ok(Err(error)) => return not_sent(error.into()),
            Ok(Ok(0)) => return not_sent(Broken::Closed),
            Ok(Ok(taken)) => taken,
        };
        let until = Instant::now() + settings.limits.final_reply;
        let rest = dot.get(taken..).unwrap_or_default();
        if let Err(broken) = self.write(rest, until, "after the final dot").await {
            return in_doubt(broken);
        }
        match self.read_reply(until, "waiting for the reply to the mail").await {
            Err(broken) => in_doubt(broken),
            Ok(reply) if reply.is_positive() => {
                self.in_step = true;
                let relay = format!("{}:{}", settings.host, settings.port);
                Delivery::Accepted { reply: format!("{} {}", reply.code, reply.text()), relay }
            }
            Ok(reply) if reply.is_refusal() => {
                self.in_step = reply.code != 421;
                reply.into_refusal(Stage::Data)
            }
            Ok(reply) => in_doubt(Broken::unexpected("250 to the mail", &reply)),
        }
    }

    async fn ask(&mut self, command: &str, until: Instant, doing: &'static str) -> Result<Reply, Broken> {
        self.write(command.as_bytes(), until, doing).await?;
        self.read_reply(until, doing).await
    }

    async fn write(&mut self, octets: &[u8], until: Instant, doing: &'static str) -> Result<(), Broken> {
        let writing = async {
            self.stream.get_mut().write_all(octets).await?;
            self.stream.get_mut().flush().await
        };
        timeout_at(until.into(), writing).await.map_err(|_| Broken::TimedOut(doing))?.map_err(Broken::from)
    }

    async fn read_reply(&mut self, until: Instant, doing: &'static str) -> Result<Reply, Broken> {
        timeout_at(until.into(), self.read_lines()).await.map_err(|_| Broken::TimedOut(doing))?
    }

    async fn read_lines(&mut self) -> Result<Reply, Broken> {
        let mut reply: Option<Reply> = None;
        for _ in 0..LINES_MAX {
            let line = Line::parse(&self.read_line().await?).ok_or(Broken::Garbled)?;
            let reply = reply.get_or_insert_with(|| Reply { code: line.code, lines: Vec::new() });
            if reply.code != line.code {
                return Err(Broken::Garbled);
            }
            reply.lines.push(line.text);
            if line.is_last {
                return Ok(reply.clone());
            }
        }
        Err(Broken::Garbled)
    }

    /// One line without its end, never more than [`LINE_MAX`] octets in memory.
    async fn read_line(&mut self) -> Result<Vec<u8>, Broken> {
        let mut line = Vec::new();
        loop {
            let ahead = self.stream.fill_buf().await?;
            if ahead.is_empty() {
                return Err(Broken::Closed);
            }
            let end = ahead.iter().position(|octet| *octet == b'\n');
            let count = end.map_or(ahead.len(), |end| end + 1);
            line.extend(ahead.iter().take(count));
            self.stream.consume(count);
            if line.len() > LINE_MAX {
                return Err(Broken::Garbled);
            }
            if end.is_some() {
                while line.last().is_some_and(|octet| matches!(octet, b'\r' | b'\n')) {
                    line.pop();
                }
                return Ok(line);
            }
        }
    }

    /// Looks, without waiting, for what was not asked for.
    fn stray(&mut self) -> Stray {
        if !self.stream.buffer().is_empty() {
            return Stray::Words;
        }
        let mut context = Context::from_waker(Waker::noop());
        let looked = match Pin::new(&mut self.stream).poll_fill_buf(&mut context) {
            Poll::Ready(Ok(octets)) => Some(!octets.is_empty()),
            Poll::Ready(Err(_)) => Some(false),
            Poll::Pending => None,
        };
        match looked {
            Some(true) => Stray::Words,
            Some(false) => Stray::Closed,
            None if self.stream.get_ref().is_closed() => Stray::Closed,
            None => Stray::Nothing,
        }
    }
}

/// A refusal of our own.
fn refused(code: u16, enhanced: &str, text: &str, class: RefusalClass) -> Delivery {
    Delivery::Refused { code, enhanced: Some(enhanced.to_owned()), text: text.to_owned(), class }
}

/// How far a mail came before its dot.
enum BeforeDot {
    Ready,
    /// Refused at a command; the conversation goes on if it is in step.
    Refused {
        reply: Reply,
        stage: Stage,
        in_step: bool,
    },
    /// Refused in the middle of the mail; the relay still waits for the rest, which will not come.
    RefusedEarly(Reply),
}

//! Where the relay is and how to talk to it, from one URL.
//!
//! `smtp://user:password@relay.example:587?tls=starttls&connections=4`. `smtps://` is TLS from the first octet.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use rapport_engine::ports::transport::IN_FLIGHT;

/// Everything about one relay.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// Port; unwritten it is 465 for `smtps`, 587 with credentials, else 25.
    pub port: u16,
    /// User and password.
    pub login: Option<Login>,
    /// `tls=none|auto|starttls`; `smtps://` is [`Tls::Implicit`].
    pub tls: Tls,
    /// `ca=FILE`: a PEM file of the only authorities to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// `connections=N`: the hard cap of open connections; unwritten 4.
    pub connections: usize,
    /// `in_flight=N`: mails in hand for each connection; unwritten 2. A crash leaves no more than all connections have in hand in doubt.
    /// More of them cost fewer transactions; those whose turn does not come within 20 s go back to the queue.
    pub in_flight: usize,
    /// `hello=NAME`: how we introduce ourselves; unwritten the machine's name.
    pub hello: Option<String>,
    /// How long anything may take.
    pub limits: Limits,
}

/// User and password.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// When to encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Never. Credentials then travel in the clear, because the operator said so.
    None,
    /// STARTTLS where the relay offers it. Credentials are only sent encrypted, or to this machine itself.
    Auto,
    /// STARTTLS, or no mail at all.
    StartTls,
    /// TLS from the first octet.
    Implicit,
}

/// How long anything may take, and how long a connection is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Name look-up, TCP and TLS handshake together.
    pub connect: Duration,
    /// A command until its reply was read whole.
    pub command: Duration,
    /// From the final dot to its reply. RFC 5321 (4.5.3.2.6) asks for 10 minutes; after less the mail is in doubt, which costs a
    /// look by a person but never a duplicate.
    pub final_reply: Duration,
    /// An idle connection is closed after this.
    pub idle: Duration,
    /// A connection idle for longer is asked with NOOP before a mail is trusted to it.
    pub probe_after: Duration,
    /// Mails over one connection, after which a fresh one is opened; many relays count.
    pub mails: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            command: Duration::from_secs(30),
            final_reply: Duration::from_secs(120),
            idle: Duration::from_secs(45),
            probe_after: Duration::from_secs(5),
            mails: 500,
        }
    }
}

/// What is wrong with an SMTP URL. Never repeats the URL: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// Another scheme.
    #[error("an SMTP URL begins with `smtp://` or `smtps://`")]
    Scheme,
    /// No host.
    #[error("the SMTP URL has no host")]
    Host,
    /// A port out of range.
    #[error("the SMTP URL's port is not a number from 1 to 65535")]
    Port,
    /// A user without a password, or the reverse.
    #[error("the SMTP URL needs both user and password, or neither")]
    Login,
    /// A broken escape.
    #[error("the SMTP URL holds a `%` that is not followed by two hexadecimal digits of UTF-8 text")]
    Escape,
    /// Something after the host that is not a query.
    #[error("the SMTP URL has a path; settings are written after `?`")]
    Path,
    /// An unknown setting.
    #[error(
        "the SMTP URL has an unknown setting `{0}`; known are `tls`, `connections`, `in_flight`, `hello`, `ca`, `final_reply`"
    )]
    Unknown(String),
    /// A setting with a value it does not take.
    #[error("the SMTP URL's `{setting}` takes {expected}")]
    Value {
        /// Its name.
        setting: &'static str,
        /// What it takes.
        expected: &'static str,
    },
}

impl SmtpSettings {
    /// Reads an SMTP URL. User, password and values are percent-decoded.
    ///
    /// # Errors
    /// The first [`SmtpUrlError`].
    pub fn parse(url: &str) -> Result<Self, SmtpUrlError> {
        let (implicit, rest) = match (url.strip_prefix("smtp://"), url.strip_prefix("smtps://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(SmtpUrlError::Scheme),
        };
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(read_login(login)?), place),
            None => (None, authority),
        };
        if place.contains('/') {
            return Err(SmtpUrlError::Path);
        }
        let (host, port) = read_place(place)?;
        let usual_port = match (implicit, &login) {
            (true, _) => 465,
            (false, Some(_)) => 587,
            (false, None) => 25,
        };
        let mut settings = Self {
            host,
            port: port.unwrap_or(usual_port),
            login,
            tls: if implicit { Tls::Implicit } else { Tls::Auto },
            ca: None,
            connections: 4,
            in_flight: IN_FLIGHT,
            hello: None,
            limits: Limits::default(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            settings.set(name, &decode(value)?)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SmtpUrlError> {
        let wrong = |setting, expected| SmtpUrlError::Value { setting, expected };
        match name {
            "tls" => {
                self.tls = match (value, self.tls) {
                    ("implicit", _) => Tls::Implicit,
                    (_, Tls::Implicit) => return Err(wrong("tls", "only `implicit` with `smtps://`")),
                    ("none", _) => Tls::None,
                    ("auto", _) => Tls::Auto,
                    ("starttls", _) => Tls::StartTls,
                    _ => return Err(wrong("tls", "`none`, `auto`, `starttls` or `implicit`")),
                };
            }
            "connections" => {
                let count = value.parse().ok().filter(|count| (1..=1000).contains(count));
                self.connections = count.ok_or(wrong("connections", "a number from 1 to 1000"))?;
            }
            "in_flight" => {
                let count = value.parse().ok().filter(|count| (1..=100).contains(count));
                self.in_flight = count.ok_or(wrong("in_flight", "a number from 1 to 100"))?;
            }
            "final_reply" => {
                let seconds = value.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
                let seconds = seconds.ok_or(wrong("final_reply", "a number of seconds from 1 to 3600"))?;
                self.limits.final_reply = Duration::from_secs(seconds);
            }
            "hello" => {
                let is_name =
                    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b));
                self.hello = Some(is_name.then(|| value.to_owned()).ok_or(wrong("hello", "a host name"))?);
            }
            "ca" if !value.is_empty() => self.ca = Some(PathBuf::from(value)),
            "ca" => return Err(wrong("ca", "the path of a PEM file")),
            other => return Err(SmtpUrlError::Unknown(other.chars().take(40).collect())),
        }
        Ok(())
    }

    /// Whether the relay is on this machine, by name: `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

fn read_login(text: &str) -> Result<Login, SmtpUrlError> {
    let (user, password) = text.split_once(':').ok_or(SmtpUrlError::Login)?;
    let (user, password) = (decode(user)?, decode(password)?);
    if user.is_empty() || password.is_empty() {
        return Err(SmtpUrlError::Login);
    }
    Ok(Login { user, password: Secret::new(password) })
}

fn read_place(place: &str) -> Result<(String, Option<u16>), SmtpUrlError> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, "")) => (ip, None),
        Some((ip, port)) => (ip, Some(port.strip_prefix(':').ok_or(SmtpUrlError::Port)?)),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(SmtpUrlError::Host);
    }
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(SmtpUrlError::Port));
    Ok((host.to_owned(), port.transpose()?))
}

fn decode(text: &str) -> Result<String, SmtpUrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).ok_or(SmtpUrlError::Escape);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| SmtpUrlError::Escape)?);
    }
    String::from_utf8(bytes).map_err(|_| SmtpUrlError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_everything() {
        let url = "smtp://ada%40acme:p%3Ass%20@relay.example:2525?tls=starttls&connections=16&in_flight=8&hello=mail.acme.example&final_reply=9";
        let settings = SmtpSettings::parse(url).unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("relay.example", 2525));
        let login = settings.login.as_ref().unwrap();
        assert_eq!((login.user.as_str(), login.password.reveal()), ("ada@acme", "p:ss "));
        assert_eq!((settings.tls, settings.connections, settings.in_flight), (Tls::StartTls, 16, 8));
        assert_eq!(settings.hello.as_deref(), Some("mail.acme.example"));
        assert_eq!(settings.limits.final_reply, Duration::from_secs(9));
        assert!(!settings.is_loopback());
    }

    #[test]
    fn what_is_unwritten_has_its_usual_value() {
        let port = |url| SmtpSettings::parse(url).unwrap().port;
        assert_eq!(port("smtp://relay.example"), 25);
        assert_eq!(port("smtp://a:b@relay.example/"), 587);
        assert_eq!(port("smtps://relay.example"), 465);
        let local = SmtpSettings::parse("smtp://[::1]:1025").unwrap();
        assert_eq!((local.host.as_str(), local.port, local.tls, local.connections), ("::1", 1025, Tls::Auto, 4));
        assert_eq!(local.in_flight, 2);
        assert!(local.is_loopback());
        assert_eq!(SmtpSettings::parse("smtps://relay.example").unwrap().tls, Tls::Implicit);
    }

    #[test]
    fn a_password_is_never_shown() {
        let settings = SmtpSettings::parse("smtp://ada:hunter2@relay.example").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        for bad in
            ["smtp://ada:hunter2@relay.example:x", "smtp://ada:hunter2@", "http://ada:hunter2@x", "smtp://hunter2@x"]
        {
            let error = SmtpSettings::parse(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |url| SmtpSettings::parse(url).unwrap_err();
        assert_eq!(error("relay.example"), SmtpUrlError::Scheme);
        assert_eq!(error("smtp://"), SmtpUrlError::Host);
        assert_eq!(error("smtp://relay.example:0"), SmtpUrlError::Port);
        assert_eq!(error("smtp://a%zz:b@relay.example"), SmtpUrlError::Escape);
        assert_eq!(error("smtp://relay.example/path"), SmtpUrlError::Path);
        assert_eq!(error("smtp://relay.example?pool=3"), SmtpUrlError::Unknown("pool".into()));
        assert!(matches!(
            error("smtp://relay.example?in_flight=101"),
            SmtpUrlError::Value { setting: "in_flight", .. }
        ));
        assert!(matches!(
            error("smtp://relay.example?connections=0"),
            SmtpUrlError::Value { setting: "connections", .. }
        ));
        assert!(matches!(error("smtps://relay.example?tls=none"), SmtpUrlError::Value { setting: "tls", .. }));
        assert!(matches!(
            error("smtp://relay.example?hello=a%0d%0aRSET"),
            SmtpUrlError::Value { setting: "hello", .. }
        ));
    }
}

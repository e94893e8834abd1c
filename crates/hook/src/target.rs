//! A hook's address.

use std::fmt;

use hyper::Uri;

/// Where a hook is. Prints as dots: for Slack the address is the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS is spoken.
    pub(crate) tls: bool,
    /// Host name, or an IP address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    path: String,
}

/// Why a text is no address of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetError {
    /// Not `https://host/…` or `http://host/…`.
    Form,
    /// It holds a login, which would end up in logs of others.
    Login,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a hook's address is https://host/path",
            Self::Login => "a hook's address holds no login",
        })
    }
}

impl std::error::Error for TargetError {}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// See [`TargetError`]; the text is never repeated.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.trim().parse().map_err(|_| TargetError::Form)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(TargetError::Form),
        };
        let authority = uri.authority().ok_or(TargetError::Form)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Login);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(TargetError::Form);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned());
        Ok(Self { tls, host, port, path })
    }

    /// Another path of the same host.
    pub(crate) fn at(&self, path: &str) -> Result<Self, TargetError> {
        let uri: Uri = path.parse().map_err(|_| TargetError::Form)?;
        let path = uri.path_and_query().ok_or(TargetError::Form)?.as_str().to_owned();
        Ok(Self { path, ..self.clone() })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_never_shown() {
        let target = Target::parse("https://hooks.example:8443/a?b=c").unwrap();
        assert_eq!((target.tls, target.host_header().as_str(), target.path()), (true, "hooks.example:8443", "/a?b=c"));
        assert_eq!(format!("{target:?}"), "…");
        assert_eq!(Target::parse("http://[::1]/").unwrap().host_header(), "[::1]");
        assert_eq!(Target::parse("https://u:p@hooks.example/").unwrap_err(), TargetError::Login);
        for wrong in ["hooks.example", "ftp://hooks.example/", "https://", "/a"] {
            assert_eq!(Target::parse(wrong).unwrap_err(), TargetError::Form, "{wrong}");
        }
    }
}

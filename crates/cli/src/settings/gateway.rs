//! `gateway:`, or `RAPPORT_GATEWAY` with the address and `RAPPORT_GATEWAY_TOKEN` with what trackers present.

use std::net::{Ipv4Addr, SocketAddr};

use rapport_rule::Span;
use rapport_rule::yaml::{Fields, Node};

use super::{Reader, Secret};

/// Where the gateway listens when nobody says otherwise: on this machine only.
const PORT: u16 = 8080;

/// Where links in mails lead and trackers send.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// The address.
    pub listen: SocketAddr,
    /// What trackers present as `Authorization: Bearer …`.
    pub token: Option<Secret>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), token: None }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, node: Option<&Node>) -> Option<GatewaySettings> {
    let fields = match node {
        Some(node) => Some(Fields::of(node, reader.path, reader.findings)?),
        None => None,
    };
    let listen = fields.as_ref().and_then(|fields| fields.take("listen"));
    let token = fields.as_ref().and_then(|fields| fields.take("token"));
    if let Some(fields) = fields {
        fields.finish(&["listen", "token"], reader.findings);
    }
    let mut settings = GatewaySettings::default();
    if let Some((span, text)) = reader.value("RAPPORT_GATEWAY", listen) {
        settings.listen = address(reader, span, text.reveal())?;
    }
    settings.token = reader.value("RAPPORT_GATEWAY_TOKEN", token).map(|(_, token)| token);
    Some(settings)
}

fn address(reader: &mut Reader<'_>, span: Span, text: &str) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        reader
            .findings
            .error("R0556", reader.path, span, format!("`{text}` is no address to listen on"))
            .label("write `127.0.0.1:8080`");
    }
    address
}

//! `gateway:`, or `RAPPORT_GATEWAY` with the address and `RAPPORT_GATEWAY_TOKEN` with what trackers present.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rapport_http::{ProviderError, Providers};
use rapport_rule::yaml::{Fields, Node};

use super::{Reader, Secret, Told};

/// Where the gateway listens when nobody says otherwise: on this machine only.
const PORT: u16 = 8080;

/// Where links in mails lead and trackers send.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// The address.
    pub listen: SocketAddr,
    /// What trackers present as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// Mail providers that are believed.
    pub providers: Arc<Providers>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), token: None, providers: Arc::default() }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, node: Option<&Node>, root: &Path) -> Option<GatewaySettings> {
    let fields = match node {
        Some(node) => Some(Fields::of(node, reader.path, reader.findings)?),
        None => None,
    };
    let listen = fields.as_ref().and_then(|fields| fields.take("listen"));
    let token = fields.as_ref().and_then(|fields| fields.take("token"));
    let feedback = fields.as_ref().and_then(|fields| fields.take("feedback"));
    let providers = feedback.map(|node| providers(reader, node, root)).unwrap_or_default();
    if let Some(fields) = fields {
        fields.finish(&["feedback", "listen", "token"], reader.findings);
    }
    let mut settings = GatewaySettings::default();
    if let Some(told) = reader.value("RAPPORT_GATEWAY", listen) {
        settings.listen = address(reader, &told).unwrap_or(settings.listen);
    }
    settings.providers = Arc::new(providers);
    settings.token = reader.value("RAPPORT_GATEWAY_TOKEN", token).map(|told| told.text);
    Some(settings)
}

/// `feedback: { mailgun: { key }, sendgrid: { key }, postmark: { user, password }, ses: { topic, certificate } }`.
fn providers(reader: &mut Reader<'_>, node: &Node, root: &Path) -> Providers {
    let mut providers = Providers::default();
    let Some(fields) = Fields::of(node, reader.path, reader.findings) else { return providers };
    for name in ["mailgun", "sendgrid", "postmark", "ses"] {
        let Some(node) = fields.take(name) else { continue };
        let keys: &[&str] = match name {
            "postmark" => &["user", "password"],
            "ses" => &["topic", "certificate"],
            _ => &["key"],
        };
        let Some(told) = proofs(reader, node, keys) else { continue };
        let done = match (name, told.as_slice()) {
            ("mailgun", [key]) => providers.mailgun(key),
            ("sendgrid", [key]) => providers.sendgrid(key),
            ("postmark", [user, password]) => providers.postmark(user, password),
            ("ses", [topic, file]) => match std::fs::read_to_string(root.join(file)) {
                Ok(certificate) => providers.ses(topic, &certificate),
                Err(_) => Err(ProviderError::Certificate),
            },
            _ => Ok(()),
        };
        if let Err(error) = done {
            reader
                .findings
                .error("R0557", reader.path, node.span, format!("{name}: {error}"))
                .hint("docs/outreach.md tells where each provider shows it.");
        }
    }
    fields.finish(&["mailgun", "postmark", "sendgrid", "ses"], reader.findings);
    providers
}

/// The texts under these keys, if all are there.
fn proofs(reader: &mut Reader<'_>, node: &Node, keys: &[&'static str]) -> Option<Vec<String>> {
    let fields = Fields::of(node, reader.path, reader.findings)?;
    let mut all = Vec::new();
    for key in keys {
        let text = fields.require(key, reader.findings).and_then(|node| reader.text(node));
        all.extend(text);
    }
    fields.finish(&[], reader.findings);
    (all.len() == keys.len()).then_some(all)
}

fn address(reader: &mut Reader<'_>, told: &Told) -> Option<SocketAddr> {
    let address = told.text.reveal().parse().ok();
    if address.is_none() {
        // What stands there is not repeated: it may be the token.
        reader
            .findings
            .error("R0556", &told.path, told.span, "that is no address to listen on")
            .label("write `127.0.0.1:8080`");
    }
    address
}

//! The way to other systems: addresses and secrets from the environment, for the hooks that are declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_engine::ports::caller::{Caller, Captured};
use rapport_engine::rulebooks::Applied;
use rapport_hook::{HttpCaller, Known, Secret, Target};
use rapport_workflow::config::{HookKind, hook_variable};
use tracing::{info, warn};

use crate::exit::Failure;
use crate::settings::Settings;

/// Whoever captures mail captures calls, and the past is told to nobody.
pub fn caller(settings: &Settings, applied: &Applied, replays: bool) -> Result<Arc<dyn Caller>, Failure> {
    let hooks = &applied.rulebook.hooks;
    if hooks.is_empty() || replays || !settings.mail.delivers() {
        return Ok(Arc::new(Captured));
    }
    let mut known = BTreeMap::new();
    for (name, hook) in hooks {
        let variable = hook_variable(name);
        let Some(address) = read(&variable) else {
            warn!(hook = %name, variable, "calls of this hook fail: the environment has no address");
            continue;
        };
        let target = Target::parse(&address).map_err(|error| Failure::input(format!("{variable}: {error}")))?;
        let variable = format!("{variable}_SECRET");
        let secret = match (hook.kind, read(&variable)) {
            (HookKind::Slack, _) => None,
            (HookKind::Webhook, Some(text)) => {
                Some(Secret::parse(&text).map_err(|error| Failure::input(format!("{variable}: {error}")))?)
            }
            (HookKind::Webhook, None) => {
                return Err(Failure::input(format!(
                    "calls of `{name}` cannot be signed: the environment has no {variable}"
                ))
                .help("make one: echo whsec_$(openssl rand -base64 32)"));
            }
        };
        info!(hook = %name, "calls leave this machine");
        known.insert(name.to_string(), Known { target, secret });
    }
    Ok(Arc::new(HttpCaller::new(known)))
}

fn read(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.trim().is_empty())
}

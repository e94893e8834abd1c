//! The loop: requests and notifications one by one; findings are told when nothing more is waiting.

use std::collections::HashMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument,
    Notification as _, PublishDiagnostics,
};
use lsp_types::request::{CodeActionRequest, Completion, Formatting, HoverRequest, Request as _};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionOrCommand, CodeActionParams, CodeActionProviderCapability,
    CompletionOptions, CompletionParams, CompletionResponse, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentFormattingParams, Hover, HoverContents, HoverParams, HoverProviderCapability,
    InitializeParams, MarkupContent, MarkupKind, OneOf, PublishDiagnosticsParams, ServerCapabilities,
    TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextEdit,
    Uri, WorkspaceEdit,
};
use rapport_rule::Span;
use rapport_rule::yaml::format::reformatted;
use serde_json::{Value as Json, json};

use crate::action::{changes, diagnostics};
use crate::place::{offset, path_of, range, uri_of};
use crate::project::{Project, ReadFolder};
use crate::{complete, hover};

/// Why the conversation ended early.
pub type Broken = Box<dyn Error + Sync + Send>;

/// Serves one editor until it says goodbye. `fallback` is the project where the editor names no folder.
///
/// # Errors
/// When the editor breaks the protocol or goes away without a word.
pub fn serve(connection: &Connection, fallback: PathBuf, read: ReadFolder) -> Result<(), Broken> {
    let capabilities = serde_json::to_value(capabilities())?;
    let parameters: InitializeParams = serde_json::from_value(connection.initialize(capabilities)?)?;
    #[allow(deprecated, reason = "older editors name the folder only so")]
    let folder = parameters
        .workspace_folders
        .iter()
        .flatten()
        .find_map(|folder| path_of(&folder.uri))
        .or_else(|| parameters.root_uri.as_ref().and_then(path_of));
    let mut project = Project::new(folder.unwrap_or(fallback), read);
    publish(connection, &mut project)?;
    while let Ok(message) = connection.receiver.recv() {
        let mut changed = false;
        let mut next = Some(message);
        // Whatever waits already is done before the compiler is asked again.
        while let Some(message) = next.take() {
            match message {
                Message::Request(request) => {
                    if connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    connection.sender.send(Message::Response(answer(request, &mut project)))?;
                }
                Message::Notification(notification) => changed |= notice(notification, &mut project),
                Message::Response(_) => {}
            }
            next = connection.receiver.try_recv().ok();
        }
        if changed {
            publish(connection, &mut project)?;
        }
    }
    Ok(())
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(true.into()),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "{", " ", "\"", "["].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

/// Takes in what the editor tells; whether findings may have changed.
fn notice(notification: Notification, project: &mut Project) -> bool {
    let parameters = notification.params;
    match notification.method.as_str() {
        DidOpenTextDocument::METHOD => {
            let Ok(opened) = serde_json::from_value::<DidOpenTextDocumentParams>(parameters) else { return false };
            let Some(file) = path_of(&opened.text_document.uri) else { return false };
            adopt(project, &file);
            let Some(path) = project.inside(&file) else { return false };
            project.open(&path, opened.text_document.text);
            true
        }
        DidChangeTextDocument::METHOD => {
            let Ok(changed) = serde_json::from_value::<DidChangeTextDocumentParams>(parameters) else { return false };
            let Some(path) = inside(project, &changed.text_document.uri) else { return false };
            let mut text = project.text(&path).unwrap_or_default().to_owned();
            for change in changed.content_changes {
                match change.range {
                    None => text = change.text,
                    Some(range) => {
                        let (start, end) = (offset(&text, range.start), offset(&text, range.end));
                        text.replace_range(start.min(end)..end.max(start), &change.text);
                    }
                }
            }
            project.open(&path, text);
            true
        }
        DidCloseTextDocument::METHOD => {
            let Ok(closed) = serde_json::from_value::<DidCloseTextDocumentParams>(parameters) else { return false };
            let Some(path) = inside(project, &closed.text_document.uri) else { return false };
            project.close(&path);
            true
        }
        DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => {
            project.refresh();
            true
        }
        _ => false,
    }
}

/// A file of another project than the folder the editor opened: that project is meant from now on, if nothing is here.
fn adopt(project: &mut Project, file: &std::path::Path) {
    let has_project = project.root().join("config/rapport.yaml").is_file();
    if let Some(root) = Project::root_of(file).filter(|root| !has_project && root != project.root()) {
        project.move_to(root);
    }
}

fn inside(project: &Project, uri: &Uri) -> Option<String> {
    project.inside(&path_of(uri)?)
}

fn answer(request: Request, project: &mut Project) -> Response {
    let Request { id, method, params } = request;
    // What the editor asks must not end the conversation, whatever is wrong here.
    let answered = catch_unwind(AssertUnwindSafe(|| match method.as_str() {
        Completion::METHOD => Some(completion(params, project)),
        HoverRequest::METHOD => Some(hovered(params, project)),
        Formatting::METHOD => Some(formatting(params, project)),
        CodeActionRequest::METHOD => Some(actions(params, project)),
        _ => None,
    }));
    match answered {
        Ok(Some(Some(result))) => Response::new_ok(id, result),
        Ok(Some(None)) => Response::new_ok(id, Json::Null),
        Ok(None) => Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("{method} is not answered")),
        Err(_) => Response::new_err(id, ErrorCode::InternalError as i32, "this is a bug of rapport".to_owned()),
    }
}

/// File, its text, the byte meant, and the text of the workflow whose folder it is in.
fn asked(at: &TextDocumentPositionParams, project: &Project) -> Option<(String, String, usize, Option<String>)> {
    let path = inside(project, &at.text_document.uri)?;
    let text = project.text(&path)?.to_owned();
    let offset = offset(&text, at.position);
    let folder = path.strip_prefix("workflows/").and_then(|rest| rest.split('/').next());
    let workflow = folder.and_then(|id| project.text(&format!("workflows/{id}/workflow.yaml"))).map(str::to_owned);
    Some((path, text, offset, workflow))
}

fn completion(params: Json, project: &mut Project) -> Option<Json> {
    let params: CompletionParams = serde_json::from_value(params).ok()?;
    let (path, text, offset, workflow) = asked(&params.text_document_position, project)?;
    let (_, looked) = project.look();
    let items = complete::complete(&path, &text, offset, &looked.vocabulary, workflow.as_deref());
    serde_json::to_value(CompletionResponse::Array(items)).ok()
}

fn hovered(params: Json, project: &mut Project) -> Option<Json> {
    let params: HoverParams = serde_json::from_value(params).ok()?;
    let (path, text, offset, workflow) = asked(&params.text_document_position_params, project)?;
    let (_, looked) = project.look();
    let (span, value) = hover::hover(&path, &text, offset, &looked.vocabulary, workflow.as_deref())?;
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    serde_json::to_value(Hover { contents, range: Some(range(&text, span)) }).ok()
}

fn formatting(params: Json, project: &Project) -> Option<Json> {
    let params: DocumentFormattingParams = serde_json::from_value(params).ok()?;
    let path = inside(project, &params.text_document.uri)?;
    let text = project.text(&path).filter(|_| path.ends_with(".yaml"))?;
    let edits: Vec<TextEdit> = reformatted(&path, text)
        .map(|new_text| TextEdit { range: range(text, Span::new(0, text.len())), new_text })
        .into_iter()
        .collect();
    serde_json::to_value(edits).ok()
}

#[allow(clippy::mutable_key_type, reason = "the protocol's own type maps addresses to changes")]
fn actions(params: Json, project: &mut Project) -> Option<Json> {
    let params: CodeActionParams = serde_json::from_value(params).ok()?;
    let path = inside(project, &params.text_document.uri)?;
    let (sources, looked) = project.look();
    let all = changes(&path, &looked.findings, sources);
    let edit = |edits: Vec<TextEdit>| WorkspaceEdit {
        changes: Some(HashMap::from([(params.text_document.uri.clone(), edits)])),
        ..WorkspaceEdit::default()
    };
    let touches = |edit: &TextEdit| edit.range.start <= params.range.end && edit.range.end >= params.range.start;
    let mut actions: Vec<CodeActionOrCommand> = Vec::new();
    for (fix, change) in all.iter().filter(|(_, change)| touches(change)) {
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: format!("Write `{}`", fix.instead),
            kind: Some(CodeActionKind::QUICKFIX),
            is_preferred: Some(true),
            edit: Some(edit(vec![change.clone()])),
            ..CodeAction::default()
        }));
    }
    if !all.is_empty() {
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: "Put right all that has one answer".to_owned(),
            kind: Some(CodeActionKind::SOURCE_FIX_ALL),
            edit: Some(edit(all.into_iter().map(|(_, change)| change).collect())),
            ..CodeAction::default()
        }));
    }
    Some(json!(actions))
}

/// Tells the findings of every file that has some, and that there are none where there were.
fn publish(connection: &Connection, project: &mut Project) -> Result<(), Broken> {
    let looked = catch_unwind(AssertUnwindSafe(|| {
        let (sources, looked) = project.look();
        diagnostics(&looked.findings, sources)
    }));
    let Ok(mut all) = looked else { return Ok(()) };
    let now = all.keys().cloned().collect();
    for path in std::mem::replace(&mut project.told, now) {
        all.entry(path).or_default();
    }
    for (path, diagnostics) in all {
        let Some(uri) = uri_of(&project.root().join(&path)) else { continue };
        let told = PublishDiagnosticsParams { uri, diagnostics, version: None };
        connection
            .sender
            .send(Message::Notification(Notification::new(PublishDiagnostics::METHOD.to_owned(), told)))?;
    }
    Ok(())
}

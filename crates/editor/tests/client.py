"""The language server, met by a client of another make: pygls, over stdio, on the real binary.

    python client.py path/to/rapport path/to/project-copy
"""

import asyncio
import pathlib
import sys

from lsprotocol import types
from pygls.lsp.client import LanguageClient


class Editor(LanguageClient):
    def __init__(self):
        super().__init__("rapport-client", "1")
        self.told = {}
        self.news = asyncio.Event()


async def main(rapport, folder):
    editor = Editor()

    @editor.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def _(params):
        editor.told[params.uri] = params.diagnostics
        editor.news.set()

    await editor.start_io(rapport, "lsp", "--dir", str(folder))
    root = folder.resolve().as_uri()
    started = await editor.initialize_async(
        types.InitializeParams(capabilities=types.ClientCapabilities(), root_uri=root, process_id=None)
    )
    assert started.capabilities.hover_provider
    editor.initialized(types.InitializedParams())

    path = folder / "workflows/welcome/workflow.yaml"
    uri, text = path.resolve().as_uri(), path.read_text().replace("once: per partner", "onec: per partner")
    document = types.TextDocumentItem(uri=uri, language_id="yaml", version=1, text=text)
    editor.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))

    async def findings(wanted):
        while not wanted(editor.told.get(uri, [])):
            editor.news.clear()
            await asyncio.wait_for(editor.news.wait(), 30)
        return editor.told[uri]

    codes = {finding.code for finding in await findings(len)}
    assert "R0101" in codes, codes
    line = next(number for number, line in enumerate(text.split("\n")) if line.startswith("onec"))
    here = types.Position(line=line, character=2)
    known = types.TextDocumentIdentifier(uri=uri)
    actions = await editor.text_document_code_action_async(
        types.CodeActionParams(known, types.Range(here, here), types.CodeActionContext(diagnostics=[]))
    )
    edit = actions[0].edit.changes[uri][0]
    assert edit.new_text == "once", edit
    editor.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(uri=uri, version=2),
            [types.TextDocumentContentChangePartial(range=edit.range, text=edit.new_text)],
        )
    )
    await findings(lambda told: not told)

    hover = await editor.text_document_hover_async(types.HoverParams(known, here))
    assert "How often" in hover.contents.value, hover
    proposed = await editor.text_document_completion_async(types.CompletionParams(known, here))
    assert any(item.label == "once" for item in proposed), proposed
    formatted = await editor.text_document_formatting_async(
        types.DocumentFormattingParams(known, types.FormattingOptions(tab_size=2, insert_spaces=True))
    )
    assert not formatted, f"the shipped file is in its form; not {formatted}"
    await editor.shutdown_async(None)
    editor.exit(None)
    print("the language server answers a client of another make")


asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2])))

// A client of the Language Server Protocol, as small as the tests need one: it starts yaml-language-server, opens
// documents in it and asks what an editor asks. https://microsoft.github.io/language-server-protocol/
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const patience = 60_000; // milliseconds that an answer may take

// start starts the server that is installed in the directory of node_modules, over stdio.
export async function start(modules) {
  const bin = fileURLToPath(new URL("yaml-language-server/bin/yaml-language-server", modules));
  const child = spawn(process.execPath, [bin, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map(); // id of a request: what takes its answer
  const told = new Map(); // uri of a document: its diagnostics, or what takes them
  let input = Buffer.alloc(0);
  let requests = 0;

  function send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    child.stdin.write(body);
  }

  function request(method, params) {
    const id = ++requests;
    send({ id, method, params });
    return answer(waiting, id, method);
  }

  function receive(message) {
    if (message.id !== undefined && message.method === undefined) {
      const take = waiting.get(message.id);
      waiting.delete(message.id);
      take?.(message);
    } else if (message.id !== undefined) { // the server asks for settings: it gets its defaults
      const settings = message.method === "workspace/configuration" ? message.params.items.map(() => ({})) : null;
      send({ id: message.id, result: settings });
    } else if (message.method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = message.params;
      const take = told.get(uri);
      told.delete(uri);
      take?.({ result: diagnostics });
    }
  }

  child.stdout.on("data", (chunk) => {
    input = Buffer.concat([input, chunk]);
    for (;;) {
      const head = input.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/i.exec(input.subarray(0, Math.max(head, 0)).toString())?.[1]);
      if (head < 0 || input.length < head + 4 + length) {
        return;
      }
      const body = input.subarray(head + 4, head + 4 + length).toString();
      input = input.subarray(head + 4 + length);
      receive(JSON.parse(body));
    }
  });

  await request("initialize", {
    processId: process.pid, rootUri: null, workspaceFolders: null,
    capabilities: {
      workspace: { configuration: true },
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown", "plaintext"] } },
        hover: { contentFormat: ["markdown", "plaintext"] },
      },
    },
  });
  send({ method: "initialized", params: {} });

  return {
    // open opens a document and returns its diagnostics.
    open(uri, text) {
      const diagnostics = answer(told, uri, "diagnostics of " + uri);
      send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
      return diagnostics;
    },
    close(uri) {
      send({ method: "textDocument/didClose", params: { textDocument: { uri } } });
    },
    complete: (uri, position) => request("textDocument/completion", { textDocument: { uri }, position }),
    hover: (uri, position) => request("textDocument/hover", { textDocument: { uri }, position }),
    async stop() {
      await request("shutdown");
      send({ method: "exit" });
      await once(child, "exit");
    },
  };
}

// answer waits for what the server says under a key, and fails if that takes too long or is an error.
function answer(takers, key, what) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`yaml-language-server gave no ${what}`)), patience);
    takers.set(key, ({ result, error }) => {
      clearTimeout(late);
      error ? reject(new Error(`${what}: ${error.message}`)) : resolve(result);
    });
  });
}

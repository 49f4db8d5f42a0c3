import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { type EventStore, StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

/** What tests call: tools, prompts and resources of every kind, made with the official SDK. */
export function mcpServer(): McpServer {
  const server = new McpServer({ name: "test", version: "1.0.0" });
  const text = (value: unknown) => ({ content: [{ type: "text" as const, text: JSON.stringify(value) }] });
  server.registerTool("add", { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }, { _meta }) =>
    text({ sum: a + b, key: _meta?.["io.durabull/idempotencyKey"] }),
  );
  server.registerTool("environment", {}, () => text(process.env));
  server.registerTool("fail", {}, () => ({ isError: true, content: [{ type: "text", text: "out of stock" }] }));
  server.registerTool("directory", {}, () => text(process.cwd()));
  // The connection breaks; whoever comes back finds the answer.
  server.registerTool("drop", {}, ({ closeSSEStream }) => {
    closeSSEStream?.();
    return text("found again");
  });
  server.registerTool("hang", {}, () => new Promise(() => {}));
  server.registerPrompt("greet", { argsSchema: { who: z.string() } }, ({ who }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Hello ${who}` } }],
  }));
  server.registerResource("readme", "test://readme", {}, ({ href }) => ({
    contents: [{ uri: href, text: "read me" }],
  }));
  const template = new ResourceTemplate("test://items/{id}", { list: undefined });
  server.registerResource("item", template, {}, ({ href }, { id }) => ({
    contents: [{ uri: href, text: `item ${id}` }],
  }));
  return server;
}

export interface McpHttpServer {
  readonly url: string;
  readonly requests: readonly {
    readonly method: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }[];
  /** From now on requests without a digest, whatever it is, are refused. */
  demandDigest(demanded: boolean): void;
  close(): Promise<void>;
}

/** The same over streamable HTTP, a session for each client. */
export async function startMcpServer(): Promise<McpHttpServer> {
  const requests: { method: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  let digest = false;
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    requests.push({ method: request.method ?? "", headers: request.headers, body });
    if (digest && !/^Digest username="ada"/.test(request.headers.authorization ?? "")) {
      const challenge = 'Digest realm="mcp", nonce="n1", qop="auth"';
      return void response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    const known = sessions.get(String(request.headers["mcp-session-id"] ?? ""));
    const transport = known ?? (await newSession(sessions));
    await transport.handleRequest(request, response, body === "" ? undefined : JSON.parse(body));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
    demandDigest(demanded) {
      digest = demanded;
    },
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

async function newSession(
  sessions: Map<string, StreamableHTTPServerTransport>,
): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => `session-${sessions.size + 1}`,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    eventStore: eventStore(),
    retryInterval: 10,
  });
  await mcpServer().connect(transport as Transport);
  return transport;
}

/** What was sent, in order, for those who come back. */
function eventStore(): EventStore {
  const sent: { readonly id: string; readonly stream: string; readonly message: JSONRPCMessage }[] = [];
  return {
    async storeEvent(stream, message) {
      const id = String(sent.length);
      sent.push({ id, stream, message });
      return id;
    },
    async replayEventsAfter(last, { send }) {
      const at = sent.findIndex(({ id }) => id === last);
      const stream = sent[at]?.stream ?? "";
      for (const event of sent.slice(at + 1)) if (event.stream === stream) await send(event.id, event.message);
      return stream;
    },
  };
}

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
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
  close(): Promise<void>;
}

/** The same over streamable HTTP, a session for each client. */
export async function startMcpServer(): Promise<McpHttpServer> {
  const requests: { method: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    requests.push({ method: request.method ?? "", headers: request.headers, body });
    const known = sessions.get(String(request.headers["mcp-session-id"] ?? ""));
    const transport = known ?? (await newSession(sessions));
    await transport.handleRequest(request, response, body === "" ? undefined : JSON.parse(body));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
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
  });
  await mcpServer().connect(transport as Transport);
  return transport;
}

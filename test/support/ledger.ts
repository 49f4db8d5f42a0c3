import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A request that reached the ledger. */
export interface LedgerEntry {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Number of the connection it came over, from 1. */
  readonly connection: number;
}

export type LedgerHandler = (entry: LedgerEntry, response: ServerResponse) => void;

export interface Ledger {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly port: number;
  readonly entries: readonly LedgerEntry[];
  /** What is answered from now on. */
  answer(handler: LedgerHandler): void;
  clear(): void;
  close(): Promise<void>;
}

/** Stands for other people's services: an HTTP server on loopback that writes down what it was asked. Answers 204 until told otherwise. */
export async function startLedger(host = "127.0.0.1"): Promise<Ledger> {
  const entries: LedgerEntry[] = [];
  const connections = new Map<Socket, number>();
  const nothing: LedgerHandler = (_, response) => response.writeHead(204).end();
  let handler = nothing;
  const server = createServer((request, response) => {
    readText(request).then(
      (body) => {
        const connection = connections.get(request.socket) ?? 0;
        const { method = "", url = "", headers } = request;
        const entry = { method, url, headers, body, connection };
        entries.push(entry);
        handler(entry, response);
      },
      () => response.destroy(),
    );
  });
  server.on("connection", (socket) => connections.set(socket, connections.size + 1));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    entries,
    answer(next) {
      handler = next;
    },
    clear() {
      entries.length = 0;
      handler = nothing;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Somebody else's server of messages over HTTP: server-sent events, numbered from 1, and an AsyncAPI document that describes them. */
export interface EventFeed {
  readonly url: string;
  /** Of the document: operation `hear` of channel `/feed`. */
  readonly document: string;
  /** `Last-Event-ID` of each who came to listen, oldest first. */
  readonly listeners: readonly (string | undefined)[];
  send(...payloads: readonly unknown[]): void;
  /** Ends all responses. */
  hangUp(): void;
  close(): Promise<void>;
}

/** Who comes with a `Last-Event-ID` is given the events after that, others those from then on. */
export async function startEventFeed(): Promise<EventFeed> {
  const sent: string[] = [];
  const listeners: (string | undefined)[] = [];
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url !== "/feed") {
      const channel = { channel: { $ref: "#/channels/feed" } };
      const document = {
        asyncapi: "3.0.0",
        servers: { main: { protocol: "http", host: request.headers.host } },
        channels: { feed: { address: "/feed" } },
        operations: { hear: { action: "receive", ...channel } },
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
      return;
    }
    const last = request.headers["last-event-id"];
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    for (const event of typeof last === "string" ? sent.slice(Number(last)) : []) response.write(event);
    open.add(response);
    response.on("close", () => open.delete(response));
    listeners.push(typeof last === "string" ? last : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    document: `${url}/asyncapi.json`,
    listeners,
    send(...payloads) {
      for (const payload of payloads) {
        const event = `id: ${sent.length + 1}\ndata: ${JSON.stringify(payload)}\n\n`;
        sent.push(event);
        for (const response of open) response.write(event);
      }
    },
    hangUp() {
      for (const response of open) response.end();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

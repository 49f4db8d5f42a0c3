import { isIP } from "node:net";
import type { WebSocket } from "ws";
import { plainHost } from "../http/address-policy.ts";
import { guardedLookup } from "../http/agent.ts";
import {
  allowedAddress,
  bodiesUntilLast,
  bodyOf,
  CONNECT_TIMEOUT_MS,
  type Exchange,
  type Protocol,
} from "./protocol.ts";
import type { Target } from "./target.ts";

/** WebSocket: the channel's address is the path of its server; headers are those of the handshake. */
export const websocket: Protocol = {
  publish: (target, message, exchange) =>
    connected(target, exchange, message.headers, async (socket) => {
      await new Promise<void>((resolve, reject) => {
        socket.send(bodyOf(message), (error) => (error ? reject(error) : resolve()));
      });
      // The server has what was sent before the closing handshake that it answers.
      await new Promise<void>((resolve) => {
        socket.removeAllListeners("close");
        socket.on("close", () => resolve());
        socket.close(1_000);
      });
    }),
  subscribe: (target, exchange, take) =>
    connected(target, exchange, {}, (socket) =>
      bodiesUntilLast(target, take, (hand) => {
        socket.on("message", (data) => hand(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)));
      }),
    ),
};

async function connected(
  target: Target,
  { policy, signal, idempotencyKey }: Exchange,
  headers: Readonly<Record<string, string>>,
  work: (socket: WebSocket) => Promise<void>,
): Promise<void> {
  const { url, secure, address } = target;
  const { WebSocket } = await import("ws");
  if (isIP(plainHost(url.hostname)) !== 0) await allowedAddress(url.hostname, policy);
  signal.throwIfAborted();
  const path = `${url.pathname.replace(/\/$/, "")}/${address.replace(/^\//, "")}`;
  const credentials = url.username === "" ? "" : `${url.username}:${url.password}@`;
  const socket = new WebSocket(`${secure ? "wss" : "ws"}://${credentials}${url.host}${path}${url.search}`, {
    headers: { "user-agent": "durabull", "idempotency-key": idempotencyKey, ...headers },
    handshakeTimeout: CONNECT_TIMEOUT_MS,
    maxPayload: policy.maxResponseBytes,
    followRedirects: false,
    lookup: guardedLookup(policy),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      socket.on("error", reject);
      socket.on("close", (code) => reject(new Error(`the server closed the connection (${code})`)));
      socket.on("open", () => work(socket).then(resolve, reject));
    });
  } finally {
    socket.removeAllListeners();
    socket.on("error", () => {});
    socket.terminate();
  }
}

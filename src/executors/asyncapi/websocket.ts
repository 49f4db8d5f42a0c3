import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { WebSocket } from "ws";
import { plainHost } from "../http/address-policy.ts";
import { guardedLookup } from "../http/agent.ts";
import { ProblemError } from "../http/problem-error.ts";
import { LoginRefusedError } from "./login.ts";
import {
  allowedAddress,
  bodyOf,
  CONNECT_TIMEOUT_MS,
  type Exchange,
  handOver,
  inbound,
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
      handOver(exchange, take, (hand) => {
        socket.on("message", (data) => {
          const body = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
          hand(() => inbound(body, target.contentType), body.length);
        });
      }),
    ),
};

async function connected(
  target: Target,
  { policy, signal, idempotencyKey, login }: Exchange,
  headers: Readonly<Record<string, string>>,
  work: (socket: WebSocket) => Promise<void>,
): Promise<void> {
  const { url, secure, address } = target;
  const { WebSocket } = await import("ws");
  if (isIP(plainHost(url.hostname)) !== 0) await allowedAddress(url.hostname, policy);
  signal.throwIfAborted();
  const path = `${url.pathname.replace(/\/$/, "")}/${address.replace(/^\//, "")}`;
  const asked = new URL(`${url.protocol}//${url.host}${path}${url.search}`);
  for (const [name, value] of Object.entries(login.query)) asked.searchParams.set(name, value);
  const uri = asked.pathname + asked.search;
  const socket = new WebSocket(`${secure ? "wss" : "ws"}://${url.host}${uri}`, {
    headers: { "user-agent": "durabull", "idempotency-key": idempotencyKey, ...headers, ...login.headers },
    handshakeTimeout: CONNECT_TIMEOUT_MS,
    maxPayload: policy.maxResponseBytes,
    followRedirects: false,
    lookup: guardedLookup(policy),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      socket.on("error", reject);
      socket.on("unexpected-response", (_, response) => reject(refusal(response, url.host, uri)));
      socket.on("close", (code) => reject(new Error(`the server closed the connection (${code})`)));
      socket.on("open", () => work(socket).then(resolve, reject));
    });
  } finally {
    socket.removeAllListeners();
    socket.on("error", () => {});
    socket.terminate();
  }
}

/** An answer other than the switch of protocols. */
function refusal(response: IncomingMessage, host: string, uri: string): ProblemError {
  response.resume();
  const { statusCode = 500, headers } = response;
  const detail = `the handshake with ${host}: answered ${statusCode}`;
  if (statusCode !== 401) return new ProblemError("communication", detail, statusCode);
  return new LoginRefusedError("communication", detail, { method: "GET", uri, body: "" }, headers["www-authenticate"]);
}

import { lookup } from "node:dns/promises";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import type { AsyncapiMessage } from "../../dsl/tasks/call-asyncapi.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { type AddressPolicy, checkAddress, plainHost } from "../http/address-policy.ts";
import { contentOf } from "../http/content.ts";
import { ProblemError } from "../http/problem-error.ts";
import type { Login } from "./login.ts";
import type { Target } from "./target.ts";

/** A message as expressions see it. */
export type InboundMessage = {
  readonly payload: Json;
  readonly headers: JsonObject;
  readonly correlationId?: string;
};

/** What a protocol needs besides the target. */
export interface Exchange {
  readonly policy: AddressPolicy & { readonly maxResponseBytes: number };
  /** The same for every repeat of one logical call. */
  readonly idempotencyKey: string;
  readonly login: Login;
  readonly signal: AbortSignal;
}

/** One protocol. Both end when the signal aborts, by throwing its reason, and with a `LoginRefusedError` when the server takes no such login. */
export interface Protocol {
  /** Resolves once the server has the message. */
  publish(target: Target, message: AsyncapiMessage, exchange: Exchange): Promise<void>;
  /** Hands over messages as they come, until `take` answers false. Throws when the server goes away. */
  subscribe(target: Target, exchange: Exchange, take: (message: InboundMessage) => boolean): Promise<void>;
}

/** How long a connection may take to stand. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** An address of the host that the policy allows, every one of them checked. @throws {AddressDeniedError} */
export async function allowedAddress(host: string, policy: AddressPolicy): Promise<string> {
  const name = plainHost(host);
  const addresses = isIP(name) === 0 ? (await lookup(name, { all: true })).map(({ address }) => address) : [name];
  for (const address of addresses) checkAddress(policy, name, address);
  return addresses[0] ?? name;
}

/** A socket to an address that was checked, which the certificate must be for the name of. */
export function socketTo(address: string, { url, secure }: Target, defaultPort: number): Socket {
  const port = Number(url.port) || defaultPort;
  const name = plainHost(url.hostname);
  const servername = isIP(name) === 0 ? { servername: name } : {};
  return secure ? connectSecure({ host: address, port, ...servername }) : connectPlain({ host: address, port });
}

export function inbound(body: Buffer, contentType: string | undefined, headers: JsonObject = {}): InboundMessage {
  const payload = contentOf(body, contentType ?? "");
  const id =
    headers.correlationId ?? headers["correlation-id"] ?? (isJsonObject(payload) ? payload.correlationId : undefined);
  return { payload, headers, ...(typeof id === "string" ? { correlationId: id } : {}) };
}

/** Waits for bodies until one has been taken as the last; `listen` is given what each is to be handed to, and how to give up. */
export function bodiesUntilLast(
  { contentType }: Target,
  take: (message: InboundMessage) => boolean,
  listen: (hand: (body: Buffer) => void, fail: (error: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    listen((body) => {
      try {
        if (!take(inbound(body, contentType))) resolve();
      } catch (error) {
        reject(error);
      }
    }, reject);
  });
}

/** The body of a message: text as it is, all else as JSON. */
export function bodyOf({ payload }: AsyncapiMessage): string {
  return typeof payload === "string" ? payload : JSON.stringify(payload);
}

/** @throws {ProblemError} for a protocol whose messages have no headers. */
export function refuseHeaders({ headers }: AsyncapiMessage, protocol: string): void {
  if (Object.keys(headers).length === 0) return;
  throw new ProblemError("configuration", `messages over ${protocol} have no headers: put them into the payload`);
}

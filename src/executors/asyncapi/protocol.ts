import { lookup } from "node:dns/promises";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import type { AsyncapiMessage } from "../../dsl/tasks/call-asyncapi.ts";
import type { ActivityContext } from "../../ports/executor.ts";
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
  /** Of a subscription that goes on: the last message that was kept before. */
  readonly last?: InboundMessage | undefined;
  /** Absent where each message is kept by itself: then it is acknowledged at once. Else once the result is, if it is. */
  readonly whenOver?: ActivityContext["whenOver"];
  /** How many messages will be kept at most. */
  readonly wanted?: number | undefined;
}

/** What became of a message: passed by, or kept. */
export type Fate = "passed" | "kept";
/**
 * Called with one message after another; whether more are wanted. `settled` is told what became of the message as soon as that is sure,
 * which may be long before it is known whether there shall be another.
 */
export type Take = (message: InboundMessage, settled: (fate: Fate) => void) => Promise<boolean>;

/** One protocol. Both end when the signal aborts, by throwing its reason, and with a `LoginRefusedError` when the server takes no such login. */
export interface Protocol {
  /** Resolves once the server has the message. */
  publish(target: Target, message: AsyncapiMessage, exchange: Exchange): Promise<void>;
  /** Hands over messages as they come, until `take` wants no more. Throws when the server goes away. */
  subscribe(target: Target, exchange: Exchange, take: Take): Promise<void>;
  /**
   * Whether the server holds back what was not acknowledged, and gives it again: then it need not be taken before it can be worked on,
   * and nothing is taken that nobody wants.
   */
  holdsBack?(target: Target): boolean;
  /** What the server keeps for a subscription that has ended is dropped. */
  forget?(target: Target, exchange: Exchange): Promise<void>;
}

/** How long a connection may take to stand. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** How long a connection is silent before TCP asks whether the other side is there. */
const KEEP_ALIVE_MS = 30_000;

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
  const how = { host: address, port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  return secure ? connectSecure({ ...how, ...servername }) : connectPlain(how);
}

export function inbound(body: Buffer, contentType: string | undefined, headers: JsonObject = {}): InboundMessage {
  const payload = contentOf(body, contentType ?? "");
  const id =
    headers.correlationId ?? headers["correlation-id"] ?? (isJsonObject(payload) ? payload.correlationId : undefined);
  return { payload, headers, ...(typeof id === "string" ? { correlationId: id } : {}) };
}

/** `settled` is not told of what nobody wants any more. */
type Hand = (message: () => InboundMessage, bytes: number, settled?: (fate: Fate) => void) => void;

/**
 * Hands messages over one after another, until one was the last. `listen` is given what each is to be handed to, and how to give up.
 */
export function handOver(
  { policy }: Pick<Exchange, "policy">,
  take: Take,
  listen: (hand: Hand, fail: (error: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let before: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    let isOver = false;
    const fail = (error: unknown) => {
      isOver = true;
      reject(error);
    };
    const handed = async (message: () => InboundMessage, settled: (fate: Fate) => void): Promise<void> => {
      if (isOver || (await take(message(), settled))) return;
      isOver = true;
      resolve();
    };
    listen((message, bytes, settled = () => {}) => {
      waiting += bytes;
      if (waiting > policy.maxResponseBytes) fail(tooLong(policy));
      before = before
        .then(() => handed(message, settled))
        .catch(fail)
        .finally(() => {
          waiting -= bytes;
        });
    }, fail);
  });
}

/** What waits, or what is collected, is too much. */
export function tooLong({ maxResponseBytes }: Exchange["policy"]): ProblemError {
  const detail = `the messages are longer than ${maxResponseBytes} bytes (HTTP_MAX_RESPONSE_BYTES)`;
  return new ProblemError("communication", detail);
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

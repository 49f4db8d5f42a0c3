import { createParser } from "eventsource-parser";
import type { JsonObject } from "../../values/json.ts";
import type { Fetch } from "../http/guarded-fetch.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type Login, LoginRefusedError } from "./login.ts";
import { bodyOf, type Exchange, inbound, type Protocol, type Take, tooLong } from "./protocol.ts";
import type { Target } from "./target.ts";

/**
 * HTTP: a message is published by a request with the method of the operation's bindings (POST without one), and consumed from a response that does not end: server-sent events, or a JSON text
 * on each line.
 *
 * @param endless for responses that go on, with no limit of their whole length.
 */
export function httpProtocol(fetch: Fetch, endless: Fetch): Protocol {
  return {
    async publish(target, message, { idempotencyKey, signal, login }) {
      const type = typeof message.payload === "string" ? "text/plain;charset=UTF-8" : "application/json";
      const headers = {
        "content-type": target.contentType ?? type,
        "idempotency-key": idempotencyKey,
        ...message.headers,
      };
      const response = await send(fetch, target, login, {
        headers,
        body: bodyOf(message),
        method: methodOf(target, "POST"),
        signal,
      });
      await response.body?.cancel();
    },
    async subscribe(target, exchange, take) {
      const { signal, login, last } = exchange;
      const id = last?.headers.id;
      const headers = {
        accept: "text/event-stream, application/x-ndjson, application/jsonl",
        // A server that knows its events gives those after it.
        ...(typeof id === "string" ? { "last-event-id": id } : {}),
      };
      const response = await send(endless, target, login, { headers, method: methodOf(target, "GET"), signal });
      await consume(response, target, exchange, take);
    },
  };
}

async function send(
  fetch: Fetch,
  { url, address }: Target,
  login: Login,
  init: RequestInit & { readonly method: string; readonly body?: string },
): Promise<Response> {
  const { method, body = "" } = init;
  const path = `${url.pathname.replace(/\/$/, "")}/${address.replace(/^\//, "")}`;
  const asked = new URL(path + url.search, url.origin);
  for (const [name, value] of Object.entries(login.query)) asked.searchParams.set(name, value);
  const headers = { "user-agent": "durabull", ...(init.headers as Record<string, string>), ...login.headers };
  const response = await fetch(asked, { ...init, headers });
  if (response.ok) return response;
  await response.body?.cancel();
  const detail = `${method} ${url.origin}: answered ${response.status}`;
  if (response.status !== 401) throw new ProblemError("communication", detail, response.status);
  const challenge = response.headers.get("www-authenticate") ?? undefined;
  throw new LoginRefusedError("communication", detail, { method, uri: asked.pathname + asked.search, body }, challenge);
}

function methodOf({ bindings }: Target, usual: string): string {
  return typeof bindings.method === "string" ? bindings.method.toUpperCase() : usual;
}

async function consume(response: Response, target: Target, exchange: Exchange, take: Take): Promise<void> {
  const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const split = isEvents ? eventsIn() : linesIn();
  const decoder = new TextDecoder();
  const { maxResponseBytes } = exchange.policy;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    for (const message of split.feed(decoder.decode(chunk, { stream: true }))) {
      if (!(await handed(message, target, take))) return;
    }
    if (split.pending() > maxResponseBytes) throw tooLong(exchange.policy);
  }
  exchange.signal.throwIfAborted();
  for (const message of split.rest()) if (!(await handed(message, target, take))) return;
  throw new ProblemError("communication", "the server ended the response before the subscription was satisfied");
}

interface Message {
  readonly text: string;
  readonly headers: JsonObject;
}

async function handed({ text, headers }: Message, { contentType }: Target, take: Take): Promise<boolean> {
  return text.trim() === "" || take(inbound(Buffer.from(text), contentType, headers), () => {});
}

/** A text cut into messages as it comes. */
interface Splitter {
  feed(text: string): readonly Message[];
  /** Characters of a message that is not whole yet. */
  pending(): number;
  /** What is left at the end. */
  rest(): readonly Message[];
}

function linesIn(): Splitter {
  let rest = "";
  return {
    feed(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      return lines.map((line) => ({ text: line, headers: {} }));
    },
    pending: () => rest.length,
    rest: () => [{ text: rest, headers: {} }],
  };
}

function eventsIn(): Splitter {
  const found: Message[] = [];
  let pending = 0;
  const parser = createParser({
    onEvent: ({ data, event, id }) => {
      pending = 0;
      found.push({
        text: data,
        headers: { ...(event === undefined ? {} : { event }), ...(id === undefined ? {} : { id }) },
      });
    },
    onComment: () => {
      pending = 0;
    },
  });
  return {
    feed(text) {
      pending += text.length;
      parser.feed(text);
      return found.splice(0);
    },
    pending: () => pending,
    rest: () => [],
  };
}

import { createParser } from "eventsource-parser";
import type { Json } from "../../values/json.ts";
import type { Fetch } from "../http/guarded-fetch.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type Login, LoginRefusedError } from "./login.ts";
import { bodyOf, type Exchange, inbound, type Protocol } from "./protocol.ts";
import type { Target } from "./target.ts";

/**
 * HTTP: a message is published by a request with the method of the operation's bindings (POST without one), and consumed from a response that does not end: server-sent events, or a JSON text
 * on each line.
 */
export function httpProtocol(fetch: Fetch): Protocol {
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
      const headers = { accept: "text/event-stream, application/x-ndjson, application/jsonl" };
      const { signal, login } = exchange;
      const response = await send(fetch, target, login, { headers, method: methodOf(target, "GET"), signal });
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

async function consume(
  response: Response,
  target: Target,
  { signal }: Exchange,
  take: Parameters<Protocol["subscribe"]>[2],
): Promise<void> {
  let goesOn = true;
  const handle = (text: string, headers: Readonly<Record<string, Json>> = {}) => {
    if (goesOn && text.trim() !== "") goesOn = take(inbound(Buffer.from(text), target.contentType, headers));
  };
  const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const events = createParser({
    onEvent: ({ data, event, id }) =>
      handle(data, { ...(event === undefined ? {} : { event }), ...(id === undefined ? {} : { id }) }),
  });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    const text = decoder.decode(chunk, { stream: true });
    if (isEvents) events.feed(text);
    else {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) handle(line);
    }
    if (!goesOn) return;
  }
  signal.throwIfAborted();
  handle(rest);
  if (goesOn)
    throw new ProblemError("communication", "the server ended the response before the subscription was satisfied");
}

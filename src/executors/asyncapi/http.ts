import { createParser } from "eventsource-parser";
import type { Json } from "../../values/json.ts";
import type { Fetch } from "../http/guarded-fetch.ts";
import { ProblemError } from "../http/problem-error.ts";
import { bodyOf, type Exchange, inbound, type Protocol } from "./protocol.ts";
import type { Target } from "./target.ts";

/**
 * HTTP: a message is published by a request with the method of the operation's bindings (POST without one), and consumed from a response that does not end: server-sent events, or a JSON text
 * on each line.
 */
export function httpProtocol(fetch: Fetch): Protocol {
  return {
    async publish(target, message, { idempotencyKey, signal }) {
      const type = typeof message.payload === "string" ? "text/plain;charset=UTF-8" : "application/json";
      const headers = {
        "content-type": target.contentType ?? type,
        "idempotency-key": idempotencyKey,
        ...message.headers,
      };
      const response = await send(fetch, target, {
        headers,
        body: bodyOf(message),
        method: methodOf(target, "POST"),
        signal,
      });
      await response.body?.cancel();
    },
    async subscribe(target, exchange, take) {
      const headers = { accept: "text/event-stream, application/x-ndjson, application/jsonl" };
      const { signal } = exchange;
      const response = await send(fetch, target, { headers, method: methodOf(target, "GET"), signal });
      await consume(response, target, exchange, take);
    },
  };
}

async function send(fetch: Fetch, { url, address }: Target, init: RequestInit): Promise<Response> {
  const path = `${url.pathname.replace(/\/$/, "")}/${address.replace(/^\//, "")}`;
  const headers = { "user-agent": "durabull", ...(init.headers as Record<string, string>), ...credentialsOf(url) };
  const response = await fetch(new URL(path + url.search, url.origin), { ...init, headers });
  if (response.ok) return response;
  await response.body?.cancel();
  throw new ProblemError("communication", `${init.method} ${url.origin}: answered ${response.status}`, response.status);
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString("base64")}` };
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

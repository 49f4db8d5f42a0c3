import { createParser, type EventSourceMessage } from "eventsource-parser";
import { ApiError, ServiceUnreachableError } from "./errors.ts";

export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** How long connections may fail in a row before that is thrown, in milliseconds; default 60 000. The first one fails at once. */
  readonly giveUpAfterMs?: number;
}

/** No sign of life for this long: the connection is dead, though nobody said so. The service gives one every `STREAM_HEARTBEAT`. */
const SILENCE_MS = 60_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The messages of a stream of server-sent events over as many connections as it takes. Each goes on after the last message of the one
 * before, so none is missed and none comes twice. Ends when the service says that nothing more will come, or `signal` aborts.
 *
 * @param connect opens the stream after an id; undefined when nothing more will come.
 * @throws {ApiError} when the service refuses, {ServiceUnreachableError} when it does not answer for too long.
 */
export async function* resumed(
  connect: (lastId: string | undefined, signal: AbortSignal) => Promise<Response | undefined>,
  after: string | undefined,
  { signal, giveUpAfterMs = 60_000 }: StreamOptions,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  let lastId = after;
  let failingSince: number | undefined;
  let wasConnected = false;
  let pauseMs = SHORTEST_PAUSE_MS;
  while (signal?.aborted !== true) {
    const connection = new AbortController();
    const abort = () => connection.abort();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const response = await connect(lastId, connection.signal);
      if (response === undefined) return;
      wasConnected = true;
      for await (const message of messagesOf(response, connection)) {
        failingSince = undefined;
        pauseMs = SHORTEST_PAUSE_MS;
        if (message.id !== undefined) lastId = message.id;
        yield message;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (!wasConnected || (error instanceof ApiError && error.status < 500)) throw error;
      failingSince ??= performance.now();
      if (performance.now() - failingSince > giveUpAfterMs) throw unreachable(error);
    } finally {
      signal?.removeEventListener("abort", abort);
      connection.abort();
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

async function* messagesOf(
  response: Response,
  connection: AbortController,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const parsed: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => parsed.push(message),
    // A place to go on from that comes with no event.
    onComment(comment) {
      const [, event, id] = /^ ?(ready|reset) (\S+)$/.exec(comment) ?? [];
      if (event !== undefined && id !== undefined) parsed.push({ id, event, data: "" });
    },
  });
  const text = new TextDecoder();
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined) {
      const silence = setTimeout(() => connection.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      parser.feed(text.decode(value, { stream: true }));
      yield* parsed.splice(0);
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

function unreachable(error: unknown): unknown {
  return error instanceof ApiError || error instanceof ServiceUnreachableError
    ? error
    : new ServiceUnreachableError("the stream", { cause: error });
}

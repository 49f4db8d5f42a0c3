import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { RequestRefusedError } from "./request-errors.ts";

export const EVENT_STREAM = "text/event-stream";

export interface StreamLimits {
  /** Open at once in this process. */
  readonly max: number;
  /** Between two signs of life; a reader that takes nothing for as long is cut. */
  readonly heartbeatMs: number;
}
export const STREAM_LIMITS: StreamLimits = { max: 2_000, heartbeatMs: 15_000 };

/** How long a client waits before it connects again. */
const RETRY_MS = 1_000;

export interface EventStreams {
  /**
   * Answers with server-sent events. `begin` may still refuse; undefined tells the client that there is nothing more to come (204), so
   * that a browser does not connect again. The next block is asked for when the reader has taken the last one: nothing is piled up.
   *
   * @throws {RequestRefusedError} while as many are open as may be.
   */
  serve(request: FastifyRequest, reply: FastifyReply, begin: Begin): Promise<void>;
  /** Ends all, in good order: clients go on elsewhere. */
  close(): void;
}
/** `signal` aborts when the reader has gone or the process ends. */
export type Begin = (signal: AbortSignal) => Promise<AsyncIterable<string> | undefined>;

/** One event as text; `data` is written as JSON. */
export function eventText(id: string | number, event: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function createEventStreams({ max, heartbeatMs }: StreamLimits): EventStreams {
  const open = new Set<AbortController>();
  return {
    async serve(request, reply, begin) {
      if (open.size >= max) {
        throw new RequestRefusedError(
          "DURABULL_TOO_MANY_STREAMS",
          `STREAMS_MAX: this process has ${max} streams open and takes no more; try again later, or another process`,
        );
      }
      const controller = new AbortController();
      open.add(controller);
      const gone = () => controller.abort();
      reply.raw.once("close", gone);
      try {
        const blocks = await begin(controller.signal);
        if (blocks === undefined) await reply.code(204).send();
        else if (request.method === "HEAD") await reply.type(EVENT_STREAM).send();
        else {
          reply.hijack();
          await pump(request, reply, blocks, heartbeatMs);
        }
      } finally {
        open.delete(controller);
        reply.raw.removeListener("close", gone);
        controller.abort();
      }
    },
    close() {
      for (const controller of open) controller.abort();
    },
  };
}

async function pump(
  request: FastifyRequest,
  reply: FastifyReply,
  blocks: AsyncIterable<string>,
  heartbeatMs: number,
): Promise<void> {
  const { raw } = reply;
  const headers = {
    ...reply.getHeaders(),
    "content-type": `${EVENT_STREAM}; charset=utf-8`,
    "x-accel-buffering": "no",
    // A process that drains waits for its connections: one that is kept for a next request would hold it up.
    connection: "close",
  };
  raw.writeHead(200, headers as Record<string, string>);
  raw.write(`retry: ${RETRY_MS}\n\n`);
  let isStuck = false;
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(": \n\n");
    else if (isStuck) raw.destroy();
    isStuck = raw.writableNeedDrain;
  }, heartbeatMs);
  raw.on("drain", () => {
    isStuck = false;
  });
  try {
    for await (const block of blocks) {
      if (raw.destroyed) break;
      if (!raw.write(block)) await drained(raw);
    }
    raw.end();
  } catch (error) {
    // The answer has begun: all that can be said is that it is cut short.
    request.log.warn({ err: error }, "a stream ended early");
    raw.destroy();
  } finally {
    clearInterval(heartbeat);
  }
}

function drained(raw: ServerResponse): Promise<void> {
  if (raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const go = () => {
      raw.removeListener("drain", go);
      raw.removeListener("close", go);
      resolve();
    };
    raw.once("drain", go);
    raw.once("close", go);
  });
}

import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import type { FastifyInstance, RouteHandlerMethod } from "fastify";
import { StoreUnavailableError } from "../../errors.ts";
import { sendProblem } from "../send-problem.ts";

export type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0];

/** Bull Board's own page: it styles inline; the fonts it would fetch from elsewhere are not needed. */
const BOARD_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Bull Board sets no limit of its own, and asks for several things in a row. */
const ANSWERS_WITHIN_MS = 1_500;

export interface QueueBoardOptions {
  /** Asked again whenever the page is: queues of new names may have come. */
  readonly queues: () => readonly BoardQueue[];
  readonly prefix: string;
  /** Whether the servers answer: what failed was then the board's own business. */
  readonly isReady: () => Promise<boolean>;
}

/** Bull Board at `prefix`. While its server is away or hangs, it answers like the API: 503, in time. */
export async function queueBoard(app: FastifyInstance, { queues, prefix, isReady }: QueueBoardOptions): Promise<void> {
  const adapter = new FastifyAdapter().setBasePath(prefix);
  let shown = queues();
  const board = createBullBoard({
    queues: shown.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: "Durabull queues", hideRedisDetails: true } },
  });
  await app.register(
    async (scope) => {
      scope.addHook("onRequest", async (_request, reply) => {
        reply.header("content-security-policy", BOARD_POLICY);
        const now = queues();
        if (now.length === shown.length && now.every((queue, index) => queue === shown[index])) return;
        shown = now;
        board.replaceQueues(shown.map((queue) => new BullMQAdapter(queue)));
      });
      scope.addHook("onRoute", (route) => {
        route.handler = inTime(route.handler, isReady);
      });
      await scope.register(adapter.registerPlugin());
    },
    { prefix },
  );
}

/**
 * The plugin replaces the error handler, so a problem is sent from here. An answer that comes after it is dropped: what was asked of the
 * queues may still happen, as after any 503.
 */
function inTime(handler: RouteHandlerMethod, isReady: () => Promise<boolean>): RouteHandlerMethod {
  return async function (request, reply) {
    try {
      return await withinTime(async () => handler.call(this, request, reply));
    } catch (error) {
      if (reply.sent) return reply;
      if (!(error instanceof StoreUnavailableError) && (await withinTime(isReady).catch(() => false))) throw error;
      return sendProblem(request, reply, new StoreUnavailableError("the queue store", { cause: error }));
    }
  };
}

async function withinTime<Result>(operation: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const cause = new Error(`no answer within ${ANSWERS_WITHIN_MS} ms`);
    timer = setTimeout(() => reject(new StoreUnavailableError("the queue store", { cause })), ANSWERS_WITHIN_MS);
  });
  try {
    return await Promise.race([operation(), late]);
  } finally {
    clearTimeout(timer);
  }
}

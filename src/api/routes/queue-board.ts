import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import type { FastifyInstance } from "fastify";

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

/** Bull Board at `prefix`. `queues` is asked again whenever its page is: queues of new names may have come. */
export async function queueBoard(
  app: FastifyInstance,
  { queues, prefix }: { readonly queues: () => readonly BoardQueue[]; readonly prefix: string },
): Promise<void> {
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
      await scope.register(adapter.registerPlugin());
    },
    { prefix },
  );
}

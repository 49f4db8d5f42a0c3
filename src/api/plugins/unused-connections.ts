import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/**
 * Browsers and HTTP clients open connections that they may need. A server that closes waits for those on which nothing ever came, as
 * they are neither idle nor at work: they are cut, so that they do not hold up a drain.
 */
export function cutUnusedConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  let isClosing = false;
  app.server.on("connection", (socket: Socket) => {
    if (isClosing) socket.destroy();
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  app.server.on("request", ({ socket }) => unused.delete(socket));
  app.addHook("preClose", async () => {
    isClosing = true;
    for (const socket of unused) socket.destroy();
  });
}

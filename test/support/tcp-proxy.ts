import { connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server on this machine, and spoils what comes back. */
export interface TcpProxy {
  readonly port: number;
  /** What the server sends is handed through this; null is swallowed and ends the connection. */
  answer(change: (bytes: Buffer) => Buffer | null): void;
  close(): Promise<void>;
}

export async function startTcpProxy(serverPort: number): Promise<TcpProxy> {
  let change: (bytes: Buffer) => Buffer | null = (bytes) => bytes;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(serverPort, "127.0.0.1");
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => {
      const changed = change(bytes);
      if (changed === null) end();
      else client.write(changed);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    answer(next) {
      change = next;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

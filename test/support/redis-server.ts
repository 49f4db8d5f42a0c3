import { connect } from "node:net";
import { freePort } from "./free-port.ts";
import { ensureRedisServer } from "./install.ts";
import { dataDirectory, startServer, type TestServer } from "./server-process.ts";

export interface RedisOptions {
  /** When the append-only file is flushed; "off" keeps nothing. Default: "everysec". */
  readonly appendfsync?: "always" | "everysec" | "off";
  readonly port?: number;
  /** A cluster of this one node, which refuses commands and scripts whose keys are in several slots. */
  readonly cluster?: boolean;
  /** More arguments of `redis-server`, which win over those above. */
  readonly more?: readonly string[];
  /** An existing directory; default: a fresh one, removed at exit. */
  readonly dir?: string;
}

export async function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  ensureRedisServer();
  const port = options.port ?? (await freePort());
  const dir = dataDirectory(options.dir, "durabull-redis-");
  return startServer({
    url: `redis://127.0.0.1:${port}`,
    port,
    command: "redis-server",
    args: [
      ...redisArgs(port, dir.path, options.appendfsync ?? "everysec"),
      ...(options.more ?? []),
      // The usual port of its bus, 10,000 further on, may be that of an outgoing connection.
      ...(options.cluster ? ["--cluster-enabled", "yes", "--cluster-port", String(await freePort())] : []),
    ],
    uid: undefined,
    dir,
    stopSignal: "SIGTERM",
    abortSignal: "SIGKILL",
    isReady: () => answersPing(port),
  });
}

function redisArgs(port: number, dir: string, appendfsync: "always" | "everysec" | "off"): string[] {
  const network = ["--port", String(port), "--bind", "127.0.0.1", "--daemonize", "no"];
  const memory = ["--maxmemory-policy", "noeviction"];
  const log = appendfsync === "off" ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", appendfsync];
  return [...network, ...memory, "--save", "", "--dir", dir, ...log];
}

/** False while it still loads its data. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const settle = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once("error", () => settle(false));
    socket.once("data", (answer) => settle(answer.toString().startsWith("+PONG")));
  });
}

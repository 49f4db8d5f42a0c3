import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import { freePort } from "./free-port.ts";
import { ensureRabbitmq, pathOf } from "./install.ts";
import { accepts } from "./mosquitto-server.ts";
import { dataDirectory, startServer, type TestServer } from "./server-process.ts";

/** What `rabbitmq-server` on the PATH of Debian changes to another user for. */
const SERVER_OF_DEBIAN = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/** It takes some ten seconds on a machine that has nothing else to do. */
const START_LIMIT_MS = 120_000;

export interface RabbitmqServer extends TestServer {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** The same behind TLS, and the file of the certificate that a client must trust. */
  readonly tlsHost: string;
  readonly certificate: string;
}

export const RABBITMQ_USER = { username: "jane", password: "let me in" };

/** A real broker of AMQP 0-9-1 on loopback: one process of its own name beside its own port mapper, which it cannot do without. */
export async function startRabbitmq(): Promise<RabbitmqServer> {
  ensureRabbitmq();
  const [port, tlsPort] = [await freePort(), await freePort()];
  const [distribution, epmdPort] = [await freePort(), await freePort()];
  const epmd = await startServer({
    url: `epmd://127.0.0.1:${epmdPort}`,
    port: epmdPort,
    command: "epmd",
    args: ["-port", String(epmdPort), "-address", "127.0.0.1"],
    uid: undefined,
    dir: dataDirectory(undefined, "durabull-epmd-"),
    stopSignal: "SIGTERM",
    abortSignal: "SIGKILL",
    isReady: () => accepts(epmdPort),
  });
  const dir = dataDirectory(undefined, "durabull-rabbitmq-");
  const at = (name: string) => join(dir.path, name);
  const [certificate, key] = [at("certificate.pem"), at("key.pem")];
  makeCertificate(certificate, key);
  const config = [
    `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `ssl_options.certfile = ${certificate}`,
    `ssl_options.keyfile = ${key}`,
    "ssl_options.verify = verify_none",
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `default_user = ${RABBITMQ_USER.username}`,
    `default_pass = ${RABBITMQ_USER.password}`,
    "log.console = true",
    "log.file = false",
  ];
  writeFileSync(at("rabbitmq.conf"), `${config.join("\n")}\n`);
  writeFileSync(at("plugins"), "[].\n");
  const env = {
    HOME: dir.path,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    // Without a shell around it that catches signals: our process is the server.
    RABBITMQ_ALLOW_INPUT: "1",
    RABBITMQ_SERVER_START_ARGS: "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_NODENAME: `durabull-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: at("rabbitmq"),
    RABBITMQ_MNESIA_BASE: at("mnesia"),
    RABBITMQ_LOG_BASE: at("log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: at("plugins"),
    RABBITMQ_PID_FILE: at("pid"),
  };
  const program = existsSync(SERVER_OF_DEBIAN) ? SERVER_OF_DEBIAN : (pathOf("rabbitmq-server") ?? "rabbitmq-server");
  const server = await startServer({
    url: `amqp://127.0.0.1:${port}`,
    port,
    command: "env",
    args: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), program],
    uid: undefined,
    dir,
    stopSignal: "SIGTERM",
    abortSignal: "SIGKILL",
    startLimitMs: START_LIMIT_MS,
    isReady: async () => (await accepts(port)) && accepts(tlsPort),
  }).catch(async (error: unknown) => {
    await epmd.stop();
    throw error;
  });
  const { stop } = server;
  return Object.assign(server, {
    host: `127.0.0.1:${port}`,
    tlsHost: `127.0.0.1:${tlsPort}`,
    certificate,
    async stop() {
      await stop();
      await epmd.stop();
    },
  });
}

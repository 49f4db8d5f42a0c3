import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import { freePort } from "./free-port.ts";
import { ensureMosquitto, pathOf } from "./install.ts";
import { dataDirectory, startServer, type TestServer } from "./server-process.ts";

export interface MosquittoServer extends TestServer {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** With `tls`: the file of the certificate that a client must trust. */
  readonly certificate: string;
}

/** A real broker of MQTT 3.1.1 and 5 on loopback. `users`: who is let in, by name; without, everybody. */
export async function startMosquitto(
  options: { readonly users?: Readonly<Record<string, string>>; readonly tls?: boolean } = {},
): Promise<MosquittoServer> {
  ensureMosquitto();
  const port = await freePort();
  const dir = dataDirectory(undefined, "durabull-mosquitto-");
  const certificate = join(dir.path, "certificate.pem");
  const key = join(dir.path, "key.pem");
  const users = join(dir.path, "users");
  const { tls = false } = options;
  if (tls) makeCertificate(certificate, key);
  if (options.users !== undefined) {
    writeFileSync(users, "");
    for (const [name, password] of Object.entries(options.users))
      execFileSync("mosquitto_passwd", ["-b", users, name, password], { stdio: "ignore" });
  }
  const config = [
    `listener ${port} 127.0.0.1`,
    ...(process.getuid?.() === 0 ? ["user root"] : []),
    ...(options.users === undefined ? ["allow_anonymous true"] : [`password_file ${users}`]),
    ...(tls ? [`certfile ${certificate}`, `keyfile ${key}`] : []),
    "persistence false",
  ];
  writeFileSync(join(dir.path, "mosquitto.conf"), `${config.join("\n")}\n`);
  const server = await startServer({
    url: `mqtt://127.0.0.1:${port}`,
    port,
    command: pathOf("mosquitto") ?? "mosquitto",
    args: ["-c", join(dir.path, "mosquitto.conf")],
    uid: undefined,
    dir,
    stopSignal: "SIGTERM",
    abortSignal: "SIGKILL",
    isReady: () => accepts(port),
  });
  return Object.assign(server, { host: `127.0.0.1:${port}`, certificate });
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

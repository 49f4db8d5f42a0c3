import { connect as connectPlain, isIP, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectSecure } from "node:tls";
import type { Kafka, KafkaConfig, SASLOptions } from "kafkajs";
import { AddressDeniedError, checkAddress, plainHost } from "../http/address-policy.ts";
import { guardedLookup } from "../http/agent.ts";
import { ProblemError } from "../http/problem-error.ts";
import { textOfSchema } from "./kafka-message.ts";
import { type Login, LoginRefusedError } from "./login.ts";
import { allowedAddress, CONNECT_TIMEOUT_MS, type Exchange } from "./protocol.ts";
import type { Target } from "./target.ts";

const KEEP_ALIVE_MS = 30_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_PATIENCE_MS = 3_000;
/** A broker that moves a partition says so for a moment; longer trouble is the task's error, which its author may retry. */
export const RETRY = { retries: 4, initialRetryTime: 200, maxRetryTime: 2_000 };

/** What stands with the cluster while `work` goes on. */
export interface Cluster {
  readonly kafka: Kafka;
  /** Is called before the connections go. */
  atEnd(disconnect: () => Promise<void>): void;
  /** From now on they stay when `work` has ended: whoever asks for it ends them. */
  endLater(): () => Promise<void>;
}

/**
 * Carries out `work` on a cluster, whose brokers name each other: where they are is checked whenever a socket opens. Fails as soon as an
 * address is denied or the signal aborts.
 */
export async function withCluster(
  target: Target,
  exchange: Pick<Exchange, "policy" | "signal" | "login">,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const { policy, signal, login } = exchange;
  const servers = [target.url, ...target.others];
  const [{ default: library }] = await Promise.all([
    import("kafkajs"),
    ...servers.map(({ hostname }) => allowedAddress(hostname, policy)),
  ]);
  signal.throwIfAborted();
  const sockets = new Set<Socket>();
  let isClosed = false;
  const ends: (() => Promise<void>)[] = [];
  const end = async () => {
    const patience = sleep(CLOSE_PATIENCE_MS, undefined, { ref: false });
    await Promise.race([Promise.all(ends.map((each) => each().catch(() => {}))), patience]);
    isClosed = true;
    for (const socket of sockets) socket.destroy();
  };
  let isEndedLater = false;
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      const kafka = new library.Kafka({
        clientId: textOfSchema(target.bindings.clientId) ?? "durabull",
        brokers: servers.map((url) => `${plainHost(url.hostname)}:${url.port || 9_092}`),
        ...saslOf(login),
        ssl: target.secure,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        authenticationTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        retry: RETRY,
        logLevel: library.logLevel.NOTHING,
        socketFactory({ host, port, onConnect }) {
          const socket = isClosed ? closedSocket() : socketTo(host, port, target, exchange, onConnect);
          sockets.add(socket);
          socket.once("close", () => sockets.delete(socket));
          socket.on("error", (error) => {
            if (error instanceof AddressDeniedError) reject(error);
          });
          return socket;
        },
      });
      const endLater = () => {
        isEndedLater = true;
        return end;
      };
      work({ kafka, atEnd: (disconnect) => void ends.push(disconnect), endLater }).then(resolve, reject);
    });
  } catch (error) {
    throw problemIn(error);
  } finally {
    if (!isEndedLater) await end();
  }
}

function socketTo(
  host: string,
  port: number,
  { secure }: Target,
  { policy }: Pick<Exchange, "policy">,
  onConnect: () => void,
): Socket {
  const name = plainHost(host);
  try {
    // Node does not look up what is an address already.
    if (isIP(name) !== 0) checkAddress(policy, name, name);
  } catch (error) {
    return brokenSocket(error);
  }
  const how = {
    host: name,
    port,
    lookup: guardedLookup(policy),
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  const servername = isIP(name) === 0 ? { servername: name } : {};
  return secure ? connectSecure({ ...how, ...servername }, onConnect) : connectPlain(how, onConnect);
}

function closedSocket(): Socket {
  return brokenSocket(new Error("the connection is closed"));
}

function brokenSocket(error: unknown): Socket {
  const socket = new Socket();
  // Not before somebody listens.
  setImmediate(() => socket.destroy(error instanceof Error ? error : new Error(String(error))));
  return socket;
}

function saslOf({ username, password, mechanism = "plain" }: Login): Pick<KafkaConfig, "sasl"> {
  if (password === undefined && username === undefined) return {};
  const sasl: SASLOptions =
    mechanism === "oauthbearer"
      ? { mechanism, oauthBearerProvider: async () => ({ value: password ?? "" }) }
      : { mechanism, username: username ?? "", password: password ?? "" };
  return { sasl };
}

/** The library wraps what went wrong, also several times. */
function problemIn(error: unknown): unknown {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof ProblemError || each instanceof AddressDeniedError) return each;
    if (/SASL/.test(each.name)) return new LoginRefusedError("authentication", each.message);
    const type = "type" in each ? String(each.type) : "";
    if (type === "SASL_AUTHENTICATION_FAILED") return new LoginRefusedError("authentication", each.message);
    if (type.endsWith("_AUTHORIZATION_FAILED")) return new ProblemError("authorization", each.message);
  }
  return error;
}

import { Redis } from "ioredis";
import { plainHost } from "../http/address-policy.ts";
import { LoginRefusedError } from "./login.ts";
import {
  allowedAddress,
  bodyOf,
  CONNECT_TIMEOUT_MS,
  type Exchange,
  handOver,
  inbound,
  type Protocol,
  refuseHeaders,
} from "./protocol.ts";
import type { Target } from "./target.ts";

/** Redis Pub/Sub: the channel's address is a channel of it. */
export const redis: Protocol = {
  async publish(target, message, exchange) {
    refuseHeaders(message, "redis");
    await connected(target, exchange, async (client) => void (await client.publish(target.address, bodyOf(message))));
  },
  subscribe: (target, exchange, take) =>
    connected(target, exchange, (client) =>
      handOver(exchange, take, (hand, fail) => {
        client.on("messageBuffer", (_, body: Buffer) => hand(() => inbound(body, target.contentType), body.length));
        client.subscribe(target.address).catch(fail);
      }),
    ),
};

async function connected(
  target: Target,
  { policy, signal, login }: Exchange,
  work: (client: Redis) => Promise<void>,
): Promise<void> {
  const { url, secure } = target;
  const host = await allowedAddress(url.hostname, policy);
  signal.throwIfAborted();
  const client = new Redis({
    host,
    port: Number(url.port) || 6_379,
    ...(login.username === undefined ? {} : { username: login.username }),
    ...(login.password === undefined ? {} : { password: login.password }),
    ...(secure ? { tls: { servername: plainHost(url.hostname) } } : {}),
    connectTimeout: CONNECT_TIMEOUT_MS,
    lazyConnect: true,
    // A lost connection is the task's error, which its author may retry.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      const fail = (error: Error) => reject(REFUSED.test(error.message) ? refused(error) : error);
      client.on("error", fail);
      client.on("end", () => reject(new Error("the server closed the connection")));
      client
        .connect()
        .then(() => work(client))
        .then(resolve, fail);
    });
  } finally {
    client.disconnect();
  }
}

const REFUSED = /^(WRONGPASS|NOAUTH|ERR invalid password)/;

function refused({ message }: Error): LoginRefusedError {
  return new LoginRefusedError("authentication", message);
}

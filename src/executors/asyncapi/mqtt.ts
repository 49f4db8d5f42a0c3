import type { IClientOptions, MqttClient } from "mqtt";
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
  socketTo,
} from "./protocol.ts";
import type { Target } from "./target.ts";

/** At least once, unless the document's bindings say otherwise. */
const QOS = 1;

/** MQTT 3.1.1. */
export const mqtt: Protocol = {
  async publish(target, message, exchange) {
    refuseHeaders(message, "mqtt");
    const retain = target.bindings.retain === true;
    await connected(target, exchange, async (client) => {
      await client.publishAsync(target.address, bodyOf(message), { qos: qosOf(target), retain });
    });
  },
  subscribe: (target, exchange, take) =>
    connected(target, exchange, (client) =>
      handOver(exchange, take, (hand, fail) => {
        client.on("message", (_, body) => hand(() => inbound(body, target.contentType), body.length).catch(fail));
        client.subscribeAsync(target.address, { qos: qosOf(target) }).catch(fail);
      }),
    ),
};

async function connected(
  target: Target,
  { policy, signal, login }: Exchange,
  work: (client: MqttClient) => Promise<void>,
): Promise<void> {
  const [{ MqttClient }, address] = await Promise.all([import("mqtt"), allowedAddress(target.url.hostname, policy)]);
  signal.throwIfAborted();
  const options: IClientOptions = {
    protocolVersion: 4,
    clean: true,
    manualConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A lost connection is the task's error, which its author may retry.
    reconnectPeriod: 0,
    ...(login.username === undefined ? {} : { username: login.username }),
    ...(login.password === undefined ? {} : { password: login.password }),
  };
  const client = new MqttClient(() => socketTo(address, target, target.secure ? 8_883 : 1_883), options);
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      client.on("error", (error) => reject(isRefusal(error) ? refused(error) : error));
      client.on("close", () => reject(new Error("the server closed the connection")));
      client.on("connect", () => work(client).then(resolve, reject));
      client.connect();
    });
  } finally {
    client.end(true);
  }
}

function qosOf({ bindings }: Target): 0 | 1 | 2 {
  const { qos } = bindings;
  return qos === 0 || qos === 2 ? qos : QOS;
}

/** Return codes of MQTT 3.1.1: 4 bad user name or password, 5 not authorized. */
const REFUSALS = [4, 5];

function isRefusal(error: Error): boolean {
  return "code" in error && REFUSALS.some((code) => code === error.code);
}

function refused({ message }: Error): LoginRefusedError {
  return new LoginRefusedError("authentication", message);
}

import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";
import type { JsonObject } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import { LoginRefusedError } from "./login.ts";
import {
  allowedAddress,
  bodyOf,
  CONNECT_TIMEOUT_MS,
  type Exchange,
  handOver,
  type InboundMessage,
  inbound,
  type Protocol,
  refuseHeaders,
  socketTo,
} from "./protocol.ts";
import type { Target } from "./target.ts";

/** At least once, unless the document's bindings say otherwise. */
const QOS = 1;
const KEEP_ALIVE_SECONDS = 60;
/** How long a server of MQTT 5 keeps a session whose client is away, unless the bindings say otherwise. */
const SESSION_EXPIRY_SECONDS = 3_600;
/** 3.1.1: bad user name or password, not authorized; the same of 5. */
const REFUSALS = [4, 5, 0x86, 0x87];

/**
 * MQTT 3.1.1 and 5, where headers are user properties. With `cleanSession: false` in the bindings the server holds messages back while
 * nobody listens: for this call, or, with a `clientId` beside it, for every call with that.
 */
export const mqtt: Protocol = {
  async publish(target, message, exchange) {
    if (!isFive(target)) refuseHeaders(message, "mqtt 3.1.1");
    refuseWildcards(target.address);
    const { retain, messageExpiryInterval } = target.bindings;
    const properties = {
      userProperties: { "idempotency-key": exchange.idempotencyKey, ...message.headers },
      ...(target.contentType === undefined ? {} : { contentType: target.contentType }),
      ...(typeof messageExpiryInterval === "number" ? { messageExpiryInterval } : {}),
    };
    await connected(target, exchange, true, (client) => async () => {
      await client.publishAsync(target.address, bodyOf(message), {
        qos: qosOf(target),
        retain: retain === true,
        ...(isFive(target) ? { properties } : {}),
      });
    });
  },
  async subscribe(target, exchange, take) {
    const isHeld = holdsBack(target) && exchange.whenOver === undefined;
    await connected(target, exchange, !hasSession(target), (client) => {
      let giveUp: (error: unknown) => void = () => {};
      const done = handOver(exchange, take, (hand, fail) => {
        giveUp = fail;
        const handed = (packet: IPublishPacket, acknowledge?: () => void) =>
          hand(() => read(packet, target), packet.payload.length, acknowledge);
        if (isHeld) client.handleMessage = (packet, acknowledge) => handed(packet, () => acknowledge());
        else client.on("message", (_, __, packet) => handed(packet));
      });
      done.catch(() => {});
      return () => {
        client.subscribeAsync(target.address, { qos: qosOf(target) }).catch(giveUp);
        return done;
      };
    });
  },
  holdsBack,
  /** A session of this call alone is of no use any more. */
  async forget(target, exchange) {
    if (!hasSession(target) || typeof target.bindings.clientId === "string") return;
    await connected(target, exchange, true, () => async () => {});
  },
};

function read({ payload, properties = {} }: IPublishPacket, target: Target): InboundMessage {
  const { contentType, correlationData, userProperties } = properties;
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const message = inbound(body, target.contentType ?? contentType, { ...userProperties } as JsonObject);
  return correlationData === undefined ? message : { ...message, correlationId: correlationData.toString() };
}

/** @param begin is called before anything can come, and gives what to do once the connection stands. */
async function connected(
  target: Target,
  { policy, signal, login, idempotencyKey }: Exchange,
  clean: boolean,
  begin: (client: MqttClient) => () => Promise<void>,
): Promise<void> {
  const [{ MqttClient }, address] = await Promise.all([import("mqtt"), allowedAddress(target.url.hostname, policy)]);
  signal.throwIfAborted();
  const { clientId, keepAlive, sessionExpiryInterval } = target.bindings;
  const isKept = hasSession(target);
  const options: IClientOptions = {
    protocolVersion: isFive(target) ? 5 : 4,
    clean,
    ...(typeof clientId === "string" ? { clientId } : isKept ? { clientId: `d${idempotencyKey.slice(0, 22)}` } : {}),
    // Nothing else is read while a message is held, the answer to a ping neither: then TCP looks whether the server is there.
    keepalive: isKept ? 0 : typeof keepAlive === "number" ? keepAlive : KEEP_ALIVE_SECONDS,
    ...(isFive(target) && !clean
      ? {
          properties: {
            sessionExpiryInterval:
              typeof sessionExpiryInterval === "number" ? sessionExpiryInterval : SESSION_EXPIRY_SECONDS,
          },
        }
      : {}),
    manualConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A lost connection is the task's error, which its author may retry.
    reconnectPeriod: 0,
    ...(login.username === undefined ? {} : { username: login.username }),
    ...(login.password === undefined ? {} : { password: login.password }),
  };
  const client = new MqttClient(() => socketTo(address, target, target.secure ? 8_883 : 1_883), options);
  const work = begin(client);
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      client.on("error", (error) => reject(isRefusal(error) ? refused(error) : error));
      client.on("close", () => reject(new Error("the server closed the connection")));
      client.on("connect", () => work().then(resolve, reject));
      client.connect();
    });
    // In good order, so that what was acknowledged is.
    client.end();
  } catch (error) {
    client.end(true);
    throw error;
  }
}

function isRefusal(error: Error): boolean {
  return "code" in error && REFUSALS.some((code) => code === error.code);
}

function refused({ message }: Error): LoginRefusedError {
  return new LoginRefusedError("authentication", message);
}

function isFive({ version }: Target): boolean {
  return version.startsWith("5");
}

function hasSession({ bindings }: Target): boolean {
  return bindings.cleanSession === false;
}

function holdsBack(target: Target): boolean {
  return hasSession(target) && qosOf(target) > 0;
}

function qosOf({ bindings }: Target): 0 | 1 | 2 {
  const { qos } = bindings;
  return qos === 0 || qos === 2 ? qos : QOS;
}

/** @throws {ProblemError} MQTT 5, 4.7: a message goes to one topic; wildcards are for those who listen. */
function refuseWildcards(topic: string): void {
  if (!/[+#]/.test(topic)) return;
  const detail = `the address "${topic}" of its channel has a wildcard: a message is published to one topic`;
  throw new ProblemError("configuration", detail);
}

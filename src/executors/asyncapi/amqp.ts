import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Channel, ChannelModel, ConsumeMessage, Options } from "amqplib";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { plainHost } from "../http/address-policy.ts";
import { ProblemError } from "../http/problem-error.ts";
import { LoginRefusedError } from "./login.ts";
import {
  allowedAddress,
  bodyOf,
  CONNECT_TIMEOUT_MS,
  type Exchange,
  type Fate,
  handOver,
  type InboundMessage,
  inbound,
  type Protocol,
  type Take,
} from "./protocol.ts";
import type { Target } from "./target.ts";

const HEARTBEAT_SECONDS = 30;
/** How long a queue of ours waits for whoever consumed from it, milliseconds. */
const QUEUE_EXPIRES_MS = 3_600_000;
const PERSISTENT = 2;
const CLOSE_PATIENCE_MS = 1_000;

/**
 * AMQP 0-9-1. The channel's bindings say whether its address is a routing key (of their exchange, else of the default one) or a queue.
 * What they describe is declared, what they only name must be there. A message is acknowledged once it is kept; what was not is given to
 * the next one who consumes.
 */
export const amqp: Protocol = {
  async publish(target, message, exchange) {
    await connected(target, exchange, async (connection) => {
      const channel = await connection.createConfirmChannel();
      await whileStanding(channel, async (unroutable) => {
        const to = await destination(channel, target);
        channel.on("return", unroutable);
        const content = Buffer.from(bodyOf(message));
        channel.publish(to.exchange, to.key, content, publishing(target, message.headers, exchange, to.isQueue));
        await channel.waitForConfirms();
      });
    });
  },
  subscribe: (target, exchange, take) =>
    connected(target, exchange, async (connection, closeLater) => {
      const channel = await connection.createChannel();
      const isCollected = exchange.whenOver !== undefined;
      const held: ConsumeMessage[] = [];
      closeLater(async (isRecorded) => {
        if (isRecorded) for (const message of held) channel.ack(message);
        if (isRecorded) await channel.close();
      });
      await whileStanding(channel, async () => {
        const from = { queue: await source(channel, target, exchange), noAck: target.bindings.ack === false };
        if (!isCollected && !from.noAck) return oneByOne(channel, from.queue, target, take);
        await channel.prefetch(exchange.wanted ?? 0);
        await streamed(channel, from, target, exchange, take, (message, fate) => {
          if (isCollected && fate === "kept") held.push(message);
          else channel.ack(message);
        });
      });
      if (!isCollected) await channel.close();
    }),
  holdsBack: ({ bindings }) => bindings.ack !== false,
  /** A queue of this call alone is of no use any more. */
  async forget(target, exchange) {
    const isOwn = !isQueue(target) && nameOf(target.bindings.queue) === undefined;
    if (!isOwn || exchange.whenOver !== undefined) return;
    await connected(target, exchange, async (connection) => {
      const channel = await connection.createChannel();
      await whileStanding(channel, async () => void (await channel.deleteQueue(queueOfCall(exchange))));
    });
  },
};

/** As they come. */
function streamed(
  channel: Channel,
  { queue, noAck }: { readonly queue: string; readonly noAck: boolean },
  target: Target,
  exchange: Exchange,
  take: Take,
  settled: (message: ConsumeMessage, fate: Fate) => void,
): Promise<void> {
  return handOver(exchange, take, (hand, fail) => {
    const handed = (message: ConsumeMessage | null) => {
      if (message === null) fail(new Error(CANCELLED));
      else
        hand(
          () => read(message, target),
          message.content.length,
          (fate) => (noAck ? undefined : settled(message, fate)),
        );
    };
    channel.consume(queue, handed, { noAck }).catch(fail);
  });
}

/**
 * While one is worked on, which may take days, none is held that the server waits an acknowledgement for: RabbitMQ closes the channel
 * of who lets it wait for half an hour.
 */
async function oneByOne(channel: Channel, queue: string, target: Target, take: Take): Promise<void> {
  await channel.prefetch(1);
  for (let isWanted = true; isWanted; ) {
    const message = await nextIn(channel, queue);
    isWanted = await take(read(message, target), () => channel.ack(message));
  }
}

/** Consumes until there is one; there is no second one before that is acknowledged. */
async function nextIn(channel: Channel, queue: string): Promise<ConsumeMessage> {
  let consumer: Promise<{ readonly consumerTag: string }> | undefined;
  const message = await new Promise<ConsumeMessage>((resolve, reject) => {
    consumer = channel.consume(queue, (found) => (found === null ? reject(new Error(CANCELLED)) : resolve(found)));
    consumer.catch(reject);
  });
  if (consumer !== undefined) await channel.cancel((await consumer).consumerTag);
  return message;
}

const CANCELLED = "the server cancelled the consumer";

/** Fails as soon as the channel does, or when the server gives a message back that nobody is there for. */
async function whileStanding(channel: Channel, work: (unroutable: () => void) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    channel.on("error", reject);
    channel.on("close", () => reject(new Error("the server closed the channel")));
    const unroutable = () =>
      reject(new ProblemError("communication", "the server has no queue for the message, so nobody would get it"));
    work(unroutable).then(resolve, reject);
  });
}

async function connected(
  target: Target,
  { policy, signal, login, whenOver }: Exchange,
  work: (connection: ChannelModel, closeLater: (tell: (isRecorded: boolean) => Promise<void>) => void) => Promise<void>,
): Promise<void> {
  const { url, secure } = target;
  const [{ connect }, hostname] = await Promise.all([import("amqplib"), allowedAddress(url.hostname, policy)]);
  signal.throwIfAborted();
  const { username, password } = login;
  const options: Options.Connect = {
    protocol: secure ? "amqps" : "amqp",
    hostname,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    vhost: vhostOf(target),
    heartbeat: HEARTBEAT_SECONDS,
  };
  const name = plainHost(url.hostname);
  const socket = { timeout: CONNECT_TIMEOUT_MS, ...(isIP(name) === 0 ? { servername: name } : {}) };
  const connection = await connect(options, socket).catch((error: unknown) => {
    throw error instanceof Error && /ACCESS.REFUSED/.test(error.message)
      ? new LoginRefusedError("authentication", error.message)
      : error;
  });
  // Whoever waits has been told by then.
  connection.on("error", () => {});
  let isClosedLater = false;
  const closeLater = (tell: (isRecorded: boolean) => Promise<void>) => {
    if (whenOver === undefined) return;
    isClosedLater = true;
    whenOver(async (isRecorded) => {
      await tell(isRecorded).finally(() => closed(connection));
    });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      connection.on("close", () => reject(new Error("the server closed the connection")));
      work(connection, closeLater).then(resolve, reject);
    });
  } finally {
    if (!isClosedLater) await closed(connection);
  }
}

/** What was not acknowledged goes back to its queue. A server that does not answer is not waited for: it will miss the heartbeats. */
async function closed(connection: ChannelModel): Promise<void> {
  const patience = sleep(CLOSE_PATIENCE_MS, undefined, { ref: false });
  await Promise.race([connection.close().catch(() => {}), patience]);
}

function vhostOf({ url, bindings }: Target): string {
  const path = decodeURIComponent(url.pathname.slice(1));
  if (path !== "") return path;
  const named = [bindings.queue, bindings.exchange].find(
    (each) => isJsonObject(each) && typeof each.vhost === "string",
  );
  return isJsonObject(named) && typeof named.vhost === "string" ? named.vhost : "/";
}

function isQueue({ bindings }: Target): boolean {
  return bindings.is === "queue";
}

function nameOf(described: Json | undefined): string | undefined {
  return isJsonObject(described) && typeof described.name === "string" && described.name !== ""
    ? described.name
    : undefined;
}

interface Destination {
  readonly exchange: string;
  readonly key: string;
  readonly isQueue: boolean;
}

async function destination(channel: Channel, target: Target): Promise<Destination> {
  if (isQueue(target)) return { exchange: "", key: await queueAt(channel, target), isQueue: true };
  return { exchange: await exchangeAt(channel, target), key: target.address, isQueue: false };
}

/** The queue that the bindings name, or, of a channel that is a queue, its address. */
async function queueAt(channel: Channel, { bindings: { queue }, address }: Target): Promise<string> {
  const name = nameOf(queue) ?? address;
  const described = isJsonObject(queue) ? queue : {};
  const flags = flagsOf(described, ["durable", "exclusive", "autoDelete"]);
  await (Object.keys(flags).length === 0 ? channel.checkQueue(name) : channel.assertQueue(name, flags));
  return name;
}

async function exchangeAt(channel: Channel, { bindings: { exchange } }: Target): Promise<string> {
  const name = nameOf(exchange);
  if (name === undefined || !isJsonObject(exchange) || exchange.type === "default") return "";
  const flags = flagsOf(exchange, ["durable", "autoDelete"]);
  if (typeof exchange.type === "string") await channel.assertExchange(name, exchange.type, flags);
  else await channel.checkExchange(name);
  return name;
}

function flagsOf(described: JsonObject, names: readonly string[]): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    names.flatMap((name) => (typeof described[name] === "boolean" ? [[name, described[name]] as const] : [])),
  );
}

/** Where to consume from: a queue of the document; else one of this call, bound to the exchange. */
async function source(channel: Channel, target: Target, exchange: Exchange): Promise<string> {
  if (isQueue(target)) return queueAt(channel, target);
  const from = await exchangeAt(channel, target);
  const queue =
    nameOf(target.bindings.queue) === undefined ? await ownQueue(channel, exchange) : await queueAt(channel, target);
  // The default exchange knows queues by their names only.
  if (from !== "") await channel.bindQueue(queue, from, target.address);
  else if (nameOf(target.bindings.queue) === undefined) return target.address;
  return queue;
}

/** It outlives a run where the next one goes on with it. */
async function ownQueue(channel: Channel, exchange: Exchange): Promise<string> {
  if (exchange.whenOver !== undefined) return (await channel.assertQueue("", { exclusive: true })).queue;
  return (await channel.assertQueue(queueOfCall(exchange), { durable: true, expires: QUEUE_EXPIRES_MS })).queue;
}

function queueOfCall({ idempotencyKey }: Exchange): string {
  return `durabull.${idempotencyKey}`;
}

function publishing(
  { bindings, contentType }: Target,
  headers: JsonObject,
  { idempotencyKey }: Exchange,
  isQueue: boolean,
): Options.Publish {
  const { cc, bcc, priority, expiration, userId, deliveryMode, mandatory, replyTo, timestamp } = bindings;
  const texts = (value: Json | undefined) => (Array.isArray(value) ? value.map(String) : undefined);
  const optional: { readonly [name: string]: Json | undefined } = {
    CC: texts(cc),
    BCC: texts(bcc),
    priority,
    expiration,
    userId,
    replyTo,
    contentType,
    timestamp: timestamp === true ? Math.floor(Date.now() / 1_000) : undefined,
  };
  return {
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    headers,
    messageId: idempotencyKey,
    deliveryMode: typeof deliveryMode === "number" ? deliveryMode : PERSISTENT,
    mandatory: mandatory === true || isQueue,
  };
}

function read({ content, properties }: ConsumeMessage, target: Target): InboundMessage {
  const { contentType, correlationId, headers } = properties;
  const known = plain(headers ?? {});
  const message = inbound(content, target.contentType ?? contentType, isJsonObject(known) ? known : {});
  return typeof correlationId === "string" ? { ...message, correlationId } : message;
}

/** Values of a table of AMQP that JSON does not know: bytes in base64, long numbers as text. */
function plain(value: unknown): Json {
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return value as Json;
  return String(value);
}

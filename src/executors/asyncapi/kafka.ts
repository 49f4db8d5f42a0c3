import { setTimeout as sleep } from "node:timers/promises";
import type { Admin, Consumer, EachBatchPayload } from "kafkajs";
import { RETRY, withCluster } from "./kafka-connection.ts";
import { messageOf, type Place, placeOf, recordOf, textOfSchema } from "./kafka-message.ts";
import type { Exchange, Protocol, Take } from "./protocol.ts";
import type { Target } from "./target.ts";

const ALL_IN_SYNC = -1;
/** How long a group goes on waiting for a member that died, milliseconds: as short as servers usually allow. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 2_000;
/** How long a fetch waits for messages, and the longest that it takes to notice that there is one to be worked on next. */
const FETCH_WAIT_MS = 500;
/** How long a message may be in hand before the others wait elsewhere than in the library, which sends no heartbeats meanwhile. */
const IN_HAND_MS = 1_000;
/** What a commit may meet while members come and go: who has the partition now is given the message again. */
const MEMBERS_CHANGE = ["REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID"];

/**
 * Kafka. Who subscribes is a consumer group: of the operation's bindings, else of this call alone, which is deleted once it is over. It
 * begins with what comes after it was first there, and goes on from what was kept.
 *
 * Producers are not idempotent in Kafka's sense: that would only hold within one connection, while what repeats a publication is the next
 * worker after a crash, and the library calls it experimental.
 */
export const kafka: Protocol = {
  publish: (target, message, exchange) =>
    withCluster(target, exchange, async (cluster) => {
      const producer = cluster.kafka.producer();
      cluster.atEnd(() => producer.disconnect());
      await producer.connect();
      const messages = [recordOf(target, message, exchange.idempotencyKey)];
      await producer.send({ topic: topicOf(target), acks: ALL_IN_SYNC, messages });
    }),
  subscribe: (target, exchange, take) =>
    withCluster(target, exchange, async ({ kafka: client, atEnd, endLater }) => {
      const groupId = groupOf(target, exchange);
      const topic = topicOf(target);
      const admin = client.admin();
      const consumer = client.consumer({
        groupId,
        sessionTimeout: SESSION_TIMEOUT_MS,
        heartbeatInterval: HEARTBEAT_MS,
        maxWaitTimeInMs: FETCH_WAIT_MS,
        // A lost connection is the task's error, which its author may retry.
        retry: { ...RETRY, restartOnFailure: async () => false },
      });
      const subscription = new KafkaSubscription({ consumer, admin, topic, groupId, target, exchange, take });
      atEnd(async () => {
        await subscription.settled();
        await consumer.disconnect();
        await admin.disconnect();
      });
      consumer.on(consumer.events.CRASH, ({ payload }) => subscription.over(payload.error));
      const end = exchange.whenOver === undefined ? undefined : endLater();
      let isLost = false;
      exchange.whenOver?.(async (isRecorded) => {
        const isOwn = isOwnGroup(target);
        const isDone = isRecorded && !isLost;
        if (isDone && !isOwn) await subscription.commitAll();
        await end?.();
        if (isDone && isOwn) await forgetGroup(target, { ...exchange, signal: NEVER_ABORTED }).catch(() => {});
      });
      try {
        await admin.connect();
        await subscription.run();
      } catch (error) {
        // The list went with it: whoever tries again is given its messages again.
        isLost = !exchange.signal.aborted;
        if (isLost) await end?.();
        throw error;
      }
    }),
  holdsBack: () => true,
  /** A group of this call alone is of no use any more. */
  async forget(target, exchange) {
    if (isOwnGroup(target) && exchange.whenOver === undefined) await forgetGroup(target, exchange);
  },
};

const NEVER_ABORTED = new AbortController().signal;

function forgetGroup(target: Target, exchange: Exchange): Promise<void> {
  return withCluster(target, exchange, async ({ kafka: client, atEnd }) => {
    const admin = client.admin();
    atEnd(() => admin.disconnect());
    await admin.connect();
    await admin.deleteGroups([groupOf(target, exchange)]);
  });
}

/** That of the bindings, else the channel's address. */
function topicOf({ bindings, address }: Target): string {
  return textOfSchema(bindings.topic) ?? address;
}

function isOwnGroup({ bindings }: Target): boolean {
  return textOfSchema(bindings.groupId) === undefined;
}

function groupOf({ bindings }: Target, { idempotencyKey }: Exchange): string {
  return textOfSchema(bindings.groupId) ?? `durabull.${idempotencyKey}`;
}

interface Parts {
  readonly consumer: Consumer;
  readonly admin: Admin;
  readonly topic: string;
  readonly groupId: string;
  readonly target: Target;
  readonly exchange: Exchange;
  readonly take: Take;
}

/** Hands over the messages of a topic one after another, and commits what became of them. */
class KafkaSubscription {
  readonly #parts: Parts;
  #committing: Promise<void> = Promise.resolve();
  #isHeld = false;
  #isOver = false;
  /** Of every partition the offset after the last message that was handed over. */
  readonly #next = new Map<number, bigint>();
  /** Kept by a run that died before it could commit it. */
  readonly #before: Place | undefined;
  readonly #ending: Promise<void>;
  #end: () => void = () => {};
  #break: (error: unknown) => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#before = placeOf(parts.exchange.last);
    this.#ending = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#break = reject;
    });
    this.#ending.catch(() => {});
  }

  /** No more is wanted, or can be had. */
  over(error?: unknown): void {
    this.#isOver = true;
    if (error === undefined) this.#end();
    else this.#break(error);
  }

  /** Until no more messages are wanted. */
  async run(): Promise<void> {
    const { consumer, admin, topic } = this.#parts;
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: false });
    const newest = new Map(
      (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, high] as const),
    );
    let begin: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let standing: Promise<void> | undefined;
    let assigned: readonly number[] = [];
    const stand = () => {
      standing = this.#markBeginning(assigned, newest);
      standing.catch((error) => this.over(error));
    };
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      assigned = payload.memberAssignment[topic] ?? [];
      if (standing !== undefined) stand();
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        await begun;
        await standing?.catch(() => {});
        await this.#batch(payload);
      },
    });
    stand();
    begin();
    await this.#ending;
    this.#pause();
  }

  /** What a list has is not committed before that is recorded. */
  async commitAll(): Promise<void> {
    if (this.#next.size === 0) return;
    await this.#commit([...this.#next].map(([partition, offset]) => ({ partition, offset: String(offset) })));
  }

  /** What was kept is committed, and nothing more is handed over. */
  async settled(): Promise<void> {
    this.#isOver = true;
    await this.#committing.catch(() => {});
  }

  /**
   * Without an offset of the group, the next run after a crash would begin with what is the newest by then.
   * @param newest as it was before this consumer could have been given anything.
   */
  async #markBeginning(assigned: readonly number[], newest: ReadonlyMap<number, string>): Promise<void> {
    const { admin, groupId, topic } = this.#parts;
    const known = await admin.fetchOffsets({ groupId, topics: [topic] });
    const committed = new Map(
      known.flatMap(({ partitions }) => partitions.map((each) => [each.partition, each.offset])),
    );
    const unmarked = assigned.filter((partition) => Number(committed.get(partition) ?? -1) < 0);
    if (unmarked.length === 0) return;
    await this.#commit(unmarked.map((partition) => ({ partition, offset: newest.get(partition) ?? "0" })));
  }

  async #batch({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const { partition } = batch;
    for (const record of batch.messages) {
      if (this.#isOver || this.#isHeld || !isRunning() || isStale()) return;
      const offset = BigInt(record.offset);
      const handing = this.#isKnown(partition, offset)
        ? this.#commitNext(partition, offset).then(() => true)
        : this.#hand(() => messageOf(record, partition, this.#parts.target.contentType), partition, offset);
      resolveOffset(record.offset);
      const goesOn = await this.#within(handing);
      if (!goesOn) return;
      await heartbeat();
    }
  }

  #isKnown(partition: number, offset: bigint): boolean {
    if (this.#before?.partition === partition && BigInt(this.#before.offset) === offset) return true;
    return offset < (this.#next.get(partition) ?? 0n);
  }

  /** While a message is long in hand no others are fetched, and the library goes on with its heartbeats. */
  async #within(handing: Promise<boolean>): Promise<boolean> {
    const waiting = new AbortController();
    const patience = sleep(IN_HAND_MS, "late" as const, { signal: waiting.signal }).catch(() => "late" as const);
    const outcome = await Promise.race([handing.catch(() => false), patience]);
    waiting.abort();
    if (outcome !== "late") {
      await this.#ended(handing);
      return outcome;
    }
    this.#isHeld = true;
    this.#pause();
    handing.then(
      () => this.#ended(handing).then(() => this.#resume()),
      () => this.#ended(handing),
    );
    return false;
  }

  async #ended(handing: Promise<boolean>): Promise<void> {
    try {
      if (!(await handing)) this.over();
    } catch (error) {
      this.over(error);
    }
  }

  #pause(): void {
    this.#parts.consumer.pause([{ topic: this.#parts.topic }]);
  }

  #resume(): void {
    this.#isHeld = false;
    if (!this.#isOver) this.#parts.consumer.resume([{ topic: this.#parts.topic }]);
  }

  /** Whether more are wanted, once the commit of this one is done. */
  async #hand(message: () => ReturnType<typeof messageOf>, partition: number, offset: bigint): Promise<boolean> {
    const { take } = this.#parts;
    const settled = () => {
      this.#next.set(partition, offset + 1n);
      this.#committing = this.#commitNext(partition, offset);
      // Whoever waits for it is told.
      this.#committing.catch(() => {});
    };
    const goesOn = await take(message(), settled);
    await this.#committing;
    return goesOn;
  }

  #commitNext(partition: number, offset: bigint): Promise<void> {
    if (this.#parts.exchange.whenOver !== undefined) return Promise.resolve();
    return this.#commit([{ partition, offset: String(offset + 1n) }]);
  }

  async #commit(places: readonly Place[]): Promise<void> {
    const { consumer, topic } = this.#parts;
    try {
      await consumer.commitOffsets(places.map((place) => ({ topic, ...place })));
    } catch (error) {
      const type = error instanceof Error && "type" in error ? String(error.type) : "";
      if (!MEMBERS_CHANGE.includes(type)) throw error;
    }
  }
}

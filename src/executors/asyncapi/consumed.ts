import { conditionsOf } from "../../dsl/tasks/asyncapi-conditions.ts";
import type { Subscription } from "../../dsl/tasks/call-asyncapi.ts";
import type { ActivityContext, Intake, Outcome } from "../../ports/executor.ts";
import { isJsonObject, type Json } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import { type Exchange, type Fate, type InboundMessage, type Protocol, type Take, tooLong } from "./protocol.ts";
import type { Target } from "./target.ts";

/** Aborts a subscription whose time is over: no error. */
class TimeIsOver extends Error {}

/** Consumes messages, to be the output or, with an intake, to be worked on one by one. */
export function consumed(
  protocol: Protocol,
  target: Target,
  subscription: Subscription,
  exchange: Exchange,
  { intake, whenOver }: Pick<ActivityContext, "intake" | "whenOver">,
): Promise<Outcome> {
  if (intake === undefined)
    return collected(protocol, target, subscription, { ...exchange, whenOver, wanted: subscription.amount });
  const last = isJsonObject(intake.before.last) ? (intake.before.last as InboundMessage) : undefined;
  return handedOn(protocol, target, subscription, { ...exchange, last }, intake);
}

async function collected(
  protocol: Protocol,
  target: Target,
  subscription: Subscription,
  exchange: Exchange,
): Promise<Outcome> {
  const conditions = conditionsOf(subscription);
  const messages: Json[] = [];
  let size = 0;
  let isOver = false;
  const take: Take = async (message, settled) => {
    // Its connection may outlive the subscription, until what it gave is recorded.
    if (isOver) return false;
    const time = { now: Date.now() };
    if (!conditions.accepts(message, time)) return passed(settled);
    size += JSON.stringify(message).length;
    if (size > exchange.policy.maxResponseBytes) throw tooLong(exchange.policy);
    messages.push(message);
    settled("kept");
    return !conditions.enough(messages, time);
  };
  if (!conditions.enough(messages, { now: Date.now() })) {
    await within(subscription.forMs, exchange, (limited) => protocol.subscribe(target, limited, take)).finally(() => {
      isOver = true;
    });
    await forgotten(protocol, target, exchange);
  }
  return { ok: true, output: messages };
}

/** How many there are to be is counted here, also over runs of the activity; whether more are wanted is for the engine to say. */
async function handedOn(
  protocol: Protocol,
  target: Target,
  subscription: Subscription,
  exchange: Exchange,
  intake: Intake,
): Promise<Outcome> {
  const { amount = Number.POSITIVE_INFINITY, forMs } = subscription;
  const conditions = conditionsOf(subscription);
  const isPaced = subscription.amount === undefined && protocol.holdsBack?.(target) === true;
  let count = intake.before.count;
  let keeping: Promise<unknown> = Promise.resolve();
  const keep = async (message: InboundMessage, settled: (fate: Fate) => void) => {
    const error = await intake.keep(message);
    if (error !== undefined) throw ProblemError.from(error);
    count += 1;
    // Acknowledged before it is worked on: it is in the store, and would come again after a crash.
    settled("kept");
  };
  const take: Take = async (message, settled) => {
    if (!conditions.accepts(message, { now: Date.now() })) return passed(settled);
    const kept = keep(message, settled);
    keeping = kept.catch(() => {});
    await kept;
    return count < amount && (!isPaced || intake.goesOn());
  };
  const leftMs = forMs === undefined ? undefined : forMs - intake.elapsedMs;
  if (count < amount && (leftMs === undefined || leftMs > 0)) {
    const subscribe = (limited: Exchange) => protocol.subscribe(target, limited, take);
    // One that is being kept when the time is over is acknowledged before the connection goes.
    await within(leftMs, exchange, subscribe, () => keeping);
    await forgotten(protocol, target, exchange);
  }
  return { ok: true, output: [] };
}

/** A server that cannot be told forgets by itself, later. */
async function forgotten(protocol: Protocol, target: Target, exchange: Exchange): Promise<void> {
  await protocol.forget?.(target, exchange).catch(() => {});
}

function passed(settled: (fate: Fate) => void): true {
  settled("passed");
  return true;
}

async function within(
  ms: number | undefined,
  exchange: Exchange,
  subscribe: (exchange: Exchange) => Promise<void>,
  inHand: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const over = new AbortController();
  const end = () => inHand().then(() => over.abort(new TimeIsOver()));
  const stop = ms === undefined ? () => {} : after(ms, () => void end());
  try {
    await subscribe({ ...exchange, signal: AbortSignal.any([exchange.signal, over.signal]) });
  } catch (error) {
    if (!(over.signal.reason instanceof TimeIsOver) || exchange.signal.aborted) throw error;
  } finally {
    stop();
  }
}

/** Longest time that a timer takes, milliseconds. */
const TIMER_MAX_MS = 2 ** 31 - 1;

function after(ms: number, work: () => void): () => void {
  let left = ms;
  let timer: NodeJS.Timeout;
  const next = () => {
    const step = Math.min(left, TIMER_MAX_MS);
    left -= step;
    timer = setTimeout(left > 0 ? next : work, step);
  };
  next();
  return () => clearTimeout(timer);
}

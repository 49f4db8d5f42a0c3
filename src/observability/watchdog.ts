import { url as inspectorUrl } from "node:inspector";
import { Worker } from "node:worker_threads";

export interface Watchdog {
  stop(): Promise<void>;
}

/**
 * Kills this process (SIGKILL) when its event loop stands still for longer than `limitMs`, saying so in one line on standard output:
 * a loop that never goes on would keep its locks out of reach of those that could count its deaths. A process that stands still as a
 * whole (stopped, suspended, starved of CPU) is left alone, as is one that a debugger looks at.
 * @param worker name of this process in its log.
 */
export function startWatchdog({ limitMs, worker }: { readonly limitMs: number; readonly worker: string }): Watchdog {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const everyMs = Math.max(10, Math.floor(limitMs / 20));
  let count = 0;
  const say = () => {
    count = (count % MAX_BEATS) + 1;
    // A debugger stops this thread for as long as somebody reads; 0 says that nobody is to count.
    Atomics.store(beats, 0, inspectorUrl() === undefined ? count : 0);
  };
  // The loop may stand still before its first turn.
  say();
  const beat = setInterval(say, everyMs);
  beat.unref();
  const thread = new Worker(WATCH, { eval: true, execArgv: [], workerData: { beats, everyMs, limitMs, worker } });
  thread.unref();
  return {
    async stop() {
      clearInterval(beat);
      await thread.terminate();
    },
  };
}

const MAX_BEATS = 2 ** 30;

/**
 * JavaScript as text, so that it is the same thread from the sources and from a build. It counts what it has waited itself, never more
 * than twice a wait at once: time in which this thread did not run either says nothing about the other one. A late tick starts the
 * count again.
 */
const WATCH = `
const { workerData: { beats, everyMs, limitMs, worker } } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const never = new Int32Array(new SharedArrayBuffer(4));
let seen = 0;
let stoodMs = 0;
let last = performance.now();
for (;;) {
  Atomics.wait(never, 0, 0, everyMs);
  const now = performance.now();
  const waited = now - last;
  last = now;
  const beat = Atomics.load(beats, 0);
  if (beat === 0 || beat !== seen || waited > everyMs * 2 + 100) stoodMs = 0;
  else stoodMs += waited;
  seen = beat;
  if (stoodMs <= limitMs) continue;
  const msg = "the event loop stood still, probably in a function that does not end: this process kills itself";
  const line = { level: 60, time: Date.now(), worker, stoodMs: Math.round(stoodMs), limitMs, msg };
  try { writeSync(1, JSON.stringify(line) + "\\n"); } catch {}
  process.kill(process.pid, "SIGKILL");
}
`;

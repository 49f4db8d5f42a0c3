import { setTimeout as sleep } from "node:timers/promises";
import type { Failpoint, FailpointAction, FailpointName } from "../values/failpoints.ts";

/** Moments at which a test makes this process fail. */
export interface Failpoints {
  /** Does what is set for this moment. Resolves at once when nothing is. @throws {FailpointError} for `throw`. */
  hit(name: FailpointName): Promise<void>;
}

/** What the action `throw` throws: like any other error that nobody expected. */
export class FailpointError extends Error {
  constructor(point: FailpointName) {
    super(`failpoint ${point}`);
    this.name = "FailpointError";
  }
}

const NOTHING = Promise.resolve();
const INERT: Failpoints = { hit: () => NOTHING };

/** Without points, one constant function that does nothing. @param random gives 0 (inclusive) to 1 (exclusive). */
export function createFailpoints(points: readonly Failpoint[], random: () => number): Failpoints {
  if (points.length === 0) return INERT;
  return {
    async hit(name) {
      for (const point of points) {
        if (point.name === name && random() < point.probability) await act(name, point.action);
      }
    },
  };
}

async function act(name: FailpointName, action: FailpointAction): Promise<void> {
  switch (action.kind) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      return;
    case "throw":
      throw new FailpointError(name);
    case "delay":
      await sleep(action.delayMs);
  }
}

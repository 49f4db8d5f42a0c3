import { Redis } from "ioredis";

/**
 * A connection that writes what is sent in one turn of the event loop at once, instead of each command by itself: a write to a socket costs
 * more than all else a small command does, for us and for Redis, which reads, and syncs its log, once for all of them. Order and answers are
 * as ever; an idle process writes as soon as without.
 */
export class GatheringRedis extends Redis {
  #corked: NodeJS.WritableStream | undefined;

  override sendCommand(...args: Parameters<Redis["sendCommand"]>): unknown {
    const { stream } = this;
    if (stream !== undefined && stream !== this.#corked) {
      this.#corked = stream;
      stream.cork();
      setImmediate(() => {
        if (this.#corked === stream) this.#corked = undefined;
        stream.uncork();
      });
    }
    return super.sendCommand(...args);
  }
}

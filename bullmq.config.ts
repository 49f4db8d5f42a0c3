/**
 * Names, limits and timings of the queues: plain data, read by `src/adapters/bullmq` and by the composition. Durations are milliseconds.
 * The reasons behind the numbers that took thought stand beside them; what was measured is in `src/adapters/bullmq/README.md`.
 */
export const bullmqConfig = {
  queues: {
    /** With several lanes: `durabull-events-0`, `durabull-events-1`, … */
    events: "durabull-events",
    timers: "durabull-timers",
    /** An activity's own queue is `durabull-tasks-<name>`. */
    tasks: "durabull-tasks",
    letters: "durabull-dlq",
  },

  /** Jobs at once in one process, unless the environment says otherwise. Wake-ups and timers mostly wait for the store. */
  concurrency: { events: 50, timers: 50, tasks: 20, letters: 5 },

  /**
   * A job whose lock has lapsed is taken from its holder by the next check, so a killed worker's jobs run again after
   * `lockMs - renewMs` to `lockMs + stalledCheckMs`: about 2 s for wake-ups and timers. The same numbers bound how long the event
   * loop of a healthy worker may stand still before its job is run a second time: `lockMs - renewMs`, so 1.5 s. Renewing four times
   * as often as the lock needs (BullMQ's default is twice) buys that margin for one small command per worker and half second.
   * Activities get a second more: they run the user's own functions, which may compute for long without yielding, and a
   * repeated activity costs a repeated effect, where a repeated wake-up costs only a read.
   */
  locks: {
    events: { lockMs: 2_000, renewMs: 500 },
    timers: { lockMs: 2_000, renewMs: 500 },
    tasks: { lockMs: 3_000, renewMs: 500 },
    letters: { lockMs: 2_000, renewMs: 500 },
    stalledCheckMs: 500,
    /** PostgreSQL only: how far a worker's clock may be from the server's, a quarter of the shortest lock; asked this often. */
    maxClockSkewMs: 500,
    clockCheckMs: 5_000,
    /** Never reached: how often a job may die with its process is decided by the store, which counts it for good. */
    maxStalledCount: 1_000_000,
  },

  /** Finished wake-ups kept to be looked at. Everything else leaves no trace: a kept job would swallow the next one with its id. */
  retention: { completedWakes: 50, failedWakes: 50, eventsPerQueue: 1_000 },

  /** Of activities and timers whose handler threw (the store was away, say): `baseMs * 2 ** (n - 1)`, at most `maxMs`, half of it random. */
  retries: { attempts: 1_000_000, baseMs: 200, maxMs: 10_000 },

  timers: {
    /** A timer that came early by less is waited for in place where a running job cannot be delayed again (PostgreSQL). */
    waitInPlaceMs: 1_000,
    /** The shortest second wait of an early timer, so that two clocks in doubt never make a busy loop. */
    minAgainMs: 5,
  },

  producers: {
    /** No call waits longer for an answer; the API answers 503 within 2 s. */
    deadlineMs: 1_500,
    /** Jobs in one command. */
    bulkSize: 500,
  },

  workers: {
    /** Longest wait between two tries to reach a server that is away. */
    reconnectMs: 1_000,
    /** After a fetch that failed for another reason (out of memory, read-only), so that neither CPU nor log runs hot. */
    fetchBackoffMs: 1_000,
    /** How long an idle worker sleeps when nobody wakes it, in seconds: what a lost notification may cost. */
    idlePollSeconds: 5,
    /** After the grace of a drain: how long a handler may take to answer its aborted signal before its job is handed back regardless. */
    abortPatienceMs: 500,
    /** And how long the handing back and disconnecting may take before the process may exit anyway. */
    disconnectMs: 2_000,
  },

  /** Clients of one `pg.Pool` each; a worker holds one more connection, to listen. */
  postgresPools: { producers: 4, events: 4, timers: 2, tasks: 4, letters: 1 },

  /** Log lines about errors of connections and workers: at most `lines` in any `windowMs`, the rest only counted. */
  errorLog: { lines: 5, windowMs: 10_000 },
} as const;

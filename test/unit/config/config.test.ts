import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEnvSecrets } from "../../../src/adapters/secrets/env.ts";
import { type Environment, loadConfig } from "../../../src/config/index.ts";
import { ConfigError } from "../../../src/errors.ts";

/** The mistakes found in an environment, one a line. */
function mistakesIn(env: Environment): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
}

describe("given an empty environment", () => {
  test("when it is loaded, then everything is embedded, on loopback, with the documented defaults", () => {
    expect(loadConfig({})).toEqual({
      eventStore: { kind: "embedded" },
      childDepth: 10,
      scheduleTimeZone: "UTC",
      scheduleCatchUp: "last",
      scheduleCatchUpWithinMs: 86_400_000,
      scheduleMissedAfterMs: 60_000,
      scheduleOverlap: "allow",
      scheduleMinIntervalMs: 1_000,
      secretsDir: null,
      database: { kind: "embedded" },
      queues: { kind: "embedded" },
      usesEmbedded: true,
      dataDir: ".durabull",
      allowVolatile: false,
      partitions: 16,
      partitionsGiven: false,
      lanes: 1,
      engine: "serverless",
      workflowTimeoutMs: 0,
      maxDeaths: 3,
      functions: null,
      examples: true,
      production: false,
      host: "127.0.0.1",
      port: 8080,
      healthPort: 8082,
      metricsPort: 9090,
      auth: "none",
      streamsMax: 2_000,
      streamHeartbeatMs: 15_000,
      changesKept: 10_000,
      eventRetentionMs: 604_800_000,
      eventSinks: [],
      eventSinkSecret: null,
      eventSinkRetries: 10,
      lifecycleEvents: "all",
      lifecycleEventsKept: 10_000,
      workerConcurrency: 16,
      taskConcurrency: 100,
      localActivities: true,
      localWakes: true,
      subscriptionConcurrency: 1000,
      reclaim: true,
      eventBatchSize: 500,
      eventProcessingTimeoutMs: 30_000,
      eventRetryAttempts: 3,
      eventRetryDelayMs: 200,
      timerPrecisionMs: 1_000,
      timerHorizonMs: 86_400_000,
      payloadMaxBytes: 1_048_576,
      payloadInlineBytes: 65_536,
      historyMaxEvents: 1_000_000,
      inboxMaxMessages: 10_000,
      tenantMaxOpenExecutions: 0,
      tenantMaxStartsPerSecond: 0,
      retentionClosedMs: 2_592_000_000,
      retentionDeadLettersMs: 7_776_000_000,
      shutdownGraceMs: 10_000,
      scalerJobsPerWorker: 50,
      tracing: null,
      allowPrivateNetwork: true,
      httpAllowedHosts: [],
      httpMaxResponseBytes: 1_048_576,
      resourceMaxBytes: 4_194_304,
      resourceMaxFiles: 50,
      resourceTimeoutMs: 30_000,
      resourcesDir: null,
      catalogDir: null,
      runAllowed: [],
      runTimeoutMs: 600_000,
      runMaxMemoryBytes: 536_870_912,
      runMaxOutputBytes: 1_048_576,
      logLevel: "info",
      failpoints: [],
      secrets: {},
      notices: [],
    });
  });

  test("when some settings are there but blank, then they count as not given", () => {
    expect(loadConfig({ REDIS_URL: "", DATABASE_URL: "  ", AUTH: "", PORT: "" })).toEqual(loadConfig({}));
  });
});

describe("given the address of Redis", () => {
  test.each([
    [{ REDIS_URL: "redis://localhost:6379" }, "redis://localhost:6379"],
    [{ REDIS_URL: "rediss://me:pw@cache.example:6380/3" }, "rediss://me:pw@cache.example:6380/3"],
    [{ REDIS_URL: "cache:6379" }, "redis://cache:6379"],
    [{ REDIS_URL: "10.1.2.3:7000" }, "redis://10.1.2.3:7000"],
    [{ REDIS_URL: "cache:6379", REDIS_PASSWORD: "p@ss/word" }, "redis://:p%40ss%2Fword@cache:6379"],
    [{ REDIS_URL: "redis://:own@cache:6379", REDIS_PASSWORD: "other" }, "redis://:own@cache:6379"],
    [{ REDIS_HOST: "cache" }, "redis://cache:6379"],
    [{ REDIS_HOST: "cache", REDIS_PORT: "6400", REDIS_PASSWORD: "pw" }, "redis://:pw@cache:6400"],
    [{ REDIS_HOST: "::1" }, "redis://[::1]:6379"],
    [{ REDIS_HOST: "cache", REDIS_PORT: "tcp://10.0.0.1:6379" }, "redis://cache:6379"],
  ])("when it is given as %o, then everything is on %s", (env, url) => {
    const { eventStore, database, queues, allowPrivateNetwork } = loadConfig(env);
    expect([eventStore, database, queues]).toEqual(Array.from({ length: 3 }, () => ({ kind: "redis", url })));
    expect(allowPrivateNetwork).toBe(false);
  });

  test("when the port or the password is given without a host, then each is a mistake and the password is hidden", () => {
    expect(mistakesIn({ REDIS_PORT: "6379", REDIS_PASSWORD: "hunter2" })).toEqual([
      "REDIS_PORT=6379: needs REDIS_HOST, which is not given",
      "REDIS_PASSWORD=***: needs REDIS_HOST, which is not given",
    ]);
  });
});

describe("given the choice of adapters", () => {
  const REDIS_URL = "redis://r:6379";
  const DATABASE_URL = "postgres://u:p@d/app";

  test("when only DATABASE_URL is given, then PostgreSQL carries everything", () => {
    const { eventStore, database, queues, usesEmbedded } = loadConfig({ DATABASE_URL });
    expect([eventStore, database, queues, usesEmbedded]).toEqual([
      ...Array.from({ length: 3 }, () => ({ kind: "postgres", url: DATABASE_URL })),
      false,
    ]);
  });

  test("when both URLs are given, then Redis carries everything and a notice says that DATABASE_URL is idle", () => {
    const { eventStore, database, queues, notices } = loadConfig({ REDIS_URL, DATABASE_URL });
    expect([eventStore.kind, database.kind, queues.kind]).toEqual(["redis", "redis", "redis"]);
    expect(notices).toEqual([expect.stringMatching(/^DATABASE_URL is given, but .* DB_TYPE/)]);
  });

  test("when types override, then each part goes where its own type says and no notice is needed", () => {
    const config = loadConfig({ REDIS_URL, DATABASE_URL, EVENTSTORE_TYPE: "postgres", DB_TYPE: "postgres" });
    expect([config.eventStore.kind, config.database.kind, config.queues.kind]).toEqual([
      "postgres",
      "postgres",
      "redis",
    ]);
    expect(config.notices).toEqual([]);
  });

  test("when one part is embedded beside Redis, then private networks are allowed as with everything embedded", () => {
    const config = loadConfig({ REDIS_URL, DB_TYPE: "embedded" });
    expect([config.usesEmbedded, config.allowPrivateNetwork]).toEqual([true, true]);
  });

  test("when a type needs a URL that is not given, then the mistake names both", () => {
    expect(mistakesIn({ EVENTSTORE_TYPE: "postgres", QUEUE_TYPE: "redis" })).toEqual([
      "EVENTSTORE_TYPE=postgres: needs DATABASE_URL, which is not given",
      "QUEUE_TYPE=redis: needs REDIS_URL (or REDIS_HOST), which is not given",
    ]);
  });

  test.each([
    ["EVENTSTORE_TYPE", "kafka"],
    ["QUEUE_TYPE", "rabbitmq"],
    ["DB_TYPE", "mongodb"],
  ])("when %s is %s, then the mistake lists what is supported", (name, value) => {
    expect(mistakesIn({ [name]: value })).toEqual([`${name}=${value}: must be one of redis, postgres, embedded`]);
  });
});

describe("given several mistakes at once", () => {
  test("when they are loaded, then all are reported together with value and allowed form", () => {
    expect(
      mistakesIn({
        PORT: "80800",
        HOST: "0.0.0.0",
        LOG_LEVEL: "verbose",
        EVENT_PROCESSING_TIMEOUT: "30",
        WORKER_RECLAIM_ENABLED: "maybe",
        DATABASE_URL: "mysql://root:hunter2@db/app?password=hunter2",
        DURABULL_DATADIR: "/data",
        DURABULL_COLOUR: "red",
      }),
    ).toEqual([
      "DATABASE_URL=mysql://***@db/app?password=***: must be postgres://user:password@host[:port]/database",
      "PORT=80800: must be a whole number from 0 to 65535",
      "WORKER_RECLAIM_ENABLED=maybe: must be true or false (on, off, yes, no, 1, 0 will do)",
      "EVENT_PROCESSING_TIMEOUT=30: must be a duration such as 500ms, 30s, 1m or PT30S, at least 1000ms",
      "LOG_LEVEL=verbose: must be one of trace, debug, info, warn, error, fatal, silent",
      "DURABULL_DATADIR: is not a setting; did you mean DURABULL_DATA_DIR?",
      "DURABULL_COLOUR: is not a setting",
      "HOST=0.0.0.0: is reachable from other machines, so AUTH must be set; AUTH=none lets everybody in who can connect",
    ]);
  });

  test("when two ports are the same, then the later one is named; any number of zeros is fine", () => {
    expect(mistakesIn({ HEALTH_PORT: "8080" })).toEqual([
      "HEALTH_PORT=8080: must be another port than PORT, or 0 for any free one",
    ]);
    expect(mistakesIn({ PORT: "0", HEALTH_PORT: "0", METRICS_PORT: "0" })).toEqual([]);
  });

  test("when a value is a secret or holds a password, then no mistake shows it", () => {
    const secret = fc.stringMatching(/^[a-z0-9@:/?#]{12,20}$/);
    fc.assert(
      fc.property(secret, (password) => {
        const shown = mistakesIn({
          REDIS_URL: `redis://:${password}@host:notaport`,
          DATABASE_URL: `nonsense user:${password}@host`,
          REDIS_PASSWORD: password,
        }).join("\n");
        expect(shown).toContain("DATABASE_URL=");
        expect(shown).not.toContain(password);
      }),
    );
  });
});

describe("given a duration", () => {
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["1m", 60_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["PT30S", 30_000],
    ["P1DT2H", 93_600_000],
    ["250", 250],
    ["0", 0],
  ])("when SHUTDOWN_GRACE_MS is %s, then it is %i milliseconds or refused for being too long", (given, ms) => {
    if (ms <= 3_600_000) expect(loadConfig({ SHUTDOWN_GRACE_MS: given }).shutdownGraceMs).toBe(ms);
    else expect(mistakesIn({ SHUTDOWN_GRACE_MS: given })).toHaveLength(1);
  });

  test("when SHUTDOWN_GRACE is given, then it goes before its earlier name", () => {
    expect(loadConfig({ SHUTDOWN_GRACE: "3s" }).shutdownGraceMs).toBe(3_000);
    expect(loadConfig({ SHUTDOWN_GRACE: "3s", SHUTDOWN_GRACE_MS: "100" }).shutdownGraceMs).toBe(3_000);
    expect(mistakesIn({ SHUTDOWN_GRACE: "3000" })).toHaveLength(1);
  });

  test("when the name says seconds, then a plain number is seconds", () => {
    expect(loadConfig({ WORKFLOW_TIMEOUT_SECONDS: "90" }).workflowTimeoutMs).toBe(90_000);
    expect(loadConfig({ WORKFLOW_TIMEOUT_SECONDS: "2m" }).workflowTimeoutMs).toBe(120_000);
  });

  test.each(["P", "PT", "P1DT", "-5s", "5 minutes", "1e3", "s", "P1M"])(
    "when it is %o, then it is refused",
    (given) => {
      expect(mistakesIn({ SHUTDOWN_GRACE_MS: given })).toHaveLength(1);
    },
  );
});

describe("given access from other machines", () => {
  test("when AUTH=none is explicit, then it is allowed with a warning at each start", () => {
    const { notices, auth } = loadConfig({ HOST: "0.0.0.0", AUTH: "none" });
    expect(auth).toBe("none");
    expect(notices).toEqual([expect.stringMatching(/^AUTH=none on 0\.0\.0\.0: everybody/)]);
  });

  test("when AUTH names something else, then the mistake says what exists", () => {
    expect(mistakesIn({ AUTH: "oidc" })).toEqual(["AUTH=oidc: must be one of none"]);
  });

  test.each(["localhost", "127.0.0.5", "::1"])("when HOST is %s, then no AUTH is needed and nothing warns", (HOST) => {
    expect(loadConfig({ HOST }).notices).toEqual([]);
  });
});

describe("given names that are no settings", () => {
  test.each(["WORKER_CONSUMER_GROUP", "WORKER_STREAM_BATCH", "WORKER_STREAM_BLOCK", "TIMER_SERVICE_ENABLED"])(
    "when %s is set, then one line says what took its place",
    (name) => {
      expect(loadConfig({ [name]: "x" }).notices).toEqual([
        expect.stringMatching(`^${name} has no effect here: .{20,}`),
      ]);
    },
  );

  test.each([
    ["DATABSE_URL", "DATABASE_URL"],
    ["WORKER_CONCURENCY", "WORKER_CONCURRENCY"],
    ["LOGLEVEL", "LOG_LEVEL"],
    ["redis_url", "REDIS_URL"],
  ])("when %s is set, then a notice proposes %s", (name, meant) => {
    expect(loadConfig({ [name]: "x" }).notices).toEqual([`${name} is not a setting: did you mean ${meant}?`]);
  });

  test("when a usual shell environment is loaded, then nothing is noticed", () => {
    const names =
      "HOME PATH HOSTNAME SHELL USER LANG TERM PWD SHLVL EDITOR TZ TMPDIR CI HTTP_PROXY NO_PROXY PGHOST NODE_OPTIONS";
    expect(loadConfig(Object.fromEntries(names.split(" ").map((name) => [name, "x"]))).notices).toEqual([]);
  });

  test("when Kubernetes adds the links of a service called durabull, then they are no mistake", () => {
    const links = [
      "DURABULL_SERVICE_HOST",
      "DURABULL_PORT",
      "DURABULL_API_PORT_8080_TCP_ADDR",
      "DURABULL_SERVICE_PORT_HTTP",
    ];
    expect(mistakesIn(Object.fromEntries(links.map((name) => [name, "x"])))).toEqual([]);
  });
});

describe("given hosts that HTTP calls may reach", () => {
  test("when names, domains, addresses and ranges are listed, then they are kept in one spelling", () => {
    expect(
      loadConfig({ HTTP_ALLOWED_HOSTS: "Api.Internal., *.Svc.Local ,10.0.0.0/8,[::1],fd00::/8" }).httpAllowedHosts,
    ).toEqual(["api.internal", "*.svc.local", "10.0.0.0/8", "::1", "fd00::/8"]);
  });

  test.each(["http://a", "10.0.0.0/33", "*", "a b", "*.10.0.0.1", "127.1"])(
    "when %s is listed, then it is refused",
    (given) => {
      expect(mistakesIn({ HTTP_ALLOWED_HOSTS: given })).toHaveLength(1);
    },
  );
});

describe("given a failpoint", () => {
  test("when its text is right, then name, action and probability are known and a notice warns", () => {
    const { failpoints, notices } = loadConfig({
      DURABULL_FAILPOINT: "after-commit:kill:0.05, before-settle:delay250:1",
    });
    expect(failpoints).toEqual([
      { name: "after-commit", action: { kind: "kill" }, probability: 0.05 },
      { name: "before-settle", action: { kind: "delay", delayMs: 250 }, probability: 1 },
    ]);
    expect(notices).toHaveLength(1);
  });

  test.each([
    "after-commit",
    "after-commit:explode:1",
    "nowhere:kill:1",
    "after-commit:kill:2",
    "after-commit:delay:1",
  ])("when it is %s, then it is refused", (given) => {
    expect(mistakesIn({ DURABULL_FAILPOINT: given })).toHaveLength(1);
  });
});

describe("given secrets in the environment", () => {
  const secrets = createEnvSecrets(
    loadConfig({
      SECRET_TOKEN: "abc",
      SECRET_PAYMENTS_KEY: '{"id":"k1","secret":"s"}',
      SECRET_DIGITS: "12345678901234567890",
      SECRET_BROKEN: "{not json",
    }).secrets,
  );

  test("when they are asked for, then JSON is parsed, other text stays text, unknown ones are absent", async () => {
    expect(await secrets.get(["TOKEN", "payments-key", "DIGITS", "BROKEN", "constructor", "NONE"])).toEqual({
      TOKEN: "abc",
      "payments-key": { id: "k1", secret: "s" },
      DIGITS: "12345678901234567890",
      BROKEN: "{not json",
    });
  });
});

describe("given a retention", () => {
  test.each([
    ["12h", 43_200_000],
    ["400d", 34_560_000_000],
    ["P7D", 604_800_000],
    ["0", Number.POSITIVE_INFINITY],
    ["OFF", Number.POSITIVE_INFINITY],
  ])("when it is %s, then what has ended is kept for %d ms", (given, expected) => {
    const config = loadConfig({ RETENTION_CLOSED: given, RETENTION_DEAD_LETTERS: given });
    expect(config).toMatchObject({ retentionClosedMs: expected, retentionDeadLettersMs: expected });
  });

  test.each(["30", "500ms", "never", "-1d"])("when it is %s, then it is refused with the forms there are", (given) => {
    expect(mistakesIn({ RETENTION_CLOSED: given })).toEqual([
      `RETENTION_CLOSED=${given}: must be a duration such as 12h or 30d, at least 1s, or 0 or off to keep for ever`,
    ]);
  });
});

import type { AdapterKind, Settings } from "./settings.ts";

/** Which adapter carries something, and where it finds its server. */
export type AdapterChoice =
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "embedded" };

export interface AdapterChoices {
  readonly eventStore: AdapterChoice;
  readonly database: AdapterChoice;
  readonly queues: AdapterChoice;
}

const CHOOSERS = { eventStore: "EVENTSTORE_TYPE", database: "DB_TYPE", queues: "QUEUE_TYPE" } as const;

/**
 * One server carries all three unless a `*_TYPE` says otherwise: Redis when its URL is given, else PostgreSQL, else the embedded one.
 * With both URLs it is Redis for all: nothing is split over two servers that somebody must keep in step without having asked for it.
 */
export function chooseAdapters(
  settings: Partial<Settings>,
  redisUrl: string | undefined,
): { readonly choices: AdapterChoices; readonly mistakes: readonly string[]; readonly notices: readonly string[] } {
  const urls = { redis: redisUrl, postgres: settings.DATABASE_URL };
  const usual: AdapterKind = urls.redis ? "redis" : urls.postgres ? "postgres" : "embedded";
  const mistakes: string[] = [];
  const choose = (setting: (typeof CHOOSERS)[keyof typeof CHOOSERS]): AdapterChoice => {
    const kind = settings[setting] ?? usual;
    if (kind === "embedded") return { kind };
    const url = urls[kind];
    if (url !== undefined) return { kind, url };
    mistakes.push(
      `${setting}=${kind}: needs ${kind === "redis" ? "REDIS_URL (or REDIS_HOST)" : "DATABASE_URL"}, which is not given`,
    );
    return { kind, url: "" };
  };
  const choices = {
    eventStore: choose(CHOOSERS.eventStore),
    database: choose(CHOOSERS.database),
    queues: choose(CHOOSERS.queues),
  };
  return { choices, mistakes, notices: mistakes.length > 0 ? [] : unusedUrls(choices, urls) };
}

function unusedUrls(
  choices: AdapterChoices,
  urls: { readonly redis: string | undefined; readonly postgres: string | undefined },
): readonly string[] {
  const used = new Set(Object.values(choices).map((choice: AdapterChoice) => choice.kind));
  const idle = (kind: "redis" | "postgres", name: string) =>
    urls[kind] !== undefined && !used.has(kind)
      ? [
          `${name} is given, but event store, database and queues are all on ${[...used].join(" and ")}: set ${Object.values(CHOOSERS).join(", ")} to use it`,
        ]
      : [];
  return [...idle("redis", "REDIS_URL"), ...idle("postgres", "DATABASE_URL")];
}

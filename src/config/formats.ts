import { isIP } from "node:net";
import { z } from "zod";
import { FAILPOINT_FORM, parseFailpoints } from "../values/failpoints.ts";

/**
 * The forms a setting may take: text in, value out. The message of each is its allowed form, written to follow "must be".
 */
const format = <Value>(form: string, parse: (text: string) => Value | undefined) =>
  z.string().transform((text, context): Value => {
    const value = parse(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: form });
    return z.NEVER;
  });

export const text = () => format("text", (given) => given);

export const integer = (least: number, most: number) =>
  format(`a whole number from ${least} to ${most}`, (given) => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });

export const port = () => integer(0, 65_535);

const YES = ["true", "on", "yes", "1"];
const NO = ["false", "off", "no", "0"];
export const flag = () =>
  format("true or false (on, off, yes, no, 1, 0 will do)", (given) => {
    const word = given.toLowerCase();
    return YES.includes(word) ? true : NO.includes(word) ? false : undefined;
  });

/** Or a word of its own. */
export const flagOr = <const Word extends string>(word: Word) =>
  format(`true, ${word} or false (on, off, yes, no, 1, 0 will do)`, (given): boolean | Word | undefined => {
    const said = given.toLowerCase();
    return said === word ? word : YES.includes(said) ? true : NO.includes(said) ? false : undefined;
  });

export const oneOf = <const Words extends readonly string[]>(...words: Words) =>
  format(`one of ${words.join(", ")}`, (given): Words[number] | undefined => words.find((word) => word === given));

/** A comma-separated list of `words`, each once. */
export const someOf = <const Words extends readonly string[]>(...words: Words) =>
  format(`a comma-separated list of ${words.join(", ")}`, (given): readonly Words[number][] | undefined => {
    const named = given.split(",").map((part) => part.trim().toLowerCase());
    return named.every((name) => words.includes(name)) ? words.filter((word) => named.includes(word)) : undefined;
  });

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PARTS = /^(?:(\d+(?:\.\d+)?)(ms|s|m|h|d))+$/;
const ISO = /^P(?=\d|T\d)(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;

/**
 * A duration in milliseconds. `plainUnit` is the unit in the setting's name; without one, a number needs its unit.
 * @param most longest allowed, in milliseconds.
 */
export const durationMs = (
  options: { readonly plainUnit?: "ms" | "s"; readonly least?: number; readonly most?: number } = {},
) => {
  const { plainUnit, least = 0, most = 365 * 86_400_000 } = options;
  const plain =
    plainUnit === undefined ? "" : `, or a plain number of ${plainUnit === "s" ? "seconds" : "milliseconds"}`;
  const range = least > 0 ? `, at least ${least}ms` : "";
  return format(`a duration such as 500ms, 30s, 1m or PT30S${plain}${range}`, (given) => {
    const value = millisecondsOf(given, plainUnit);
    return value !== undefined && value >= least && value <= most ? Math.round(value) : undefined;
  });
};

const NEVER = ["0", "off"];
/** How long something is kept, in milliseconds; Infinity for what is kept for ever. */
export const keptMs = () =>
  format("a duration such as 12h or 30d, at least 1s, or 0 or off to keep for ever", (given) => {
    if (NEVER.includes(given.toLowerCase())) return Number.POSITIVE_INFINITY;
    const value = millisecondsOf(given, undefined);
    return value !== undefined && value >= 1_000 && value <= 36_500 * 86_400_000 ? Math.round(value) : undefined;
  });

function millisecondsOf(given: string, plainUnit: "ms" | "s" | undefined): number | undefined {
  if (/^\d+(\.\d+)?$/.test(given)) {
    if (plainUnit === undefined) return Number(given) === 0 ? 0 : undefined;
    return Number(given) * (UNIT_MS[plainUnit] ?? 1);
  }
  if (PARTS.test(given)) {
    const parts = [...given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ""] ?? 0), 0);
  }
  const iso = ISO.exec(given);
  if (iso === null || given.endsWith("T")) return undefined;
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = iso;
  return Number(days) * 86_400_000 + Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000;
}

const HOST_NAME = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** A host name or address, lower case, without brackets or trailing dot. */
function hostOf(given: string): string | undefined {
  const host = given
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
  if (isIP(host) !== 0) return host;
  // A name that ends in a number would be read as an address by some parsers and as a name by others.
  return HOST_NAME.test(host) && host.length <= 253 && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host) ? host : undefined;
}

export const host = () => format("a host name or an IP address", hostOf);

export const hostPatterns = () =>
  format(
    "a comma-separated list of host names, *.domains, IP addresses and address ranges such as 10.0.0.0/8",
    (given) => {
      const patterns = given.split(",").flatMap((part) => (part.trim() === "" ? [] : [hostPatternOf(part.trim())]));
      return patterns.every((pattern) => pattern !== undefined) ? patterns : undefined;
    },
  );

function hostPatternOf(given: string): string | undefined {
  const range = /^(.+)\/(\d{1,3})$/.exec(given);
  if (range !== null) {
    const [, address = "", bits = ""] = range;
    const family = isIP(address);
    return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128)
      ? `${address.toLowerCase()}/${Number(bits)}`
      : undefined;
  }
  if (!given.startsWith("*.")) return hostOf(given);
  const domain = hostOf(given.slice(2));
  return domain === undefined || isIP(domain) !== 0 ? undefined : `*.${domain}`;
}

/** `redis://` and `rediss://` URLs as they are; `host`, `host:port` and `user:password@host:port` become one. */
export const redisUrl = () =>
  format("redis://[user:password@]host[:port][/database], rediss://… or host:port", (given) => {
    const url = urlOf(/^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `redis://${given}`);
    if (url === undefined || !["redis:", "rediss:"].includes(url.protocol)) return undefined;
    return /^\/?\d*$/.test(url.pathname) && url.hostname !== "" ? url.href : undefined;
  });

export const postgresUrl = () =>
  format("postgres://user:password@host[:port]/database", (given) => {
    const url = urlOf(given);
    return url !== undefined && ["postgres:", "postgresql:"].includes(url.protocol) ? given : undefined;
  });

export const httpUrl = () =>
  format("http://host[:port][/path] or https://…", (given) => {
    const url = urlOf(given);
    return url !== undefined && ["http:", "https:"].includes(url.protocol) ? url.href : undefined;
  });

/** `https://host/path,https://…` */
export const httpUrls = () =>
  format("a comma-separated list of http://host[:port][/path] or https://…", (given) => {
    const urls = given.split(",").flatMap((part) => (part.trim() === "" ? [] : [urlOf(part.trim())]));
    const isWeb = (url: URL | undefined): url is URL => url !== undefined && /^https?:$/.test(url.protocol);
    return urls.every(isWeb) ? urls.map(({ href }) => href) : undefined;
  });

/** `name=value,name=value`, values percent-encoded, as OpenTelemetry writes headers. */
export const headerList = () =>
  format("name=value[,name=value…]", (given) => {
    const pairs = given.split(",").map((pair) => /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(\S*)\s*$/.exec(pair));
    if (pairs.some((pair) => pair === null)) return undefined;
    return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", unescaped(pair?.[2] ?? "")]));
  });

/** Percent-decoded; as it is where that is malformed. */
export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function urlOf(given: string): URL | undefined {
  return URL.canParse(given) ? new URL(given) : undefined;
}

export const timeZone = () =>
  format("a time zone such as UTC or Europe/Berlin", (given) => {
    try {
      new Intl.DateTimeFormat("en", { timeZone: given });
      return given;
    } catch {
      return undefined;
    }
  });

export const failpoints = () => format(FAILPOINT_FORM, parseFailpoints);

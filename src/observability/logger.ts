import pino, { type Logger, type LoggerOptions } from "pino";
import pretty from "pino-pretty";

/** Members that may hold a secret, wherever they stand down to the third level. */
const SECRET_MEMBERS = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "password",
  "secret",
  "secrets",
  "token",
  "apiKey",
  "x-api-key",
];
const REDACTED = ["", "*.", "*.*."].flatMap((place) =>
  SECRET_MEMBERS.map((name) => (name.includes("-") ? `${place.replace(/\.$/, "")}["${name}"]` : `${place}${name}`)),
);
const HIDDEN = "[hidden]";
/** A shorter text is too likely a part of something else. */
const SHORTEST_SECRET = 8;

export interface LoggerSettings {
  readonly level: string;
  /** Name of this process, `worker-<uuid>`, on every line. */
  readonly worker: string;
  readonly terminal: boolean;
  /** Texts that stand in no line, wherever they come from. */
  readonly secrets?: readonly string[];
  /** More members of each line: those of the active trace. */
  readonly more?: (() => object) | undefined;
}

/** JSON lines on standard output; on a terminal, one readable line each. */
export function createLogger({ level, worker, terminal, secrets = [], more }: LoggerSettings): Logger {
  const hide = hider(secrets);
  const base: LoggerOptions = {
    level,
    redact: { paths: REDACTED, censor: HIDDEN },
    ...(more === undefined ? {} : { mixin: more }),
    ...(hide === undefined ? {} : { hooks: { streamWrite: hide } }),
  };
  if (!terminal) return pino({ ...base, base: { worker } });
  const stream = pretty({
    colorize: true,
    ignore: "pid,hostname,worker",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    sync: true,
  });
  return pino({ ...base, base: null }, stream);
}

/** Replaces secrets in a line as JSON writes them; undefined when there are none, so that nothing is looked through. */
function hider(secrets: readonly string[]): ((line: string) => string) | undefined {
  const texts = secrets
    .filter((text) => text.length >= SHORTEST_SECRET)
    .flatMap((text) => [...new Set([text, JSON.stringify(text).slice(1, -1)])])
    .sort((a, b) => b.length - a.length);
  if (texts.length === 0) return undefined;
  return (line) => texts.reduce((shown, text) => (shown.includes(text) ? shown.replaceAll(text, HIDDEN) : shown), line);
}

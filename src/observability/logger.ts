import pino, { type Logger, type LoggerOptions } from "pino";
import pretty from "pino-pretty";
import type { Hider } from "./hider.ts";

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

export interface LoggerSettings {
  readonly level: string;
  /** Name of this process, `worker-<uuid>`, on every line. */
  readonly worker: string;
  readonly terminal: boolean;
  /** What it hides stands in no line, wherever it comes from. */
  readonly hider?: Hider;
  /** More members of each line: those of the active trace. */
  readonly more?: (() => object) | undefined;
}

/** JSON lines on standard output; on a terminal, one readable line each. */
export function createLogger({ level, worker, terminal, hider, more }: LoggerSettings): Logger {
  const base: LoggerOptions = {
    level,
    redact: { paths: REDACTED, censor: HIDDEN },
    ...(more === undefined ? {} : { mixin: more }),
    ...(hider === undefined ? {} : { hooks: { streamWrite: hider.hide } }),
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

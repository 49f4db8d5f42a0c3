import pino, { type Logger } from "pino";
import pretty from "pino-pretty";

/** Names of members that may hold a secret wherever they stand. */
const REDACTED = [
  "authorization",
  "password",
  "secret",
  "token",
  "apiKey",
  "cookie",
  "*.authorization",
  "*.password",
  "*.token",
];

/**
 * JSON lines on standard output; on a terminal, one readable line each.
 * @param worker name of this process, `worker-<uuid>`, on every line.
 */
export function createLogger(options: {
  readonly level: string;
  readonly worker: string;
  readonly terminal: boolean;
}): Logger {
  const base = { level: options.level, redact: { paths: REDACTED, censor: "[hidden]" } };
  if (!options.terminal) return pino({ ...base, base: { worker: options.worker } });
  const stream = pretty({
    colorize: true,
    ignore: "pid,hostname,worker",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    sync: true,
  });
  return pino({ ...base, base: null }, stream);
}

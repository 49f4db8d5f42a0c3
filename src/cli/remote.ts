import { type Command, InvalidArgumentError, Option } from "commander";
import { DurabullClient, type Json } from "../client/index.ts";
import { jsonFaults } from "../values/json-text.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { type Terminal, UnusableFileError } from "./terminal.ts";

/** Options of every command that speaks to a service. */
export interface RemoteOptions {
  readonly url: string;
  readonly tenant?: string;
  readonly json?: boolean;
}

export function remote(command: Command): Command {
  command
    .addOption(
      new Option("--url <url>", "where the service is")
        .env("DURABULL_URL")
        .argParser(serviceUrl)
        .default(defaultUrl(process.env)),
    )
    .option("--tenant <tenant>", "the tenant")
    .option("--json", "print JSON, for programs");
  return command.addHelpText("after", EXIT_CODES);
}

/** Where a service with these settings listens, as seen from this machine. What is wrong with them is the service's to say. */
export function defaultUrl({ HOST = "", PORT = "" }: Readonly<Record<string, string | undefined>>): string {
  const port = /^[1-9]\d{0,4}$/.test(PORT.trim()) ? PORT.trim() : "8080";
  const given = HOST.trim();
  const host = ["", "0.0.0.0", "::", "localhost"].includes(given) ? "127.0.0.1" : given;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return URL.canParse(url) ? url : `http://127.0.0.1:${port}`;
}

function serviceUrl(text: string): string {
  const isUsable = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isUsable) throw new InvalidArgumentError("expected an address such as http://127.0.0.1:8080");
  return text;
}

export function clientOf({ url, tenant }: RemoteOptions): DurabullClient {
  return new DurabullClient({ url, ...(tenant === undefined ? {} : { tenant }) });
}

/** `namespace/name` or `namespace/name/version`. */
export interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly version?: string;
}

export function named(text: string): Named {
  const [namespace = "", name = "", version, ...rest] = text.split("/");
  if (namespace === "" || name === "" || version === "" || rest.length > 0) {
    throw new InvalidArgumentError("expected namespace/name or namespace/name/version");
  }
  return { namespace, name, ...(version === undefined ? {} : { version }) };
}

/** For an option that may be repeated: `key=value`. */
export function labelled(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected key=value");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
}

export function moment(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError("expected a moment such as 2030-12-31T23:59:59Z");
  return date;
}

/** Of `--input`: JSON, or `@file`. @throws {UnusableFileError} */
export async function inputOf(text: string, terminal: Terminal): Promise<Json> {
  const file = text.startsWith("@") ? text.slice(1) : undefined;
  const json = file === undefined ? text : await terminal.read(file);
  const faults = jsonFaults(json);
  if (faults.length === 0) return JSON.parse(json);
  const what = file === undefined ? "--input" : `--input @${file}`;
  const places = faults.map(
    ({ pointer, line, column, message }) => `${line}:${column}: ${pointer === "" ? "" : `${pointer}: `}${message}`,
  );
  throw new UnusableFileError(
    [`${what} is not JSON that can be sent:`, ...places.map((each) => `  ${each}`)].join("\n"),
  );
}

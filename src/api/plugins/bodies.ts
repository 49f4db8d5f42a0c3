import type { FastifyInstance } from "fastify";
import type { Json } from "../../values/json.ts";
import { jsonFaults } from "../../values/json-text.ts";
import { RequestRefusedError } from "../request-errors.ts";

export const YAML_TYPES = [
  "application/yaml",
  "application/x-yaml",
  "text/yaml",
  "text/x-yaml",
  "text/vnd.yaml",
] as const;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Takes JSON bodies and nothing else; what is wrong with one is told with its line. No body at all is `undefined`. */
export function takeJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_request: unknown, body: Buffer) => {
    if (body.length === 0) return undefined;
    return jsonOf(textOf(body));
  });
}

/** Takes YAML and JSON bodies as the text they are. */
export function takeTextBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ["application/json", ...YAML_TYPES],
    { parseAs: "buffer" },
    async (_request: unknown, body: Buffer) => textOf(body),
  );
}

/** @throws {RequestRefusedError} that tells everything that is wrong with it, and where. */
export function jsonOf(text: string): Json {
  const faults = jsonFaults(text);
  const [first] = faults;
  if (first === undefined) return JSON.parse(text);
  const more = faults.length === 1 ? "" : ` (and ${faults.length - 1} more)`;
  throw new RequestRefusedError(
    "DURABULL_MALFORMED_BODY",
    `line ${first.line}, column ${first.column}: ${first.message}${more}`,
    {
      issues: faults.map(({ pointer, line, column, message }) => ({
        pointer,
        line,
        message: `column ${column}: ${message}`,
      })),
    },
  );
}

/** @throws {RequestRefusedError} when it is not UTF-8. */
export function textOf(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new RequestRefusedError("DURABULL_MALFORMED_BODY", "the body is not UTF-8");
  }
}

import type { FastifyInstance } from "fastify";
import { jsonFault } from "../json-text.ts";
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
    const text = textOf(body);
    const fault = jsonFault(text);
    if (fault === undefined) return JSON.parse(text);
    const { line, column, message } = fault;
    throw new RequestRefusedError("DURABULL_MALFORMED_BODY", `line ${line}, column ${column}: ${message}`, {
      issues: [{ pointer: "", line, message: `column ${column}: ${message}` }],
    });
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

function textOf(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new RequestRefusedError("DURABULL_MALFORMED_BODY", "the body is not UTF-8");
  }
}

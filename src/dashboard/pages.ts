import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyPluginAsync } from "fastify";

const FILES = [
  "app.js",
  "api.js",
  "dom.js",
  "format.js",
  "list-page.js",
  "execution-page.js",
  "schedules-page.js",
  "timeline.js",
  "style.css",
  "icon.svg",
];
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
/** Only our own files, nothing inline, and no address but this service's own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The dashboard: `/` and its few files under `/assets/`, as they are, from memory. */
export const dashboardPages: FastifyPluginAsync = async (app) => {
  const pages = [["/", "index.html"], ...FILES.map((file) => [`/assets/${file}`, file])] as const;
  for (const [url, file = ""] of pages) {
    const content = readFileSync(new URL(`./public/${file}`, import.meta.url));
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const type = TYPES[file.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    const headers = { "content-security-policy": POLICY, "cache-control": "no-cache", etag };
    app.get(url ?? "/", { schema: { hide: true } }, async (request, reply) => {
      reply.headers(headers);
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.type(type).send(content);
    });
  }
};

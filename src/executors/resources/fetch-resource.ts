import { open, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import type { Dispatcher } from "undici";
import type { FetchResource, ResourceLocation } from "../../ports/resources.ts";
import { problemOf } from "../../values/problem.ts";
import type { ExecutorAuthenticator } from "../auth/authenticator.ts";
import { ENCODINGS } from "../http/body.ts";
import { bodyOf, type HttpResponse, headerOf } from "../http/client.ts";
import { decodeText } from "../http/content.ts";
import { networkProblem } from "../http/network-error.ts";
import { followed } from "../http/perform.ts";
import { ProblemError } from "../http/problem-error.ts";

export interface ResourcePolicy {
  readonly agent: Dispatcher;
  readonly authenticator: ExecutorAuthenticator;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Folder of `file://` resources; null: there are none. */
  readonly directory: string | null;
  /** Folder of the catalog `default`; null: there is none. */
  readonly catalog: string | null;
}

const DEFAULT_CATALOG = "catalog://default/";
const LIMIT = "RESOURCE_MAX_BYTES";

/**
 * Fetches external resources as text: over HTTP under the rules of calls (redirections are followed), or from a configured folder.
 * Communication when it cannot be had, timeout 408 after `timeoutMs`, configuration 400 for what no setting allows or is no text.
 */
export function createResourceFetcher(policy: ResourcePolicy): FetchResource {
  return async (location, signal) => {
    const limit = AbortSignal.timeout(policy.timeoutMs);
    const { uri } = location;
    try {
      const content = await contentAt(policy, location, AbortSignal.any([signal, limit]));
      if (!content.includes("\0")) return { ok: true, content };
      throw new ProblemError("configuration", "it is no text");
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted) {
        return { ok: false, error: problemOf("timeout", `${origin(uri)}: no answer within ${policy.timeoutMs} ms`) };
      }
      return { ok: false, error: networkProblem(error, "GET", origin(uri)) };
    }
  };
}

async function contentAt(policy: ResourcePolicy, location: ResourceLocation, signal: AbortSignal): Promise<string> {
  const { uri } = location;
  if (uri.startsWith(DEFAULT_CATALOG)) {
    const { catalog } = policy;
    if (catalog === null) {
      throw new ProblemError("configuration", 'this worker serves no catalog "default": CATALOG_DIR is not set');
    }
    return textIn(catalog, uri.slice(DEFAULT_CATALOG.length), policy.maxBytes);
  }
  if (/^file:/i.test(uri)) {
    if (policy.directory === null) {
      throw new ProblemError("configuration", "this worker reads no file:// resources: RESOURCES_DIR is not set");
    }
    return textIn(policy.directory, uri.replace(/^file:\/+/i, ""), policy.maxBytes);
  }
  return textOver(policy, location, signal);
}

/** A file of a folder; symbolic links that leave it are refused. */
async function textIn(directory: string, path: string, maxBytes: number): Promise<string> {
  const root = await realpath(directory);
  const wanted = join(root, decodedPath(path));
  const file = await realpath(wanted).catch(() => undefined);
  const inside = file === undefined ? "" : relative(root, file);
  if (file === undefined || inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new ProblemError("communication", `there is no file ${path}`, 404);
  }
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    if (size > maxBytes)
      throw new ProblemError("communication", `the file is longer than ${maxBytes} bytes (${LIMIT})`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function textOver(policy: ResourcePolicy, location: ResourceLocation, signal: AbortSignal): Promise<string> {
  const { agent, authenticator, maxBytes } = policy;
  const url = new URL(location.uri);
  const { authentication } = location;
  const credentials = authentication === undefined ? undefined : authenticator.credentialsFor(authentication, signal);
  const headers: Record<string, string> = { accept: "*/*", "accept-encoding": ENCODINGS, "user-agent": "durabull" };
  if (url.username !== "" || url.password !== "") {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(user).toString("base64")}`;
    url.username = "";
    url.password = "";
  }
  url.hash = "";
  const { response } = await followed(agent, { method: "GET", url, headers, body: null }, credentials, true, signal);
  await demandSuccess(response);
  const body = await bodyOf(response, maxBytes, LIMIT);
  return decodeText(body, headerOf(response, "content-type") ?? "");
}

async function demandSuccess(response: HttpResponse): Promise<void> {
  const { statusCode } = response;
  if (statusCode >= 200 && statusCode < 300) return;
  response.body.destroy();
  throw new ProblemError("communication", `answered ${statusCode}`, statusCode);
}

function origin(uri: string): string {
  if (!URL.canParse(uri)) return uri;
  const url = new URL(uri);
  return /^https?:$/.test(url.protocol) ? `${url.origin}${url.pathname}` : uri;
}

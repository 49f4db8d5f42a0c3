import { look, newSweep, type Sweep } from "./canary.ts";

/** Real values of the parameters that stand in addresses. */
export type PathValues = Readonly<Record<string, readonly string[]>>;

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Longer than a stream needs for what was. */
const STREAM_MS = 1_000;
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "/api/v1/executions/{executionId}": ["?wait=1ms"],
  "/api/v1/executions/{executionId}/history": ["?order=desc&limit=500"],
  "/api/v1/executions/{executionId}/state": ["?at=1", "?at=3"],
};
const PAGES = ["/", "/metrics", "/docs", "/openapi.json", "/livez", "/readyz", "/queues/"];

/** Every answer to a GET that the description of the API names, with all values given, and the pages. @throws {Error} for a parameter without values. */
export async function sweepApi(url: string, values: PathValues): Promise<Sweep> {
  const sweep = newSweep();
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as Described;
  const routes = Object.keys(paths).filter((path) => paths[path]?.get !== undefined);
  const addresses = routes.flatMap((route) =>
    addressesOf(route, values).flatMap((address) => ["", ...(VARIANTS[route] ?? [])].map((query) => address + query)),
  );
  for (const address of new Set([...addresses, ...PAGES])) await sweepAddress(sweep, url, address);
  return sweep;
}

function addressesOf(route: string, values: PathValues): readonly string[] {
  const [whole, name] = /\{(\w+)\}/.exec(route) ?? [];
  if (whole === undefined || name === undefined) return [route];
  const known = values[name];
  if (known === undefined) throw new Error(`no value is known of ${name} in ${route}`);
  return known.flatMap((value) => addressesOf(route.replace(whole, encodeURIComponent(value)), values));
}

async function sweepAddress(sweep: Sweep, url: string, address: string): Promise<void> {
  const response = await fetch(url + address);
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const text = isStream ? await firstOf(response) : await response.text();
  look(sweep, address, `${JSON.stringify([...response.headers])} ${text}`);
}

async function firstOf(response: Response): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => void reader?.cancel(), STREAM_MS);
  let text = "";
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read())
    text += part.value;
  clearTimeout(timer);
  return text;
}

/** What Bull Board shows of every queue: its lists, each job alone, and each job's log. */
export async function sweepBoard(url: string): Promise<Sweep> {
  const sweep = newSweep();
  const api = `${url}/queues/api/queues`;
  interface Board {
    readonly queues: readonly { readonly name: string; readonly jobs: readonly { readonly id: string }[] }[];
  }
  const { queues } = (await (await fetch(api)).json()) as Board;
  for (const { name } of queues) {
    for (const status of ["latest", "active", "waiting", "completed", "failed", "delayed", "prioritized", "paused"]) {
      const text = await (await fetch(`${api}?activeQueue=${name}&status=${status}&page=1&jobsPerPage=200`)).text();
      look(sweep, `board ${name} ${status}`, text);
      const jobs = (JSON.parse(text) as Board).queues.find((queue) => queue.name === name)?.jobs ?? [];
      for (const { id } of jobs) {
        for (const path of [`${name}/${encodeURIComponent(id)}`, `${name}/${encodeURIComponent(id)}/logs`]) {
          look(sweep, `board ${path}`, await (await fetch(`${api}/${path}`)).text());
        }
      }
    }
  }
  return sweep;
}

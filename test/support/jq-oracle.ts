import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Jq, loadJq } from "jq-wasm";
import type { Json } from "../../src/values/json.ts";
import type { Outcome } from "./jq-values.ts";

/** jq itself, in this process. */
export interface Oracle {
  /** What a program gives; undefined when jq broke off (memory, stack) and can tell nothing. */
  run(program: string, input: Json): Promise<Outcome | undefined>;
}

const MAX_HEAP_BYTES = 256 * 2 ** 20;

/** The part of the global `WebAssembly` used here; the types of Node lack it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Imports) => object;
}
type Imports = Record<string, Record<string, unknown>>;
const { Module, Instance } = Reflect.get(globalThis, "WebAssembly") as WebAssemblyApi;

/** A machine that broke is replaced. */
export async function loadOracle(): Promise<Oracle> {
  const wasm = new Module(readFileSync(createRequire(import.meta.url).resolve("jq-wasm/jq.wasm")));
  let jq = await loadMachine(wasm);
  return {
    async run(program, input) {
      try {
        const { stdout, stderr, exitCode } = jq.raw(JSON.stringify(input), program, ["-c"]);
        const outputs = stdout.split("\n").filter((line) => line !== "");
        return { outputs: outputs.map((line) => JSON.parse(line)), ...(exitCode === 0 ? {} : { error: stderr }) };
      } catch {
        jq = await loadMachine(wasm);
        return undefined;
      }
    },
  };
}

function loadMachine(wasm: object): Promise<Jq> {
  return loadJq({
    instantiateWasm(imports: Imports, onSuccess: (instance: object, module: object) => void) {
      for (const functions of Object.values(imports)) limitHeap(functions);
      onSuccess(new Instance(wasm, imports), wasm);
    },
  });
}

/** Without a limit one program can take 2 GB. */
function limitHeap(functions: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(functions)) {
    if (typeof value !== "function") continue;
    if (value.name === "_emscripten_resize_heap") {
      functions[key] = (bytes: number) => (bytes >>> 0 > MAX_HEAP_BYTES ? 0 : Number(value(bytes)));
    }
    // The original prints to the console before it throws.
    if (value.name === "__abort_js") functions[key] = abort;
  }
}

function abort(): never {
  throw new Error("abort");
}

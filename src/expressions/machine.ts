import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Jq, loadJq } from "jq-wasm";

/** What one run of jq gave. */
export interface Run {
  /** JSON texts, one a line. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** jq itself broke off: out of memory or out of stack. */
export class MachineAbort extends Error {}

/** A program may not grow its machine beyond this; without a limit one expression can take 2 GB. */
const MAX_HEAP_BYTES = 256 * 2 ** 20;
/** A broken machine cannot be used again and a new one is ready only after the current turn: so many may break in one turn. */
const SPARES = 4;

/** The part of the global `WebAssembly` used here; the types of Node lack it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Imports) => object;
}
type Imports = Record<string, Record<string, unknown>>;
const { Module, Instance } = Reflect.get(globalThis, "WebAssembly") as WebAssemblyApi;

const wasm = new Module(readFileSync(createRequire(import.meta.url).resolve("jq-wasm/jq.wasm")));
const ready: Jq[] = await Promise.all(Array.from({ length: SPARES }, load));

/**
 * Runs a program over one JSON text, in this thread, to its end: a program that never ends never gives the thread back.
 *
 * @throws {MachineAbort} when the program exhausts memory or stack.
 */
export function run(program: string, input: string): Run {
  const machine = ready[0];
  if (machine === undefined) throw new Error("every jq machine broke in this turn; new ones are being loaded");
  try {
    return machine.raw(input, program, ["-c"]);
  } catch (cause) {
    ready.shift();
    void load().then((fresh) => ready.push(fresh));
    throw new MachineAbort("jq ran out of memory or nests too deeply", { cause });
  }
}

/** A new machine. All of it happens in microtasks: the module is compiled already. */
function load(): Promise<Jq> {
  return loadJq({
    instantiateWasm(imports: Imports, onSuccess: (instance: object, module: object) => void) {
      for (const functions of Object.values(imports)) limitHeap(functions);
      onSuccess(new Instance(wasm, imports), wasm);
    },
  });
}

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

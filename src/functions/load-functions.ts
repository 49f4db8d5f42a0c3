import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { tsImport } from "tsx/esm/api";
import { ConfigError } from "../errors.ts";
import { type DefinedFunction, isDefinedFunction } from "./define-function.ts";

const TYPESCRIPT = [".ts", ".mts"];
const JAVASCRIPT = [".js", ".mjs"];

/**
 * The functions a module exports: made with `defineFunction`, as named exports, as default export, or in arrays of either kind.
 * @param path of the module, .ts, .mts, .js or .mjs; relative to the working directory.
 * @throws {ConfigError} when it is missing or broken, exports no function, or two of one name.
 */
export async function loadFunctions(path: string): Promise<readonly DefinedFunction[]> {
  const file = resolve(path);
  if (![...TYPESCRIPT, ...JAVASCRIPT].includes(extname(file)))
    throw wrong(path, "must be a .ts, .mts, .js or .mjs file");
  if (!existsSync(file)) throw wrong(path, "does not exist");
  const functions = functionsIn(await importModule(path, file));
  if (functions.length === 0) throw wrong(path, "exports nothing that was made with defineFunction");
  const names = functions.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(path, `exports two functions called ${twice}`);
  return functions;
}

function wrong(path: string, what: string): ConfigError {
  return new ConfigError(`FUNCTIONS=${path}: ${what}`);
}

async function importModule(path: string, file: string): Promise<object> {
  const url = pathToFileURL(file).href;
  try {
    return TYPESCRIPT.includes(extname(file)) ? await tsImport(url, import.meta.url) : await import(url);
  } catch (error) {
    throw wrong(path, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * One function may be exported under several names: that is still one. In a package that is not of type module, what was exported
 * stands once more inside the default export.
 */
function functionsIn(module: object): readonly DefinedFunction[] {
  const outer: readonly unknown[] = Object.values(module);
  const inner = "default" in module && isObject(module.default) ? Object.values(module.default) : [];
  const exported = [...outer, ...inner].flatMap((value: unknown) => (Array.isArray(value) ? value : [value]));
  return [...new Set(exported)].filter(isDefinedFunction);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isDefinedFunction(value);
}

import { isJsonObject, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { didYouMean } from "./did-you-mean.ts";
import { fixedEndpointAt } from "./resource.ts";
import type { Scope } from "./scope.ts";
import type { Resource } from "./workflow.ts";

const CATALOG_FUNCTION = /^(?<name>[^:@]+):(?<version>[^:@]+)@(?<catalog>.+)$/;
const URL_FUNCTION = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
const SEGMENT = /^[A-Za-z0-9][\w.+-]*$/;

/** Begins the URIs of the catalog that the service provides. */
export const DEFAULT_CATALOG = "catalog://default";

/** Whether a call names a function by where it is, rather than by its name alone. */
export function namesResource(name: string): boolean {
  return URL_FUNCTION.test(name) || CATALOG_FUNCTION.test(name);
}

/** Where the function is that a call names: a URL, or `name:version@catalog`; null (reported) when it is nowhere. */
export function functionResourceAt(name: string, pointer: string, scope: Scope): Resource | null {
  if (URL_FUNCTION.test(name)) {
    const endpoint = fixedEndpointAt(name, pointer, "taskInput", scope);
    return endpoint === null ? null : { kind: "function", uri: rawUri(endpoint.uri), authentication: null };
  }
  const { name: called = "", version = "", catalog = "" } = CATALOG_FUNCTION.exec(name)?.groups ?? {};
  if (!SEGMENT.test(called) || !SEGMENT.test(version)) {
    scope.report.issue(pointer, `"${called}:${version}" is no name and version of a function in a catalog`);
    return null;
  }
  const path = `functions/${called}/${version}/function.yaml`;
  const catalogs = isJsonObject(scope.use.catalogs) ? scope.use.catalogs : {};
  if (!Object.hasOwn(catalogs, catalog)) {
    if (catalog === "default") {
      return { kind: "function", uri: `${DEFAULT_CATALOG}/${path}`, authentication: null };
    }
    const names = Object.keys(catalogs);
    scope.report.issue(pointer, `catalog "${catalog}" is not defined in use.catalogs${didYouMean(catalog, names)}`);
    return null;
  }
  const endpoint = ownProperty(catalogs[catalog], "endpoint");
  if (endpoint === undefined) return null;
  const root = fixedEndpointAt(endpoint, pointerOf("/use/catalogs", catalog, "endpoint"), "taskInput", scope);
  if (root === null) return null;
  const uri = `${rawUri(root.uri).replace(/\/$/, "")}/${path}`;
  return { kind: "function", uri, authentication: root.authentication };
}

/**
 * The place of the files themselves, for a page of GitHub or GitLab that shows them: a repository (its default branch), a tree or a
 * file. Anything else stays as it is.
 */
export function rawUri(uri: string): string {
  const gitlab = /^(https?:\/\/[^?#]+?)\/-\/(?:tree|blob)\/([^?#]+?)\/?$/i.exec(uri);
  if (gitlab !== null) return `${gitlab[1]}/-/raw/${gitlab[2]}`;
  const github =
    /^https?:\/\/(?:www\.)?github\.com\/([^/?#]+)\/([^/?#]+?)(?:\.git)?(?:\/(?:tree|blob|raw)\/([^?#]+?))?\/?$/i.exec(
      uri,
    );
  if (github !== null) {
    const [, owner, repository, path = "HEAD"] = github;
    return `https://raw.githubusercontent.com/${owner}/${repository}/${path}`;
  }
  const project = /^https?:\/\/gitlab\.com\/[^/?#]+\/[^?#]+?\/?$/i.exec(uri);
  return project === null || uri.includes("/-/") || /\.(ya?ml|json)$/i.test(uri)
    ? uri
    : `${uri.replace(/\/$/, "")}/-/raw/HEAD`;
}

import { resourceProblem } from "../dsl/index.ts";
import type { Resource } from "../dsl/workflow.ts";
import type { TaskRequested } from "../engine/events.ts";
import type { Claim } from "../ports/event-store.ts";
import type { Outcome } from "../ports/executor.ts";
import type { JsonObject } from "../values/json.ts";
import { type ArgumentPorts, evaluatedPolicy } from "./activity-arguments.ts";
import { hideCredentials } from "./guard-secrets.ts";
import type { Resources } from "./resources.ts";

/** Pins what a task (or the workflow itself, whose key is "") needs before it can begin; the first that cannot be had is the error. */
export async function pinResources(
  ports: ArgumentPorts & { readonly resources: Resources },
  { head }: Claim,
  { at, data }: TaskRequested,
  signal: AbortSignal,
): Promise<Outcome> {
  const { deferred } = data.activity;
  if (deferred === undefined) throw new Error("a request for resources names no task");
  const workflow = await ports.definitions.get(head.tenant, head.definition.digest);
  const needs = deferred.key === "" ? workflow.needs : (workflow.byKey.get(deferred.key)?.needs ?? []);
  const owner = { tenant: head.tenant, definition: head.definition.digest };
  for (const resource of needs) {
    const policy = await evaluatedPolicy(ports, workflow, resource.authentication, deferred, { now: at });
    if (!policy.ok) return policy;
    const { authentication } = policy;
    const location = { uri: resource.uri, authentication };
    const result = await ports.resources.get(owner, location, signal, (content) =>
      resourceProblem(resource.kind, content),
    );
    if (!result.ok) return hideCredentials(named(resource, result), credentialsOf(ports, authentication));
  }
  return { ok: true, output: null };
}

function credentialsOf({ authenticator }: ArgumentPorts, authentication: JsonObject | undefined): readonly string[] {
  return authentication === undefined ? [] : authenticator.credentials(authentication);
}

function named({ kind }: Resource, { error }: Extract<Outcome, { readonly ok: false }>): Outcome {
  return {
    ok: false,
    error: { ...error, detail: `external ${kind === "avro" ? "schema" : kind}: ${error.detail ?? error.title ?? ""}` },
  };
}

import { withSecret } from "../dsl/authentication.ts";
import { secretsNamedIn } from "../dsl/secrets.ts";
import { authenticationOf, renderCall, resourceAuthenticationOf } from "../dsl/tasks/render-call.ts";
import { renderProcess } from "../dsl/tasks/run.ts";
import { readsOf, renderTemplate } from "../dsl/template.ts";
import type { Authentication, Task, Workflow } from "../dsl/workflow.ts";
import type { TaskRequested } from "../engine/events.ts";
import { caseThatHolds } from "../engine/index.ts";
import { type EvaluationTime, ExpressionError } from "../expressions/index.ts";
import type { Authenticator } from "../ports/authenticator.ts";
import type { Claim } from "../ports/event-store.ts";
import type { Outcome } from "../ports/executor.ts";
import type { Secrets } from "../ports/secrets.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../values/json.ts";
import { problemOf } from "../values/problem.ts";
import type { Definitions } from "./ports.ts";

export interface ArgumentPorts {
  readonly definitions: Definitions;
  readonly secrets: Secrets;
  readonly authenticator: Authenticator;
}

export type Arguments =
  | {
      readonly ok: true;
      readonly with: Json;
      /** The authentication policy, evaluated. */
      readonly authentication?: JsonObject;
      /** That of the document the call refers to. */
      readonly resourceAuthentication?: JsonObject;
      /** All that the arguments could have been made of. */
      readonly secrets: JsonObject;
    }
  | Refusal;
type Refusal = Extract<Outcome, { readonly ok: false }>;

/**
 * The evaluated arguments; those that read `$secrets` or `$authorization`, and authentication policies, are evaluated here, and nowhere
 * recorded. Their time is when the activity was asked for, so that every attempt is handed the same.
 */
export async function activityArguments(
  ports: ArgumentPorts,
  { head }: Claim,
  { at, data }: TaskRequested,
  signal: AbortSignal,
): Promise<Arguments> {
  const { activity } = data;
  const { deferred } = activity;
  if (deferred === undefined) return { ok: true, with: activity.with ?? null, secrets: {} };
  const workflow = await ports.definitions.get(head.tenant, head.definition.digest);
  const task = workflow.byKey.get(deferred.key);
  if (task === undefined) throw new Error(`the definition has no task "${deferred.key}"`);
  const declared = declaredSecrets(workflow);
  const held = await ports.secrets.get(declared);
  const missing = refusalOf(secretsRead(task.definition), declared, held);
  if (missing !== undefined) return missing;
  try {
    const policy = await evaluatedPolicy(ports, workflow, authenticationOf(task), deferred, { now: at });
    if (!policy.ok) return policy;
    const { authentication } = policy;
    const resource = await evaluatedPolicy(ports, workflow, resourceAuthenticationOf(task), deferred, { now: at });
    if (!resource.ok) return resource;
    const proven = await authorized(ports, task, authentication, signal);
    if (!proven.ok) return { ok: false, error: proven.error };
    const known = { ...deferred.args, secrets: held, authorization: proven.authorization };
    const given = activity.with ?? evaluated(task, deferred.input, known, { now: at });
    // Where the arguments were recorded, secrets went into the policy only, whose texts are hidden by themselves.
    const secrets = activity.with === undefined ? held : {};
    return {
      ok: true,
      with: given,
      secrets,
      ...(authentication === undefined ? {} : { authentication }),
      ...(resource.authentication === undefined ? {} : { resourceAuthentication: resource.authentication }),
    };
  } catch (thrown) {
    return hiddenFault(thrown);
  }
}

function refusalOf(names: readonly string[], declared: readonly string[], held: JsonObject): Refusal | undefined {
  const missing = names.find((name) => !declared.includes(name) || ownProperty(held, name) === undefined);
  if (missing === undefined) return undefined;
  const why = declared.includes(missing) ? "is not set where this activity runs" : "is not declared in use.secrets";
  return refusal("authorization", `secret "${missing}" ${why}`);
}

/** jq's own message may quote the value it failed on. */
function hiddenFault(thrown: unknown): Refusal {
  if (!(thrown instanceof ExpressionError)) throw thrown;
  return refusal("expression", "an expression that reads $secrets or $authorization, or an authentication, failed");
}

/** An authentication policy as it is now, with its secrets. */
export async function evaluatedPolicy(
  { secrets }: Pick<ArgumentPorts, "secrets">,
  workflow: Workflow,
  policy: Authentication | null,
  { input, args }: Pick<NonNullable<TaskRequested["data"]["activity"]["deferred"]>, "input" | "args">,
  time: EvaluationTime,
): Promise<{ readonly ok: true; readonly authentication?: JsonObject } | Refusal> {
  if (policy === null) return { ok: true };
  const declared = declaredSecrets(workflow);
  const held = await secrets.get(declared);
  const missing = refusalOf(policy.secrets, declared, held);
  if (missing !== undefined) return missing;
  try {
    const value = renderTemplate(policy.policy, input, { ...args, secrets: held }, time);
    const authentication = withSecret(policy, value, held);
    if (authentication !== undefined) return { ok: true, authentication };
  } catch (thrown) {
    return hiddenFault(thrown);
  }
  return refusal("configuration", `secret "${policy.secret}" must be an object with the members of its authentication`);
}

/** `$authorization`, where the arguments wait for it. */
async function authorized(
  { authenticator }: ArgumentPorts,
  task: Task,
  authentication: JsonObject | undefined,
  signal: AbortSignal,
): Promise<{ readonly ok: true; readonly authorization: Json } | Refusal> {
  if (authentication === undefined || !readsAuthorization(task)) return { ok: true, authorization: null };
  const result = await authenticator.authorization(authentication, signal);
  return result.ok ? { ok: true, authorization: { ...result.authorization } } : { ok: false, error: result.error };
}

function readsAuthorization(task: Task): boolean {
  return task.kind === "call" && task.with !== null && readsOf(task.with).includes("authorization");
}

function refusal(kind: "authorization" | "configuration" | "expression", detail: string): Refusal {
  return { ok: false, error: problemOf(kind, detail) };
}

/** What the executor of a task is to evaluate. @throws {ExpressionError} */
function evaluated(task: Task, input: Json, args: JsonObject, time: EvaluationTime): Json {
  if (task.kind === "set") return renderTemplate(task.set, input, args, time);
  if (task.kind === "switch") return caseThatHolds(task, input, args, time);
  if (task.kind === "run" && task.run !== "workflow") return renderProcess(task, input, args, time);
  if (task.kind !== "call" || task.call === "function") throw new Error(`"${task.key}" leaves nothing to an executor`);
  return renderCall(task, input, args, time);
}

function declaredSecrets({ document }: Workflow): readonly string[] {
  const use = ownProperty(document, "use");
  const names = isJsonObject(use) ? use.secrets : undefined;
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === "string") : [];
}

function secretsRead({ with: given, set, switch: cases, run }: JsonObject): readonly string[] {
  return secretsNamedIn([given ?? null, set ?? null, cases ?? null, run ?? null]);
}

/** A problem the service answered with. */
export class ApiProblem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
    this.status = problem.status;
  }
}

const TENANT_KEY = "durabull.tenant";

export function tenant() {
  return localStorage.getItem(TENANT_KEY) || "default";
}

export function setTenant(name) {
  localStorage.setItem(TENANT_KEY, name);
}

/** One request to the API. Throws an ApiProblem, or a TypeError when nobody answers. */
export async function call(method, path, { query = {}, body, signal } = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined && one !== "") search.append(key, one);
  }
  const response = await fetch(`api/v1${path}${search.size > 0 ? `?${search}` : ""}`, {
    method,
    signal,
    headers: {
      accept: "application/json",
      "x-tenant-id": tenant(),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  let answer;
  try {
    answer = text === "" ? undefined : JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (response.ok) return answer;
  throw new ApiProblem(answer ?? { status: response.status, title: `The service answered ${response.status}` });
}

const offline = document.getElementById("offline");

export function showReachable(error) {
  const away = error !== undefined && (!(error instanceof ApiProblem) || error.status >= 500);
  offline.hidden = !away;
  if (away) {
    offline.textContent =
      error instanceof ApiProblem
        ? `${error.problem.title}. Trying again…`
        : "The service does not answer. What you see may be old. Trying again…";
  }
}

/**
 * Calls `look` now and again `delayMs()` after each answer, while the page can be seen. Gives a function that stops it, and one
 * that looks at once.
 */
export function keepLooking(look, delayMs) {
  const stopped = new AbortController();
  let timer;
  let looking = false;
  let again = false;
  async function once() {
    clearTimeout(timer);
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    try {
      await look(stopped.signal);
      if (!stopped.signal.aborted) showReachable(undefined);
    } catch (error) {
      if (!stopped.signal.aborted) showReachable(error);
    }
    looking = false;
    if (stopped.signal.aborted) return;
    if (again) {
      again = false;
      once();
      return;
    }
    if (!document.hidden) timer = setTimeout(once, delayMs());
  }
  const onVisible = () => !document.hidden && once();
  document.addEventListener("visibilitychange", onVisible);
  once();
  return {
    now: once,
    stop() {
      stopped.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    },
  };
}

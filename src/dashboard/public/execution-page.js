import { ApiProblem, call, keepLooking, tenant } from "./api.js";
import { ask, fill, h, jsonView, toast, unfolding } from "./dom.js";
import { definitionName, duration, moment, pill, took } from "./format.js";
import { labels } from "./list-page.js";
import { timeline } from "./timeline.js";

const OPEN_LOOK_MS = 1_000;
const CLOSED_LOOK_MS = 10_000;
const TASKS_SHOWN = 200;
const EVENTS_PAGE = 200;
/** Beyond this many events the page follows only when asked. */
const EVENTS_FOLLOWED = 1_000;

const ACTIONS = [
  { name: "pause", label: "Pause", when: ({ status }) => status !== "PAUSED" },
  { name: "resume", label: "Resume", primary: true, when: ({ status }) => status === "PAUSED" },
  {
    name: "cancel",
    label: "Cancel",
    when: () => true,
    ask: {
      title: "Cancel this execution?",
      text: "Running calls are aborted and timers dropped. It cannot be reopened.",
    },
  },
  {
    name: "terminate",
    label: "Terminate",
    danger: true,
    when: () => true,
    ask: {
      title: "Terminate this execution?",
      text: "It ends at once, without running the workflow engine. Use it when cancelling does not work.",
    },
  },
];

const REASONS = {
  timer: "Timer",
  activity: "Activity",
  worker: "No worker",
  child: "Child",
  listening: "Listening",
  event: "To be processed",
  paused: "Paused",
  "dead-letter": "Dead letter",
  "back-off": "Back-off",
};

/** One execution: what it is, why it waits, its tasks and its events. Gives a function that leaves it. */
export function executionPage(main, executionId) {
  const path = `/executions/${encodeURIComponent(executionId)}`;
  document.title = "Execution · Durabull";
  const places = Object.fromEntries(["head", "why", "data", "tasks", "events"].map((name) => [name, h("section", {})]));
  places.tasks.className = places.events.className = "card";
  fill(main, h("p", { class: "crumbs" }, h("a", { href: "#/" }, "← Executions")), ...Object.values(places));
  fill(places.head, h("div", { class: "skeleton", "aria-label": "Loading" }, h("div", {}), h("div", {})));
  places.tasks.hidden = places.events.hidden = true;

  let execution;
  let letters = [];
  let tasks = { items: [] };
  let events = [];
  let wanted = EVENTS_PAGE;
  let bars;
  let drawn = "";
  const open = new Set();

  const loop = keepLooking(look, () => (execution === undefined || execution.endedAt ? CLOSED_LOOK_MS : OPEN_LOOK_MS));

  async function look(signal) {
    try {
      execution = await call("GET", path, { signal });
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) notThere();
      throw error;
    }
    const stopped = execution.status === "FAILED" || execution.waitingFor.some(({ kind }) => kind === "dead-letter");
    const known = JSON.stringify([execution.historyLength, execution.status, wanted]);
    if (known !== drawn || !execution.endedAt) {
      [tasks, letters] = await Promise.all([
        call("GET", `${path}/tasks`, { query: { limit: TASKS_SHOWN }, signal }),
        stopped ? openLetters(signal) : [],
      ]);
      await moreEvents(signal);
      drawn = known;
    }
    draw();
  }

  async function openLetters(signal) {
    const { items } = await call("GET", "/dead-letters", { query: { limit: 500 }, signal });
    return items.filter((letter) => letter.executionId === executionId && letter.redrivenAt === undefined);
  }

  async function moreEvents(signal) {
    while (events.length < Math.min(wanted, execution.historyLength)) {
      const after = events.at(-1)?.sequence ?? 0;
      const limit = Math.min(500, wanted - events.length);
      const page = await call("GET", `${path}/history`, { query: { after, limit }, signal });
      if (page.items.length === 0) return;
      events = [...events, ...page.items];
    }
    if (wanted === events.length && wanted < EVENTS_FOLLOWED && !execution.endedAt) wanted += EVENTS_PAGE;
  }

  function notThere() {
    fill(
      main,
      h(
        "div",
        { class: "empty" },
        h("h2", {}, "No such execution"),
        h(
          "p",
          {},
          `Tenant “${tenant()}” has no execution ${executionId}. It may belong to another tenant, or its time to be kept is over.`,
        ),
        h("p", {}, h("a", { class: "button", href: "#/" }, "Show all executions")),
      ),
    );
    loop.stop();
  }

  async function act(action) {
    let reason = "";
    if (action.ask) {
      reason = await ask({ ...action.ask, action: action.label, danger: true });
      if (reason === undefined) return;
    }
    await attempt(`${action.label}: done`, () =>
      call("POST", `${path}/${action.name}`, reason === "" ? {} : { body: { reason } }),
    );
  }

  async function attempt(done, doIt) {
    try {
      await doIt();
      toast(done);
    } catch (error) {
      toast(
        error instanceof ApiProblem ? error.message : "The service does not answer; nothing is known of the outcome.",
        true,
      );
    }
    loop.now();
  }

  function draw() {
    document.title = `${execution.workflowId} · Durabull`;
    places.tasks.hidden = places.events.hidden = false;
    fill(places.head, head(execution, act));
    fill(
      places.why,
      why(execution),
      letters.map((letter) => letterCard(letter, attempt)),
    );
    keepUnlessSame(places.data, [execution.input, execution.output, execution.error], () => dataCards(execution));
    keepUnlessSame(places.tasks, tasks, () => {
      bars = timeline(tasks.items, open);
      return [
        h("h2", {}, "Tasks"),
        bars.view,
        tasks.nextCursor &&
          h("p", { class: "quiet" }, `The first ${tasks.items.length} are shown; the API's …/tasks gives all.`),
      ];
    });
    bars.grow(execution);
    keepUnlessSame(places.events, [events.length, execution.historyLength], () => [
      h("h2", {}, "Events ", h("span", { class: "quiet" }, String(execution.historyLength))),
      eventList(),
    ]);
  }

  function eventList() {
    const left = execution.historyLength - events.length;
    const showMore = () => {
      wanted += 500;
      loop.now();
    };
    return [
      h(
        "ol",
        { class: "events" },
        events.map((event) => eventRow(event, execution, open)),
      ),
      left > 0 &&
        h("button", { class: "button", "data-key": "more-events", onclick: showMore }, `Show more (${left} left)`),
    ];
  }

  return loop.stop;
}

const lastFilled = new WeakMap();
/** Rebuilt only for other data, so that a selection or a scrolled box stays as it is. */
function keepUnlessSame(place, data, build) {
  const text = JSON.stringify(data);
  if (lastFilled.get(place) === text) return;
  lastFilled.set(place, text);
  fill(place, build());
}

function head(execution, act) {
  const fact = (name, ...value) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value));
  return [
    h(
      "div",
      { class: "heading" },
      h("h1", {}, execution.workflowId),
      pill(execution.status),
      !execution.endedAt &&
        h(
          "div",
          { class: "row actions" },
          ACTIONS.filter((action) => action.when(execution)).map((action) =>
            h(
              "button",
              {
                class: `button${action.danger ? " danger" : ""}${action.primary ? " primary" : ""}`,
                "data-key": action.name,
                onclick: () => act(action),
              },
              action.label,
            ),
          ),
        ),
    ),
    h(
      "dl",
      { class: "facts" },
      fact("Execution", h("span", { class: "mono wrap" }, execution.executionId)),
      fact("Definition", h("span", { class: "mono wrap" }, definitionName(execution.definition))),
      fact("Started", moment(execution.startedAt)),
      fact(execution.endedAt ? "Took" : "Running for", duration(took(execution))),
      fact(
        "All runs",
        h("a", { href: `#/?${new URLSearchParams({ workflowId: execution.workflowId })}` }, "of this workflow ID"),
      ),
    ),
    labels(execution.labels),
  ];
}

function why(execution) {
  if (execution.waitingFor.length === 0) return null;
  return h(
    "div",
    { class: "card why" },
    h("h2", {}, "Waiting for"),
    h(
      "ul",
      {},
      execution.waitingFor.map((reason) =>
        h(
          "li",
          {},
          h("span", { class: `reason ${reason.kind}` }, REASONS[reason.kind] ?? reason.kind),
          h(
            "span",
            {},
            reason.detail,
            reason.task && h("span", { class: "quiet mono wrap" }, ` ${reason.task}`),
            h(
              "span",
              { class: "quiet" },
              " since ",
              moment(reason.since),
              reason.until && [", until ", moment(reason.until)],
            ),
          ),
        ),
      ),
    ),
  );
}

function letterCard(letter, attempt) {
  return h(
    "div",
    { class: "card letter" },
    h(
      "div",
      { class: "heading" },
      h("h2", {}, "Dead letter"),
      h(
        "button",
        {
          class: "button primary",
          "data-key": `redrive-${letter.id}`,
          onclick: () =>
            attempt("Redriven: it goes on where it stopped", () =>
              call("POST", `/dead-letters/${encodeURIComponent(letter.id)}/redrive`),
            ),
        },
        "Redrive",
      ),
    ),
    h("p", {}, letter.error.detail ?? letter.error.title ?? letter.error.type),
    h(
      "p",
      { class: "quiet" },
      `Tried ${letter.attempts} ${letter.attempts === 1 ? "time" : "times"}; given up `,
      moment(letter.parkedAt),
    ),
  );
}

function dataCards(execution) {
  const card = (title, value, kind = "") => h("div", { class: `card ${kind}` }, h("h2", {}, title), jsonView(value));
  return h(
    "div",
    { class: "columns" },
    card("Input", execution.input),
    execution.output !== undefined && card("Output", execution.output),
    execution.error !== undefined && card("Error", execution.error, "failed"),
  );
}

function eventRow(event, execution, open) {
  const since = duration(Date.parse(event.time) - Date.parse(execution.startedAt));
  const key = `event-${event.sequence}`;
  const summary = h(
    "summary",
    { "data-key": key },
    h("span", { class: "quiet mono sequence" }, String(event.sequence)),
    h("span", { class: `event-type ${event.type.split(".").at(-1)}` }, event.type.replace(/^io\.flunq\./, "")),
    h("span", { class: "quiet mono subject" }, event.subject ?? ""),
    h("span", { class: "time" }, h("time", { datetime: event.time, title: event.time }, `+${since}`)),
  );
  const body = () => [
    h("p", { class: "quiet" }, `${event.id} · ${event.source} · ${event.time}`),
    jsonView(event.data),
  ];
  return h("li", {}, unfolding(key, open, summary, body));
}

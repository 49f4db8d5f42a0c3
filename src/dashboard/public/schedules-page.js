import { ApiProblem, call, keepLooking, tenant } from "./api.js";
import { ask, fill, h, toast } from "./dom.js";
import { definitionName, moment } from "./format.js";

const LOOK_MS = 3_000;
const PAGE = 100;

/** What starts by itself, and when. Gives a function that leaves it. */
export function schedulesPage(main, { cursor = "" }) {
  document.title = "Schedules · Durabull";
  const results = h("div", { class: "results", "aria-live": "off" });
  const pager = h("nav", { class: "pager", "aria-label": "Pages of the list" });
  fill(
    main,
    h("div", { class: "heading" }, h("h1", {}, "Schedules"), h("span", { class: "live" }, "Live")),
    results,
    pager,
  );
  fill(results, h("div", { class: "skeleton", "aria-label": "Loading" }, h("div", {}), h("div", {})));
  let drawn = "";

  const loop = keepLooking(
    async (signal) => {
      const page = await call("GET", "/schedules", { query: { cursor, limit: PAGE }, signal });
      const known = JSON.stringify(page);
      // Moments are told from now, so an unchanged list is drawn anew as well; what has the focus keeps it.
      fill(results, page.items.length > 0 ? table(page.items, act) : empty());
      if (known === drawn) return;
      drawn = known;
      const next = `#/schedules?${new URLSearchParams({ cursor: page.nextCursor ?? "" })}`;
      fill(
        pager,
        cursor !== "" && h("a", { class: "button", "data-key": "first", href: "#/schedules" }, "← First"),
        page.nextCursor && h("a", { class: "button", "data-key": "more", href: next }, "More →"),
      );
    },
    () => LOOK_MS,
  );

  async function act(schedule, action) {
    let body;
    if (action === "pause") {
      const text = "Nothing more is started until it is resumed. Executions that are open go on.";
      const reason = await ask({ title: `Pause ${nameOf(schedule)}?`, text, action: "Pause" });
      if (reason === undefined) return;
      body = reason === "" ? undefined : { reason };
    }
    try {
      const { namespace, name } = schedule;
      const path = `/schedules/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${action}`;
      const answer = await call("POST", path, { body });
      if (action !== "trigger") toast(`${nameOf(schedule)}: ${action}d`);
      else toast(answer.started ? `${answer.workflowId} started` : `${answer.workflowId} waits for others to end`);
    } catch (error) {
      const text = "The service does not answer; nothing is known of the outcome.";
      toast(error instanceof ApiProblem ? error.message : text, true);
    }
    loop.now();
  }
  return loop.stop;
}

function nameOf({ namespace, name }) {
  return `${namespace}/${name}`;
}

function table(items, act) {
  const headings = ["State", "Schedule", "When", "Next", "Last", ""];
  return h(
    "table",
    { class: "list schedules" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        headings.map((name) => h("th", { scope: "col", "aria-label": name === "" && "Actions" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      items.map((item) => row(item, act)),
    ),
  );
}

function row(item, act) {
  const isPaused = item.state === "paused";
  const button = (action, label) =>
    h(
      "button",
      {
        class: "button",
        "data-key": `${action} ${nameOf(item)}`,
        "aria-label": `${label} ${nameOf(item)}`,
        onclick: () => act(item, action),
      },
      label,
    );
  return h(
    "tr",
    {},
    h("td", {}, h("span", { class: `pill ${isPaused ? "paused" : "running"}` }, isPaused ? "Paused" : "Active")),
    h(
      "td",
      { class: "grow" },
      h("b", {}, nameOf(item)),
      h("div", { class: "quiet mono" }, definitionName(item.definition)),
      item.pausedReason && h("div", { class: "quiet" }, item.pausedReason),
    ),
    h("td", {}, h("span", { class: "mono wrap" }, whenOf(item)), h("div", { class: "quiet" }, policyOf(item))),
    h("td", { class: "time" }, isPaused ? "–" : nextOf(item), item.on && collectingOf(item.on)),
    h(
      "td",
      { class: "time" },
      item.last
        ? h("a", { href: `#/executions/${encodeURIComponent(item.last.executionId)}` }, moment(item.last.at))
        : "–",
      item.recent.length > 1 && recentOf(item),
      h("div", { class: "quiet" }, `${item.fired} started, ${item.skipped} skipped`),
    ),
    h(
      "td",
      {},
      h(
        "div",
        { class: "row" },
        isPaused ? button("resume", "Resume") : button("pause", "Pause"),
        button("trigger", "Trigger now"),
      ),
    ),
  );
}

/** Times, then events, as far as it has them. */
function whenOf({ on, ...times }) {
  return [timesOf(times), on && `on ${eventsOf(on.strategy)}`].filter(Boolean).join(", ");
}

function timesOf({ every, after, cron, timeZone }) {
  if (cron) return `${cron} (${timeZone})`;
  if (every) return `every ${every}`;
  return after && `${after} after the end`;
}

function eventsOf(strategy) {
  const kind = ["one", "any", "all"].find((each) => strategy[each] !== undefined) ?? "any";
  const filters = [strategy[kind] ?? []].flat();
  const names = filters.map(({ with: attributes }) => attributes.type ?? JSON.stringify(attributes));
  return names.length === 0 ? "any event" : `${kind} ${names.join(", ")}`;
}

function policyOf({ overlap, catchUp, ...times }) {
  return timesOf(times) ? `overlap ${overlap}, catch-up ${catchUp}` : `overlap ${overlap}`;
}

function nextOf({ nextAt, after, on }) {
  if (nextAt) return moment(nextAt);
  return after ? "after the end" : on && "an event";
}

/** What is matched already, and what is missing. */
function collectingOf({ collecting }) {
  return collecting.slice(0, 3).map(({ count, events, missing, correlation }) => {
    const key = Object.values(correlation).join(", ");
    const rest = missing.length > 0 ? `, ${missing.length} missing` : "";
    const title = events.map(({ type, source, id }) => `${type} (${source}, ${id})`).join("\n");
    return h("div", { class: "quiet", title }, `${count} collected${key && ` of ${key}`}${rest}`);
  });
}

/** Those before the last one; the list of executions has them all, by their label. */
function recentOf({ recent }) {
  const link = ({ executionId, at }) =>
    h("div", {}, h("a", { href: `#/executions/${encodeURIComponent(executionId)}` }, moment(at)));
  return h("div", { class: "quiet" }, recent.slice(1, 4).map(link));
}

function empty() {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "No schedules"),
    h(
      "p",
      {},
      `No definition of tenant “${tenant()}” starts by itself. One with a schedule does, once it is registered:`,
    ),
    h("pre", { class: "command", tabindex: "0" }, "schedule:\n  every: { minutes: 15 }"),
  );
}

import { call, keepLooking, tenant } from "./api.js";
import { fill, h } from "./dom.js";
import { definitionName, duration, moment, pill, STATUSES, took } from "./format.js";

const LOOK_MS = 3_000;
const PAGE = 50;

/** The list of executions. Filters live in the address, so that a view can be shared. Gives a function that leaves it. */
export function listPage(main, { status = "", workflowId = "", cursor = "", before = "" }) {
  document.title = "Executions · Durabull";
  const results = h("div", { class: "results", "aria-live": "off" });
  const pager = h("nav", { class: "pager", "aria-label": "Pages of the list" });
  const search = h("input", {
    type: "search",
    name: "workflowId",
    placeholder: "Workflow ID",
    "aria-label": "Workflow ID, exactly",
    value: workflowId,
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "none",
  });
  fill(
    main,
    h("div", { class: "heading" }, h("h1", {}, "Executions"), h("span", { class: "live" }, "Live")),
    h(
      "div",
      { class: "filters" },
      h(
        "div",
        { class: "chips", role: "group", "aria-label": "Status" },
        ["", ...STATUSES].map((one) =>
          h(
            "a",
            { class: "chip", href: address({ status: one, workflowId }), "aria-current": one === status && "true" },
            one === "" ? "All" : one.charAt(0) + one.slice(1).toLowerCase(),
          ),
        ),
      ),
      h(
        "form",
        {
          class: "search",
          onsubmit: (event) => {
            event.preventDefault();
            location.hash = address({ status, workflowId: search.value.trim() });
          },
        },
        search,
        h("button", { class: "button" }, "Find"),
      ),
    ),
    results,
    pager,
  );
  fill(results, skeleton());

  const loop = keepLooking(
    async (signal) => {
      let page;
      try {
        page = await call("GET", "/executions", { query: { status, workflowId, cursor, limit: PAGE }, signal });
      } catch (error) {
        if (error.status >= 400 && error.status < 500) fill(results, refused(error));
        throw error;
      }
      fill(results, page.items.length > 0 ? table(page.items) : empty({ status, workflowId, cursor }));
      const stack = before === "" ? [] : before.split("~");
      fill(
        pager,
        cursor !== "" &&
          h(
            "a",
            { class: "button", "data-key": "newer", href: address({ status, workflowId, ...newer(stack) }) },
            "← Newer",
          ),
        page.nextCursor &&
          h(
            "a",
            {
              class: "button",
              "data-key": "older",
              href: address({
                status,
                workflowId,
                cursor: page.nextCursor,
                before: [...stack, cursor || "-"].join("~"),
              }),
            },
            "Older →",
          ),
      );
    },
    () => LOOK_MS,
  );
  return loop.stop;
}

function newer(stack) {
  const cursor = stack.at(-1);
  return cursor === undefined || cursor === "-" ? {} : { cursor, before: stack.slice(0, -1).join("~") };
}

function address(filters) {
  const search = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
  return `#/${search.size > 0 ? `?${search}` : ""}`;
}

function table(items) {
  return h(
    "table",
    { class: "list" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Status", "Workflow ID", "Definition", "Started", "Took"].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h("tbody", {}, items.map(row)),
  );
}

function row(item) {
  const href = `#/executions/${encodeURIComponent(item.executionId)}`;
  return h(
    "tr",
    {},
    h("td", {}, pill(item.status)),
    h(
      "td",
      { class: "grow" },
      h("a", { class: "rowlink", href, "data-key": item.executionId }, item.workflowId),
      h("div", { class: "quiet mono" }, item.executionId),
    ),
    h("td", {}, h("span", { class: "mono wrap" }, definitionName(item.definition)), labels(item.labels)),
    h("td", { class: "time" }, moment(item.startedAt)),
    h("td", { class: "time" }, duration(took(item))),
  );
}

export function labels(all) {
  const entries = Object.entries(all);
  if (entries.length === 0) return null;
  return h(
    "div",
    { class: "labels" },
    entries.map(([key, value]) => h("span", { class: "label" }, `${key}: ${value}`)),
  );
}

function skeleton() {
  return h(
    "div",
    { class: "skeleton", "aria-label": "Loading" },
    [1, 2, 3, 4].map(() => h("div", {})),
  );
}

function refused(error) {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, error.problem.title),
    h("p", {}, error.message),
    h("p", {}, h("a", { class: "button", href: "#/" }, "Show all executions")),
  );
}

function empty({ status, workflowId, cursor }) {
  if (status || workflowId || cursor) {
    return h(
      "div",
      { class: "empty" },
      h("h2", {}, "Nothing matches"),
      h("p", {}, "No execution of this tenant has that status and workflow ID."),
      h("p", {}, h("a", { class: "button", href: "#/" }, "Show all executions")),
    );
  }
  const header = tenant() === "default" ? "" : ` -H 'x-tenant-id: ${tenant()}'`;
  const command = [
    `curl -X PUT ${location.origin}/api/v1/definitions${header} \\`,
    "  -H 'content-type: application/yaml' --data-binary @examples/quickstart.yaml",
  ].join("\n");
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "No executions yet"),
    h("p", {}, "Register a definition and start it. It will show up here as it runs."),
    h("pre", { class: "command", tabindex: "0" }, command),
    h("p", {}, "or, in one go:"),
    h("pre", { class: "command", tabindex: "0" }, `npx durabull run examples/quickstart.yaml --url ${location.origin}`),
  );
}

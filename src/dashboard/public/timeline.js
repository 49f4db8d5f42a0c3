import { fill, h, jsonView, unfolding } from "./dom.js";
import { duration, moment, pill, took } from "./format.js";

/**
 * The runs of tasks as bars on a common axis of time, and a function that moves what grows with time. `open` remembers which are
 * unfolded.
 */
export function timeline(tasks, open) {
  if (tasks.length === 0)
    return { view: h("p", { class: "empty small" }, "No task has begun yet."), grow: () => undefined };
  const rows = nested(tasks).map(row);
  const scale = axis();
  const list = h(
    "ol",
    { class: "timeline" },
    rows.map(({ summary, key, task }) =>
      h(
        "li",
        {},
        unfolding(key, open, summary, () => body(task)),
      ),
    ),
  );
  return {
    view: h("div", {}, scale.view, list),
    grow(execution) {
      scale.grow(execution);
      for (const { grow } of rows) grow(execution);
    },
  };
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Between two marks of the axis, in milliseconds. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5, 10, 30, 100].map((days) => days * DAY),
];
const MOST_MARKS = 5;

/** What the lengths of the bars mean: time since the start, at round steps. */
function axis() {
  const track = h("div", { class: "marks" });
  return {
    view: h("div", { class: "axis", "aria-hidden": "true" }, track),
    grow(execution) {
      const length = Math.max(1, took(execution));
      const step = STEPS.find((one) => length / one < MOST_MARKS) ?? 365 * DAY;
      // The last mark would run into the column beside it.
      const count = Math.floor((length * 0.95) / step) + 1;
      fill(track, ...Array.from({ length: count }, (_, index) => mark(index * step, length)));
    },
  };
}

function mark(ms, length) {
  const text =
    ms === 0
      ? "0"
      : duration(ms)
          .replace(".0 s", " s")
          .replace(/ 0 (s|min|h)$/, "");
  const element = h("span", { class: "mark" }, text);
  element.style.left = `${(ms / length) * 100}%`;
  return element;
}

function row({ task, key, depth }) {
  const bar = h("span", { class: `bar ${task.status.toLowerCase()}` });
  const time = h("span", { class: "time" });
  const name = h(
    "span",
    { class: "task-name" },
    h("b", {}, task.name),
    h("span", { class: "quiet" }, ` ${task.type}`),
    task.iteration !== undefined && h("span", { class: "quiet" }, ` #${task.iteration}`),
    task.attempt > 1 && h("span", { class: "quiet" }, ` · attempt ${task.attempt}`),
  );
  name.style.paddingInlineStart = `${Math.min(8, depth) * 14}px`;
  const summary = h(
    "summary",
    { "data-key": key },
    name,
    h("span", { class: "track", "aria-hidden": "true" }, bar),
    h("span", { class: "task-end" }, pill(task.status), time),
  );
  return {
    summary,
    key,
    task,
    grow(execution) {
      const length = Math.max(1, took(execution));
      const from = clamp(((Date.parse(task.startedAt) - Date.parse(execution.startedAt)) / length) * 100, 0, 99.5);
      bar.style.left = `${from}%`;
      bar.style.width = `${clamp((took(task) / length) * 100, 0.5, 100 - from)}%`;
      time.textContent = duration(took(task));
    },
  };
}

function body(task) {
  const parts = ["input", "output", "error"].filter((part) => task[part] !== undefined);
  return [
    h("p", { class: "quiet" }, h("span", { class: "mono" }, task.task), " · began ", moment(task.startedAt)),
    parts.map((part) => [h("h4", {}, part.charAt(0).toUpperCase() + part.slice(1)), jsonView(task[part])]),
  ];
}

/** Each run under the run around it: the latest one before it whose pointer begins its own. */
function nested(tasks) {
  const root = { children: [], depth: -1 };
  const latest = new Map();
  tasks.forEach((task, index) => {
    const parent = parentOf(task.task, latest) ?? root;
    const node = { task, key: `task-${index}`, depth: parent.depth + 1, children: [] };
    parent.children.push(node);
    latest.set(task.task, node);
  });
  return flat(root.children);
}

function parentOf(pointer, latest) {
  for (let end = pointer.lastIndexOf("/"); end > 0; end = pointer.lastIndexOf("/", end - 1)) {
    const parent = latest.get(pointer.slice(0, end));
    if (parent) return parent;
  }
  return undefined;
}

function flat(nodes) {
  return nodes.flatMap((node) => [node, ...flat(node.children)]);
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

import { h, jsonView, unfolding } from "./dom.js";
import { duration, moment, pill, took } from "./format.js";

/**
 * The runs of tasks as bars on a common axis of time, and a function that moves what grows with time. `open` remembers which are
 * unfolded.
 */
export function timeline(tasks, open) {
  if (tasks.length === 0)
    return { view: h("p", { class: "empty small" }, "No task has begun yet."), grow: () => undefined };
  const rows = nested(tasks).map(row);
  return {
    view: h(
      "ol",
      { class: "timeline" },
      rows.map(({ summary, key, task }) =>
        h(
          "li",
          {},
          unfolding(key, open, summary, () => body(task)),
        ),
      ),
    ),
    grow(execution) {
      for (const { grow } of rows) grow(execution);
    },
  };
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
    task.attempt > 1 && h("span", { class: "quiet" }, ` attempt ${task.attempt}`),
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

/**
 * Builds an element. Children that are not nodes become text, so data is never read as markup.
 * `on…` are listeners, `data-…`, `aria-…` and the rest attributes; null, undefined and false leave one out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children
    .flat(Number.POSITIVE_INFINITY)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

/** Puts new children into a place; what had the focus (by `data-key`) has it again. */
export function fill(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : undefined;
  place.replaceChildren(...present(children));
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** A JSON value, indented and coloured. */
export function jsonView(value) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const view = h("pre", { class: "json", tabindex: "0" });
  const tokens = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;
  if (text.length > 50_000) {
    view.append(text);
    return view;
  }
  let at = 0;
  for (const match of text.matchAll(tokens)) {
    view.append(text.slice(at, match.index));
    const kind = match[1] ? (match[2] ? "key" : "string") : match[3] ? "word" : "number";
    view.append(h("span", { class: `json-${kind}` }, match[1] ?? match[0]), match[2] ?? "");
    at = match.index + match[0].length;
  }
  view.append(text.slice(at));
  return view;
}

/** A row that unfolds; what is inside is built when it is first seen. `open` remembers the keys of those unfolded. */
export function unfolding(key, open, summary, build) {
  const inside = h("div", { class: "unfolded" });
  let isBuilt = false;
  const show = () => {
    if (!isBuilt) inside.append(...present([build()]));
    isBuilt = true;
  };
  if (open.has(key)) show();
  const ontoggle = ({ target }) => {
    if (!target.open) {
      open.delete(key);
      return;
    }
    open.add(key);
    show();
  };
  return h("details", { open: open.has(key), ontoggle }, summary, inside);
}

export function toast(text, isError = false) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.classList.toggle("error", isError);
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => {
    place.hidden = true;
  }, 5_000);
}

/** Asks before something that cannot be undone; gives the reason, or undefined when it was called off. */
export function ask({ title, text, action, danger }) {
  const dialog = document.getElementById("ask");
  const reason = h("input", {
    id: "reason",
    maxlength: "1000",
    autocomplete: "off",
    placeholder: "Shown in the history",
  });
  return new Promise((resolve) => {
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "ask-title" }, title),
      h("p", {}, text),
      h("label", { for: "reason" }, "Reason (optional)"),
      reason,
      h(
        "div",
        { class: "row end" },
        h("button", { value: "no", class: "button", formnovalidate: true }, "Keep it"),
        h("button", { value: "yes", class: danger ? "button danger" : "button primary" }, action),
      ),
    );
    dialog.replaceChildren(form);
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? reason.value.trim() : undefined), {
      once: true,
    });
    dialog.showModal();
    reason.focus();
  });
}

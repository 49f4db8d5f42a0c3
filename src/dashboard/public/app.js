import { setTenant, tenant } from "./api.js";
import { executionPage } from "./execution-page.js";
import { listPage } from "./list-page.js";

const main = document.getElementById("main");
const tenantInput = document.getElementById("tenant");
let leave = () => undefined;

/** `#/` with filters as a query is the list, `#/executions/<id>` one execution. */
function show() {
  leave();
  const [path = "/", query = ""] = (location.hash.slice(1) || "/").split("?");
  const match = /^\/executions\/([^/]+)$/.exec(path);
  document.querySelector("[data-nav=executions]").toggleAttribute("aria-current", true);
  leave = match
    ? executionPage(main, decodeURIComponent(match[1]))
    : listPage(main, Object.fromEntries(new URLSearchParams(query)));
}

tenantInput.value = tenant();
tenantInput.addEventListener("change", () => {
  const name = tenantInput.value.trim() || "default";
  const isName = /^[a-z0-9-]{1,63}$/.test(name);
  tenantInput.setCustomValidity(isName ? "" : "1 to 63 of a-z 0-9 -");
  tenantInput.reportValidity();
  if (!isName) return;
  tenantInput.value = name;
  setTenant(name);
  if (location.hash === "#/" || location.hash === "") show();
  else location.hash = "#/";
});
addEventListener("hashchange", show);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
show();

import { setTenant, tenant } from "./api.js";
import { executionPage } from "./execution-page.js";
import { listPage } from "./list-page.js";
import { schedulesPage } from "./schedules-page.js";

const main = document.getElementById("main");
const tenantInput = document.getElementById("tenant");
let leave = () => undefined;

/** `#/` with filters as a query is the list, `#/executions/<id>` one execution, `#/schedules` what starts by itself. */
function show() {
  leave();
  const [path = "/", query = ""] = (location.hash.slice(1) || "/").split("?");
  const match = /^\/executions\/([^/]+)$/.exec(path);
  const filters = Object.fromEntries(new URLSearchParams(query));
  const isSchedules = path === "/schedules";
  for (const link of document.querySelectorAll("[data-nav]")) {
    link.toggleAttribute("aria-current", link.dataset.nav === (isSchedules ? "schedules" : "executions"));
  }
  if (match) leave = executionPage(main, decodeURIComponent(match[1]));
  else leave = isSchedules ? schedulesPage(main, filters) : listPage(main, filters);
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

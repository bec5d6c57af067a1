// Models (activate, roll back) and metrics of the service.
import { action, button, byId, count, make, say, when } from "./dom.js";
import { emit, get, may, on, post, state, text } from "./service.js";

const CHANGES = 10; // shown of the history

export const load = action(async (current) => {
  const [models, history, status, metrics] = await Promise.all([get("/v1/models"), get("/v1/models/history?limit=" + CHANGES), get("/v1/status"), text("/metrics")]);
  if (!current()) return;
  showModels(models, history.history);
  showMetrics(status, read(metrics));
});

function showModels({ models, active }, history) {
  const rows = models.map((model) => make("tr", {},
    make("th", { scope: "row", text: model.name }), make("td", { text: when(model.added) }),
    make("td", { text: model.note || "–" }),
    make("td", {}, model.active ? make("strong", { text: "answers now" }) : may("admin") ? button("Activate", () => confirm("Let the model “" + model.name + "” answer?", "It is loaded and tried first; “" + active + "” answers until then.", "Activate", (reason) => activate(model.name, active, reason)), model.name, "small") : "")));
  const back = history.length && history[0].before && may("admin")
    ? button("Back to the model before", () => confirm("Go back to the model before?", "“" + history[0].before + "” answered before “" + active + "”.", "Go back", rollback), undefined, "small") : null;
  byId("models").replaceChildren(
    make("h3", { text: "Models" }), table("Models", ["Name", "Added", "Note", "State"], rows),
    may("admin") ? make("p", { class: "row" }, back) : make("p", { class: "soft", text: "To change the model, a key needs the scope admin." }),
    make("h3", { text: "Who changed it" }),
    make("ul", {}, ...history.map((one) => make("li", { text: when(one.when) + ": " + one.who + " let “" + one.name + "” answer" + (one.before ? " in place of “" + one.before + "”" : "") + (one.reason ? " (" + one.reason + ")" : "") }))));
}
function table(name, heads, rows) {
  const head = make("tr", {}, ...heads.map((one) => make("th", { scope: "col", text: one })));
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": name }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

const activate = action(async (name, active, reason) => {
  await post("/v1/models/" + encodeURIComponent(name) + "/activate", { if_current: active, reason });
  await changed("“" + name + "” answers now.");
});
const rollback = action(async (reason) => {
  const { name } = await post("/v1/models/rollback", { reason });
  await changed("“" + name + "” answers again.");
});
async function changed(text) {
  emit("reload");
  emit("model");
  await load();
  say(text);
}

function confirm(title, words, yes, work) {
  const box = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = words;
  byId("confirm-yes").textContent = yes;
  byId("confirm-reason").value = "";
  byId("confirm-form").onsubmit = (event) => {
    event.preventDefault();
    box.close();
    work(byId("confirm-reason").value.trim());
  };
  box.showModal();
}

// Prometheus's text as rows: {name, labels, value}.
function read(all) {
  return all.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => {
    const [, name, inside, value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) || [];
    const labels = Object.fromEntries([...(inside || "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]));
    return { name, labels, value: Number(value) };
  });
}
function showMetrics(status, rows) {
  const routes = new Map();
  for (const { name, labels, value } of rows) {
    if (name === "kgrec_requests_total" && value) {
      const one = routes.get(labels.route) || { all: 0, failed: 0 };
      one.all += value;
      if (Number(labels.status) >= 400) one.failed += value;
      routes.set(labels.route, one);
    }
  }
  const lines = [...routes].sort(([, a], [, b]) => b.all - a.all).map(([route, one]) => {
    const buckets = rows.filter((row) => row.name === "kgrec_request_seconds_bucket" && row.labels.route === route);
    return make("tr", {}, make("th", { scope: "row", text: route }), ...[one.all.toLocaleString("en"), one.failed.toLocaleString("en"), within(buckets, 0.5), within(buckets, 0.99)].map((text) => make("td", { class: "number", text })));
  });
  const known = [["model", status.model + ", since " + when(status.model_since)],
    ["graph", count(status.users, "user", "users") + ", " + count(status.items, "item", "items") + ", " + count(status.entities, "entity", "entities")],
    ["events", status.interactions.toLocaleString("en") + " in the graph, " + status.live_events.toLocaleString("en") + " since"],
    ["log", count(status.log_records, "record", "records") + ", of which the graph has " + status.folded_until.toLocaleString("en")],
    ["now", count(status.in_flight, "request", "requests") + " at once, " + status.slow + " of them slow"],
    ["version", status.version], ...(status.trouble ? [["trouble", status.trouble]] : [])];
  const list = make("dl");
  known.forEach(([name, value]) => list.append(make("dt", { text: name }), make("dd", { text: value })));
  byId("metrics").replaceChildren(make("h3", { text: "State" }), list, make("h3", { text: "Answers since the start" }),
    table("Answers since the start", ["Route", "Answers", "Errors", "Half within", "99 % within"], lines),
    make("p", { class: "soft", text: "All metrics: /metrics, in the format that Prometheus reads." }));
}
// The bound of the bucket under which a share of all answers lies.
function within(buckets, share) {
  const all = Math.max(...buckets.map((row) => row.value), 0);
  const found = buckets.map((row) => [row.labels.le === "+Inf" ? Infinity : Number(row.labels.le), row.value]).sort((a, b) => a[0] - b[0]).find(([, value]) => value >= share * all);
  if (!all || !found) return "–";
  return found[0] === Infinity ? "more" : (1000 * found[0]).toLocaleString("en") + " ms";
}

export function start() {
  byId("refresh").addEventListener("click", () => load());
  byId("confirm-no").addEventListener("click", () => byId("confirm").close());
  on("view-service", () => load());
  on("status", () => { if (!byId("view-service").hidden && state.status.model) load(); });
}

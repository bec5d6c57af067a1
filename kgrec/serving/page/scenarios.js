// Two scenarios side by side.
import { action, byId, make } from "./dom.js";
import { asked, on, post, shownWho, somebody, state } from "./service.js";

const NONE = "no scenario";

function fill() {
  const { scenarios } = state.status, enough = scenarios.length > 0;
  byId("scenarios-form").hidden = !enough;
  byId("scenarios-note").textContent = enough
    ? "The same person, asked in two situations; in which order do the items come?"
    : "This model knows no scenarios: its events had no column scenario. Train it with events that say in which situation they happened.";
  for (const [id, at] of [["one", 1], ["other", Math.min(2, scenarios.length)]]) {
    const kept = byId(id).value;
    byId(id).replaceChildren(...["", ...scenarios].map((name) => make("option", { value: name, text: name || NONE })));
    byId(id).value = scenarios.includes(kept) ? kept : ["", ...scenarios][scenarios.length > 1 ? at : at - 1] ?? "";
  }
}

const compare = action(async (current) => {
  if (!somebody()) throw new Error("Nobody is asking; choose a user or give titles first.");
  const names = [byId("one").value, byId("other").value];
  const lists = await Promise.all(names.map((name) => post("/v1/recommend", { ...asked(name), k: state.length })));
  if (!current()) return;
  const ranks = lists.map((list) => new Map(list.items.map((item) => [String(item.id), item.rank])));
  const both = lists[0].items.filter((item) => ranks[1].has(String(item.id))).length;
  byId("shared").textContent = "For " + shownWho() + ", " + both + " of " + lists[0].items.length + " items are in both lists.";
  byId("both").replaceChildren(...lists.map((list, at) => column(names[at] || NONE, list.items, ranks[1 - at])));
});

function column(name, items, others) {
  const rows = items.map((item) => {
    const other = others.get(String(item.id));
    const note = other === undefined ? "only here" : other === item.rank ? "same place" : "there at " + other;
    return make("li", { class: other === undefined ? "alone" : null }, make("span", { class: "name", text: item.title || String(item.id) }), make("span", { class: "soft", text: " " + note }));
  });
  return make("section", { "aria-label": name }, make("h3", { text: name }), make("ol", {}, ...rows));
}

export function start() {
  byId("scenarios-form").addEventListener("submit", (event) => { event.preventDefault(); compare(); });
  on("status", fill);
  on("who", () => { byId("shared").textContent = ""; byId("both").replaceChildren(); });
}

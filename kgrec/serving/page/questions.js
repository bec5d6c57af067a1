// Why an item is not in the list, and which events would change its place.
import { action, button, byId, count, make, quoted, reach, signed } from "./dom.js";
import { bar } from "./reasons.js";
import { asked, emit, on, post, shownWho, somebody, state } from "./service.js";
import { titleField } from "./titles.js";

const SHOWN = 6;

const body = (item) => {
  if (!somebody()) throw new Error("Nobody is asking; choose a user or give titles first.");
  return { ...asked(), item: String(item.id), k: state.length };
};
const of = (answer) => quoted(answer.item_name || answer.item_id);
const place = (answer) => (answer.rank ? "place " + answer.rank.toLocaleString("en") : "no place");

const without = action(async (item, current) => {
  const { answer } = await post("/v1/counterfactual", body(item));
  if (!current()) return;
  show("Without what would " + of(answer) + " leave the list?", ...removal(answer));
});
function removal(answer) {
  const at = make("p", { text: "For " + shownWho() + " it is at " + place(answer) + ", with the score " + answer.score.toFixed(2) + "." });
  if (!answer.events.length) return [at, make("p", { text: answer.reason || "No small set of events was found." })];
  const then = "Without " + (answer.events.length === 1 ? "this one event" : "these " + answer.events.length + " events") + " it would be at place " + (answer.rank_then ?? "–").toLocaleString("en") + (answer.score_then === null ? "." : ", with the score " + answer.score_then.toFixed(2) + ".");
  const entered = answer.entered ? [make("p", { text: quoted(answer.entered.name || answer.entered.item_id) + " would take its place." })] : [];
  return [at, make("p", { text: then }), events(answer.events), ...entered, tried(answer)];
}
const events = (all) => make("ul", { class: "events" }, ...all.map((event) => make("li", { text: event.name || event.item_id })));
const tried = (answer) => make("p", { class: "soft", text: count(answer.tried, "change was", "changes were") + " tried." });

const missing = action(async (item, current) => {
  const { answer } = await post("/v1/why-not", body(item));
  if (!current()) return;
  const inside = answer.rank !== null && answer.rank <= answer.k;
  const title = inside ? of(answer) + " is in the list, or was chosen before" : "Why is " + of(answer) + " not in the list?";
  const acts = make("p", { class: "row" }, answer.entry ? null : button("What would bring it in?", () => bring(item)), button("Its reasons", () => emit("explain", item)));
  show(title, ...absence(answer, inside), acts);
});
function absence(answer, inside) {
  const found = [make("p", { text: "It is at " + place(answer) + " of " + answer.candidates.toLocaleString("en") + " items; the list ends at " + answer.k + "." + (inside ? "" : " Its score is " + answer.score.toFixed(2) + ", which is " + answer.gap.toFixed(2) + " too low.") })];
  if (answer.missing.length) found.push(make("h3", { text: "What is not known of it" }), make("ul", {}, ...answer.missing.map((text) => make("li", { text }))));
  if (answer.against.length) {
    const most = Math.max(...answer.against.map((path) => Math.abs(path.contribution)), 1e-9);
    found.push(make("h3", { text: "What counts against it" }), make("ul", { class: "bars" }, ...answer.against.slice(0, SHOWN).map((path) => make("li", {}, bar(path.contribution, most), path.sentence))));
  }
  const events = answer.comparison ? answer.comparison.events.slice(0, SHOWN) : [];
  if (events.length) found.push(make("h3", { text: "Compared with the last item of the list" }), comparison(events));
  if (answer.entry) found.push(make("h3", { text: "What would bring it in" }), ...entry(answer.entry));
  return found;
}
function comparison(events) {
  const row = (event) => make("tr", {}, make("th", { scope: "row", text: event.name || event.id }), ...[event.a, event.b].map((value) => make("td", { class: "number", text: signed(value, 2) })));
  const head = make("tr", {}, ...["Chosen before", "Adds to the last of the list", "Adds to this item"].map((text) => make("th", { scope: "col", text })));
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Comparison" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...events.map(row))));
}
function entry(answer) {
  if (!answer.events.length) return [make("p", { text: answer.reason || "No single event was found." })];
  const rows = answer.events.map((event) => make("li", { text: quoted(event.name || event.item_id) + (event.rank ? ": then it is at place " + event.rank.toLocaleString("en") : "") }));
  return [make("p", { text: "One of these choices:" }), make("ul", { class: "events" }, ...rows), tried(answer)];
}

const bring = action(async (item, current) => {
  const { answer } = await post("/v1/counterfactual", { ...body(item), add: true });
  if (!current()) return;
  show("What would bring " + of(answer) + " into the list?", make("p", { text: "For " + shownWho() + " it is at " + place(answer) + "." }), ...entry(answer));
});

function show(title, ...parts) {
  const heading = make("h3", { text: title });
  byId("answer").replaceChildren(heading, ...parts);
  emit("view", "questions");
  reach("answer");
}

export function start() {
  titleField(byId("question-search"), "A title", "Ask about", (node) => missing({ id: node.id, title: node.name }));
  on("counterfactual", (item) => without(item));
  on("who", () => byId("answer").replaceChildren());
}

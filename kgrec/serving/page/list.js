// The list with its reasons, and events that change it.
import { action, button, byId, count, listed, make, quoted, say, when } from "./dom.js";
import { asked, emit, get, may, newId, on, post, query, remove, shownWho, somebody, state } from "./service.js";
import { titleField } from "./titles.js";
import { give } from "./who.js";

const EXPLAINED = 10; // items whose reasons are asked for with the list
const REASONS = 2; // of an item that are shown
const PAST = 10; // events shown at once
let shown = { items: [], list_id: "", before: null }; // before: ranks in the list before an event
const past = { events: [], next: null, total: 0, sent: new Map() }; // sent: item to the id of its event
export const title = (item) => item.title || String(item.id);

const load = action(async (before, current) => {
  if (!somebody()) return empty();
  byId("list").setAttribute("aria-busy", "true");
  try {
    await fill(before, current);
  } finally {
    if (current()) byId("list").setAttribute("aria-busy", "false");
  }
});

// The list is asked for without reasons first, so that it is there at once.
async function fill(before, current) {
  const body = { ...asked(), k: state.length };
  const list = await post("/v1/recommend", body);
  if (!current()) return;
  shown = { ...list, before };
  show();
  if (before) tellChange();
  if (!list.items.length) return;
  const full = await post("/v1/recommend", { ...body, explain: Math.min(EXPLAINED, state.length) });
  if (!current()) return;
  shown = { ...full, before };
  show();
}

function empty() {
  shown = { items: [], list_id: "", before: null };
  byId("list").replaceChildren();
  byId("list").setAttribute("aria-busy", "false");
  byId("more").hidden = true;
  byId("list-note").textContent = state.mode === "user" ? "Choose a user above." : "Give a title above.";
}

const more = action(async (current) => {
  const page = await post("/v1/recommend/next", { list_id: shown.list_id });
  if (!current()) return;
  const from = shown.items.length;
  shown.items = shown.items.concat(page.items);
  show();
  byId("more").hidden = !page.items.length;
  say(count(page.items.length, "more item.", "more items."));
  byId("list").querySelectorAll(".head")[from]?.focus();
});

function show() {
  const focused = document.activeElement?.closest?.("#list li")?.dataset.id;
  const act = document.activeElement?.dataset?.act;
  byId("list-title").textContent = "List for " + shownWho();
  const note = shown.cold ? "Nothing is known of this user: the list is that for newcomers." : "";
  byId("list-note").textContent = shown.items.length ? note : "No item is left for this list.";
  byId("list").replaceChildren(...shown.items.map(row));
  byId("more").hidden = !shown.items.length;
  if (focused === undefined) return;
  const same = [...byId("list").children].find((one) => one.dataset.id === focused);
  (same ? same.querySelector('[data-act="' + act + '"]') : byId("list-part"))?.focus();
}

function row(item) {
  // For the mouse alone: the button "Why?" does the same.
  const head = make("p", { class: "head", tabindex: "-1", onclick: () => emit("explain", item) },
    make("span", { class: "rank", text: item.rank }), make("span", { class: "name", text: title(item) }), moved(item),
    make("span", { class: "score", text: item.score.toFixed(2) }, make("span", { class: "unseen", text: " score" })));
  const why = make("ul", { class: "why" }, ...[...new Set(item.why)].slice(0, REASONS).map((sentence) => make("li", { text: sentence })));
  const does = (act, text, work) => {
    const made = button(text, work, title(item), "small");
    made.dataset.act = act;
    return made;
  };
  const acts = make("p", { class: "row" },
    does("why", "Why?", () => emit("explain", item)),
    does("without", "What if?", () => emit("counterfactual", item)),
    state.mode === "history" || may("write") ? does("chose", "I choose this", () => click(item)) : null);
  const made = make("li", {}, head, item.why?.length ? why : null, acts);
  made.dataset.id = String(item.id);
  return made;
}

function change(item) {
  const before = shown.before?.get(String(item.id));
  if (!shown.before || before === item.rank) return "";
  if (before === undefined) return "new";
  return before > item.rank ? "up " + (before - item.rank) : "down " + (item.rank - before);
}
function moved(item) {
  const text = change(item);
  return text ? make("span", { class: "moved " + text.split(" ")[0], text }) : null;
}

function tellChange() {
  const there = new Set(shown.items.map((item) => String(item.id)));
  const fresh = shown.items.filter((item) => change(item) === "new").map((item) => quoted(title(item)));
  const gone = [...shown.before.keys()].filter((id) => !there.has(id)).length;
  const movedCount = shown.items.filter((item) => change(item)).length - fresh.length;
  const parts = [fresh.length ? "new: " + listed(fresh) : "", movedCount ? movedCount + " at other places" : "", gone ? gone + " gone" : ""];
  const text = parts.filter(Boolean).join("; ");
  say("The list counts it. " + (text ? "Of the list: " + text + "." : "The list stays the same."));
}

const ranks = () => new Map(shown.items.map((item) => [String(item.id), item.rank]));

// One click: an event of the user, or one more title of a history.
function click(item) {
  if (state.mode === "history") return give({ id: String(item.id), name: title(item) });
  return send(item);
}
const send = action(async (item) => {
  const id = newId(), before = ranks(), value = byId("rating-row").hidden ? "" : byId("rating").value;
  const event = { user: state.user, item: item.id, id };
  if (value !== "") event.rating = Number(value);
  if (shown.items.some((one) => one.id === item.id)) event.list_id = shown.list_id;
  const { rejected } = await post("/v1/events", { events: [event], missing: "reject" });
  if (rejected?.length) throw new Error(rejected[0].detail);
  past.sent.set(String(item.id), id);
  emit("event");
  await load(before);
});

const undo = action(async (item, id) => {
  await remove("/v1/events/" + encodeURIComponent(id));
  past.sent.delete(item);
  emit("event");
  await load(ranks());
});

// What the user chose before.
const loadPast = action(async (onward, current) => {
  byId("past-part").hidden = state.mode !== "user" || !somebody();
  byId("event-form").hidden = !may("write");
  if (byId("past-part").hidden) return;
  const path = "/v1/users/" + encodeURIComponent(state.user) + "/events";
  let page = { events: [], next: null, total: 0 };
  try {
    page = await get(path + query({ limit: PAST, cursor: onward ? past.next : undefined }));
  } catch (error) {
    if (error.status !== 404) throw error; // a user without any event yet
  }
  if (!current()) return;
  past.events = onward ? past.events.concat(page.events) : page.events;
  past.next = page.next || null;
  past.total = page.total;
  showPast();
});

function showPast() {
  byId("past-title").textContent = "Chosen before (" + past.total.toLocaleString("en") + ")";
  byId("rating-row").hidden = !past.events.some((event) => event.rating !== undefined && event.rating !== null);
  byId("past-more").hidden = past.next === null;
  byId("past").replaceChildren(...past.events.map((event) => {
    const id = event.number === undefined ? undefined : past.sent.get(String(event.item));
    const facts = [event.rating === undefined || event.rating === null ? "" : "rated " + event.rating, event.timestamp ? when(event.timestamp) : ""];
    const back = id ? button("Take back", () => undo(String(event.item), id), title({ id: event.item, title: event.title }), "small") : null;
    return make("li", {}, make("span", { class: "name", text: event.title || String(event.item) }),
      make("span", { class: "soft", text: " " + facts.filter(Boolean).join(" · ") }), back);
  }));
}

export function start() {
  titleField(byId("event-search"), "Choose another title for this user", "Choose", (node) => send({ id: node.id, title: node.name }));
  byId("more").addEventListener("click", () => more());
  byId("past-more").addEventListener("click", () => loadPast(true));
  on("who", () => { past.sent.clear(); load(null); loadPast(false); });
  on("model", () => { load(shown.items.length ? ranks() : null); loadPast(false); });
  on("event", () => loadPast(false));
}

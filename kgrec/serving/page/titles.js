// A field that finds items, or all nodes, by a part of their name.
import { action, count, make } from "./dom.js";
import { get, may, post, query } from "./service.js";

const FOUND = 8; // shown at once
let fields = 0;

async function find(words, everything) {
  if (may("explore")) {
    const label = everything ? undefined : "Item";
    const { nodes } = await get("/v1/graph/nodes" + query({ q: words, label, limit: FOUND + 1 }));
    return nodes;
  }
  const { items } = await post("/v1/search", { text: words, k: FOUND });
  return items.map((item) => ({ label: "Item", id: String(item.id), name: item.title || String(item.id) }));
}

// `chosen` gets a node: {label, id, name}. `act` says in a word what choosing does.
export function titleField(place, label, act, chosen, everything = false) {
  const id = "titles-" + (fields += 1);
  const input = make("input", { id, type: "search", autocomplete: "off", spellcheck: "false", "aria-describedby": id + "-note" });
  const note = make("p", { class: "soft note", id: id + "-note", "aria-live": "polite" });
  const found = make("ul", { class: "found", "aria-label": "Found" });
  const clear = () => { input.value = ""; note.textContent = ""; found.replaceChildren(); };
  const choose = (node) => { clear(); input.focus(); chosen(node); };
  const search = action(async (current) => {
    const words = input.value.trim();
    if (!words) return clear();
    const nodes = await find(words, everything);
    if (!current()) return;
    const shown = nodes.slice(0, FOUND);
    found.replaceChildren(...shown.map((node) => {
      const kind = everything ? make("span", { class: "soft", text: " " + node.label.toLowerCase() }) : null;
      const row = make("button", { type: "button", onclick: () => choose(node) }, make("span", { class: "unseen", text: act + " " }), node.name || node.id, kind);
      return make("li", {}, row);
    }));
    if (!nodes.length) note.textContent = "No " + (everything ? "node" : "item") + " has “" + words + "” in its name.";
    else note.textContent = nodes.length > FOUND ? "The first " + FOUND + " found; type more to narrow." : count(nodes.length, "found.", "found.");
  });
  let waiting;
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 150); });
  place.addEventListener("keydown", (event) => {
    const rows = [input, ...found.querySelectorAll("button")], at = rows.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") { clear(); input.focus(); }
    if (event.key === "Enter" && at === 0 && rows.length > 1) { event.preventDefault(); rows[1].click(); }
    if (!step || at < 0) return;
    event.preventDefault();
    rows[Math.min(Math.max(at + step, 0), rows.length - 1)].focus();
  });
  place.append(make("label", { for: id, text: label }), input, note, found);
}

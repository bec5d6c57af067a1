// Why an item is in the list: its paths in the picture, and as sentences beside it.
import { action, byId, count, make, quoted, reach, say, signed } from "./dom.js";
import * as picture from "./picture.js";
import { asked, on, post, somebody } from "./service.js";
import * as walk from "./walk.js";

const PATHS = 6;
let rows = []; // of the reasons: {item, keys, edges}
let current = { paths: [], item: "" };

const explain = action(async (item, isCurrent) => {
  if (!somebody()) throw new Error("Nobody is asking; choose a user or give titles first.");
  const { answer } = await post("/v1/explain", { ...asked(), item: String(item.id), k: PATHS });
  if (!isCurrent()) return;
  const name = answer.item_name || item.title || String(item.id);
  byId("why-title").textContent = "Why " + quoted(name) + "?";
  byId("why-score").textContent = score(answer);
  const { paths } = answer;
  current = { paths, item: String(item.id) };
  showReasons(answer, paths);
  draw();
  reach("view-graph");
  say(count(paths.length, "reason", "reasons") + " for " + quoted(name) + ".");
  await walk.learn([...walk.nodes.values()]);
  walk.showNodes();
});

function score(answer) {
  const paths = answer.score - answer.baseline;
  return "Score " + answer.score.toFixed(2) + " = " + answer.baseline.toFixed(2) + " without any history " + signed(paths, 2).replace(/(.)/, "$1 ") + " from it.";
}

function draw(only) {
  walk.clear();
  if (!current.paths.length) return;
  const narrow = picture.isNarrow();
  const drawn = narrow ? [current.paths[only || 0]] : current.paths;
  const placed = walk.putPaths(drawn, current.item);
  // Paths that share their first title lie next to each other.
  const firsts = [...new Set(placed.map((one) => one.keys[1]))];
  picture.placePaths(placed.map((one) => one.keys).sort((a, b) => firsts.indexOf(a[1]) - firsts.indexOf(b[1])));
  rows.forEach((row, at) => {
    const path = narrow ? (at === (only || 0) ? placed[0] : undefined) : placed[at];
    row.placed = path;
    row.button.setAttribute("aria-pressed", String(narrow && at === (only || 0)));
  });
  picture.fit();
  picture.label();
  walk.showNodes();
}

function showReasons(answer, paths) {
  byId("reasons-part").hidden = false;
  const most = Math.max(...paths.map((path) => Math.abs(path.contribution)), 1e-9);
  rows = paths.map((path, at) => {
    const button = make("button", { type: "button", "aria-pressed": "false", onclick: () => pick(at) }, bar(path.contribution, most), make("span", { text: path.sentence }));
    return { button };
  });
  byId("reasons").replaceChildren(...rows.map((row) => make("li", {}, row.button)));
  const rest = answer.hidden ? "The other " + count(answer.hidden, "path adds", "paths add") + " " + signed(answer.not_shown) + ". " : "";
  byId("reasons-rest").textContent = rest + (answer.reasons || []).join(" ");
}
export function bar(amount, most) {
  const length = make("b");
  length.style.width = Math.max(100 * Math.abs(amount) / most, 1.5) + "%";
  const against = amount < 0 ? " against" : "";
  return make("span", { class: "bar" }, make("span", { class: "amount" + against, text: signed(amount) }), make("i", { class: against.trim() || null, "aria-hidden": "true" }, length));
}

// Mark one reason in the picture; again: all of them.
function pick(at) {
  const again = rows[at].button.getAttribute("aria-pressed") === "true";
  if (picture.isNarrow() || !rows[at].placed || rows[at].placed.keys.some((key) => !picture.has(key))) draw(at);
  rows.forEach((row, number) => row.button.setAttribute("aria-pressed", String(number === at && !again)));
  const placed = rows[at].placed;
  picture.mark(again || !placed ? null : placed.keys, again || !placed ? null : placed.edges);
}

function forget() {
  rows = [];
  current = { paths: [], item: "" };
  byId("reasons-part").hidden = true;
  byId("why-title").textContent = "Reasons and graph";
  byId("why-score").textContent = "Choose “Why?” beside an item, or find a node.";
}

// What is drawn was true before the last event, or in the model before.
function age() {
  const old = " This was so before the last change; ask again.";
  if (current.item && !byId("why-score").textContent.endsWith(old)) byId("why-score").textContent += old;
}

export function start() {
  on("event", age);
  on("model", age);
  on("explain", (item) => explain(item));
  on("emptied", forget);
  on("who", () => { walk.clear(); forget(); });
  on("redraw", () => { if (current.paths.length && !walk.nodes.size) draw(); else picture.fit(); });
}

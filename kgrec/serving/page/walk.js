// The graph, node by node: what is in the picture, and the panel of the chosen node.
import { action, button, byId, count, make, quoted, say } from "./dom.js";
import * as picture from "./picture.js";
import { emit, get, may, nodePath, query, shownWho, state } from "./service.js";
import { titleField } from "./titles.js";

const STEP = 8; // neighbours that are added at once
const MOST = 120; // nodes of a picture; more could not be told apart
const LONG = 240; // letters of an attribute that are shown
const CHOSE = "INTERACTED";
export const nodes = new Map(); // key to node
let chosen = null;

const keyOf = (label, id) => label + ":" + id;
const isFact = (node) => ["Item", "Entity"].includes(node.label);
const nameOf = (node) => node.name || node.label.toLowerCase() + " " + node.id;
const edgeKey = (edge) => JSON.stringify([edge.source, edge.relation, edge.target, edge.stored !== false]);

export function clear() {
  nodes.clear();
  picture.clear();
  chosen = null;
  byId("node-part").hidden = true;
  showNodes();
}

// Put a node into the picture; `from` is the key of the one that it came from.
export function put(node, from, own = false) {
  const there = nodes.get(node.key);
  if (there) { there.own ||= own; return there; }
  const made = { groups: new Map(), counts: null, attributes: {}, from, own, ...node };
  nodes.set(node.key, made);
  picture.addNode(made);
  if (!own) picture.setDown(node.key, from);
  return made;
}
export function join(edge) {
  const key = edgeKey(edge);
  picture.addEdge({ ...edge, key });
  return key;
}

// What the service knows of nodes, for the numbers beside their names.
export async function learn(some) {
  if (!may("explore")) return;
  await Promise.all(some.filter((node) => isFact(node) && node.counts === null).map(async (node) => {
    const answer = await get(nodePath(node.label, node.id)).catch((error) => {
      if (error.status === 404 || error.status === 422) return { counts: {}, attributes: {} }; // newer than the graph
      throw error;
    });
    Object.assign(node, { counts: answer.counts, attributes: answer.attributes });
  }));
  some.forEach(showBadge);
}
const facts = (node) => Object.entries(node.counts || {}).filter(([relation]) => relation !== CHOSE);
const inPicture = (node) => picture.edgesOf(node.key).map(JSON.parse).filter(([, relation, , stored]) => stored && relation !== CHOSE).length;
function showBadge(node) {
  if (!isFact(node) || !node.counts) return;
  const hidden = [...node.groups.values()].reduce((sum, group) => sum + group.hidden, 0);
  node.left = Math.max(facts(node).reduce((sum, [, number]) => sum + number, 0) - inPicture(node) - hidden, 0);
  picture.badge(node.key, node.left);
}

// Add the next neighbours of one relation; says how many there were.
async function grow(node, relation, wanted) {
  const limit = Math.min(wanted, MOST - nodes.size);
  if (limit < 1) throw new Error("The picture has " + MOST + " nodes, which is the most; collapse or take away some first.");
  const group = node.groups.get(relation) || { keys: [], next: undefined, hidden: 0, asked: 0 };
  const page = await (node.key === "You" ? history(group.next, limit) : get(nodePath(node.label, node.id) + "/neighbours" + query({ relation, limit, cursor: group.next })));
  if (!nodes.has(node.key)) return 0;
  const fresh = [];
  for (const edge of page.edges) {
    const key = keyOf(edge.label, edge.id);
    if (!nodes.has(key)) fresh.push(key);
    put({ key, label: edge.label, id: String(edge.id), name: edge.name, kind: edge.kind }, node.key);
    const [source, target] = edge.direction === "in" ? [key, node.key] : [node.key, key];
    join({ source, target, relation });
    if (!group.keys.includes(key)) group.keys.push(key);
  }
  group.next = page.next || null;
  group.total = page.total;
  group.hidden += Math.max(Math.min(limit, page.total - group.asked) - page.edges.length, 0); // people
  group.asked += limit;
  node.groups.set(relation, group);
  await learn(fresh.map((key) => nodes.get(key)).filter(Boolean));
  return fresh.length;
}
async function history(cursor, limit) {
  const page = await get("/v1/users/" + encodeURIComponent(state.user) + "/events" + query({ limit, cursor: cursor ?? undefined }));
  const edges = page.events.map((event) => ({ label: "Item", id: event.item, name: event.title, direction: "out" }));
  return { edges, next: page.next, total: page.total };
}

const open = action(async (node, relations, limit) => {
  let added = 0;
  for (const relation of relations) added += await grow(node, relation, limit);
  nodes.forEach(showBadge);
  picture.label();
  picture.mark(null);
  showNode(node);
  showNodes();
  picture.choose(node.key);
  picture.show(node.key);
  say(count(added, "node", "nodes") + " added beside " + quoted(nameOf(node)) + ".");
});
function openAll(node) {
  const relations = node.key === "You" ? [CHOSE] : facts(node).map(([relation]) => relation);
  return open(node, relations, Math.max(Math.floor(STEP / Math.max(relations.length, 1)), 2));
}

function fold(node) {
  for (const other of [...nodes.values()]) if (other.from === node.key && !other.own) drop(other);
  node.groups.clear();
}
function drop(node) {
  fold(node);
  nodes.delete(node.key);
  picture.remove(node.key);
}
function collapse(node) {
  const before = nodes.size;
  fold(node);
  nodes.forEach(showBadge);
  showNode(node);
  showNodes();
  say(count(before - nodes.size, "node", "nodes") + " taken away.");
}

// Choose a node: its panel shows what is known of it. Chosen again, it opens or collapses.
export const choose = action(async (key, current) => {
  const node = nodes.get(key);
  if (!node) return;
  if (chosen === key) return node.groups.size ? collapse(node) : openAll(node);
  chosen = key;
  picture.choose(key);
  await learn([node]);
  if (!current()) return;
  showNode(node);
  showNodes();
});

function showNode(node) {
  byId("node-part").hidden = false;
  byId("node-title").textContent = nameOf(node);
  byId("node-facts").replaceChildren(...(node.label === "People" ? people(node) : panel(node)));
}
function people(node) {
  return [make("p", { text: node.name + ": other people are counted and never named." })];
}
function panel(node) {
  const rows = Object.entries(node.attributes).filter(([name, value]) => !["title", "name", "kind"].includes(name) && String(value) !== "");
  const list = make("dl");
  const kind = node.kind || node.attributes.kind || node.label.toLowerCase();
  const known = node.key === "You" ? [] : [["kind", kind], ["id", node.id], ...rows];
  for (const [name, value] of known) list.append(make("dt", { text: name }), make("dd", { text: short(String(value)) }));
  const acts = make("p", { class: "row" });
  if (node.label === "Item") acts.append(button("Why this item?", () => emit("explain", { id: node.id, title: node.name }), undefined, "small"));
  const relations = node.key === "You" ? (state.mode === "user" && state.user ? [[CHOSE, undefined]] : []) : facts(node);
  if (relations.length && (may("explore") || node.key === "You")) acts.append(button("Open", () => openAll(node), "its neighbours", "small"));
  if (node.groups.size) acts.append(button("Collapse", () => collapse(node), "its neighbours", "small"));
  if (!node.own) acts.append(button("Take out of the picture", () => { drop(node); chosen = null; byId("node-part").hidden = true; nodes.forEach(showBadge); showNodes(); }, undefined, "small"));
  const chose = node.key !== "You" && node.counts?.[CHOSE];
  const others = chose ? make("p", { class: "soft", text: count(chose, "choice", "choices") + " by people, who are counted and never named." }) : null;
  const parts = [list, acts, ...relations.map(([relation, number]) => group(node, relation, number)), others];
  if (isFact(node) && node.counts && !relations.length) parts.push(make("p", { class: "soft", text: "No facts about it are known." }));
  if (isFact(node) && !may("explore")) parts.push(make("p", { class: "soft", text: "To walk the graph, a key needs the scope explore." }));
  return parts.filter(Boolean);
}
const short = (text) => (text.length > LONG ? text.slice(0, LONG) + "…" : text);

function group(node, relation, number) {
  const seen = node.groups.get(relation), total = seen?.total ?? number;
  const words = node.key === "You" ? "chose" : picture.relationWords(relation);
  const title = make("h4", { text: words + (total === undefined ? "" : " (" + total.toLocaleString("en") + ")") });
  const list = make("ul", {}, ...(seen?.keys || []).filter((key) => nodes.has(key)).map((key) => make("li", {}, link(nodes.get(key)))));
  const left = seen ? seen.next !== null : true;
  const most = total === undefined ? STEP : Math.min(STEP, total - (seen?.asked || 0));
  const more = left && most > 0 ? button("Show " + most + (seen ? " more" : ""), () => open(node, [relation], STEP), "of " + words, "small") : null;
  const hidden = seen?.hidden ? make("p", { class: "soft", text: count(seen.hidden, "person is", "people are") + " not shown." }) : null;
  return make("div", { class: "group" }, title, list, more, hidden);
}
const link = (node) => make("button", { type: "button", class: "link", "aria-pressed": String(node.key === chosen), text: nameOf(node), onclick: () => visit(node.key) });
async function visit(key) {
  if (chosen === key) return byId("node-part").focus();
  await choose(key);
  byId("node-part").focus();
}

export function showNodes() {
  byId("nodes-title").textContent = "Nodes in the picture (" + nodes.size + ")";
  byId("nodes").replaceChildren(...[...nodes.values()].map((node) => {
    const left = node.left ? " +" + node.left.toLocaleString("en") : "";
    return make("li", {}, link(node), make("span", { class: "soft", text: left }, left ? make("span", { class: "unseen", text: " neighbours that are not in the picture" }) : null));
  }));
}

// The nodes and lines of reasons; gives for each the keys of its nodes and of its lines.
export function putPaths(paths, item) {
  const most = Math.max(...paths.map((path) => Math.abs(path.contribution)), 1e-9);
  return paths.map((path) => {
    const keys = path.nodes.map((node, step) => {
      const key = pathKey(path, step);
      const look = key === "You" ? "You" : node.label === "Item" && String(node.id) === String(item) ? "Chosen" : undefined;
      const label = key.startsWith("People:") ? "People" : node.label;
      return put({ key, label, id: String(node.id ?? ""), name: key === "You" ? shownWho() : node.name, look, kind: "" }, undefined, true).key;
    });
    const edges = path.relations.map((relation, step) => {
      const [source, target] = path.outgoing[step] ? [keys[step], keys[step + 1]] : [keys[step + 1], keys[step]];
      return join({ source, target, relation, stored: path.stored[step], contribution: path.contribution, width: 1.5 + 5 * Math.abs(path.contribution) / most });
    });
    return { keys, edges };
  });
}
function pathKey(path, step) {
  const node = path.nodes[step];
  if (node.label !== "User") return keyOf(node.label, node.id);
  if (step === 0) return "You";
  return "People:" + [step - 1, step + 1].map((at) => path.nodes[at]?.id ?? "").join(">");
}

const find = action(async (node) => {
  const key = keyOf(node.label, node.id);
  put({ key, label: node.label, id: String(node.id), name: node.name, kind: "" }, undefined);
  showNodes();
  picture.fit();
  if (chosen !== key) await choose(key);
});

export function start() {
  titleField(byId("node-search"), "Find a node and put it into the picture", "Put into the picture:", find, true);
  picture.start((key) => choose(key));
  byId("empty").addEventListener("click", () => { clear(); emit("emptied"); say("The picture is empty."); });
  showNodes();
}

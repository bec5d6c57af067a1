// The picture of the graph: boxes for nodes, lines for relations. Walking adds and removes nodes.
import { byId, make } from "./dom.js";

const CHARS = 20, LINES = 3; // of a box
const COLOURS = { You: "#0072B2", Item: "#56B4E9", Entity: "#E69F00", People: "#8A8A8A", User: "#CC79A7", Chosen: "#009E73" };
const LEGEND = [["You", "who asks"], ["Chosen", "the item in question"], ["Item", "item"], ["Entity", "entity: a fact about items"], ["People", "other people, counted"]];
const NARROW = 560; // units: a smaller picture shows one reason at a time, from top to bottom
const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
let cy;

// "IN_CATEGORY" as "in category"; relations that are words already stay.
export const relationWords = (relation) => (relation === "INTERACTED" ? "chose" : relation.replaceAll("_", " ").toLowerCase());

const wide = (letter) => (letter.codePointAt(0) > 0x2e80 ? 1.8 : 1);
const width = (text) => [...text].reduce((sum, letter) => sum + wide(letter), 0);
function wrap(text) {
  const lines = [""];
  for (const word of text.split(/\s+/).flatMap((one) => (width(one) > CHARS ? one.match(/.{1,18}/gsu) : [one]))) {
    const last = lines[lines.length - 1];
    if (last && width(last) + width(word) + 1 > CHARS) lines.push(word); else lines[lines.length - 1] = last ? last + " " + word : word;
  }
  if (lines.length > LINES) { lines.length = LINES; lines[LINES - 1] += "…"; }
  return lines;
}

const looks = () => [
  { selector: "node", style: {
    shape: "round-rectangle", width: "data(width)", height: "data(height)", "background-color": "data(fill)",
    "border-color": "data(colour)", "border-width": 1.5, label: "data(text)", "font-size": 13, "text-valign": "center",
    "text-halign": "center", "text-wrap": "wrap", "text-max-width": 1000, color: shade("ink") } },
  { selector: "edge", style: {
    width: "data(width)", "line-color": "data(colour)", "line-style": "data(line)", "target-arrow-color": "data(colour)",
    "target-arrow-shape": "data(arrow)", "arrow-scale": 0.9, "curve-style": "bezier", label: "data(text)", "font-size": 10,
    "text-rotation": "autorotate", "text-background-color": shade("ground"), "text-background-opacity": 0.85,
    "text-background-padding": 1, color: shade("ink"), opacity: 0.9 } },
  { selector: "node.ends", style: { "font-weight": "bold", "border-width": 3 } },
  { selector: "edge:loop", style: { "loop-direction": "0deg", "loop-sweep": "-60deg", "control-point-step-size": 75 } },
  { selector: ".faded", style: { opacity: 0.2 } },
  { selector: ".level", style: { "text-rotation": "none" } },
  { selector: "node.chosen", style: { "border-width": 5, "border-color": shade("ink") } },
];

const fill = (colour) => mix(colour, shade("ground"), 0.3);
export const isNarrow = () => byId("picture").clientWidth < NARROW;
export const has = (key) => cy.getElementById(key).nonempty();

export function addNode(node, spot) {
  const lines = wrap(node.name || node.label + " " + node.id), colour = COLOURS[node.look || node.label] || COLOURS.Item;
  const size = { width: Math.max(60, 7.6 * Math.max(...lines.map(width)) + 18), height: 17 * lines.length + 16 };
  const made = cy.add({ group: "nodes", data: { id: node.key, lines, text: lines.join("\n"), colour, fill: fill(colour), low: size.height, ...size } });
  if (["You", "Chosen"].includes(node.look)) made.addClass("ends");
  if (spot) made.position(spot);
}
// The nearest free place around another node, or below all where it comes from none.
export function setDown(key, from) {
  const node = cy.getElementById(key), others = cy.nodes().difference(node);
  const boxes = others.map((one) => ({ ...one.position(), w: one.data("width") + 28, h: one.data("height") + 41 }));
  const lines = cy.edges().map((one) => [one.source().position(), one.target().position()]);
  const box = others.boundingBox();
  const at = has(from) ? cy.getElementById(from).position() : { x: others.empty() ? 0 : (box.x1 + box.x2) / 2, y: others.empty() ? 0 : box.y2 + 90 };
  if (others.empty() || !has(from)) node.position(at);
  else node.position(freeSpot(at, { w: node.data("width"), h: node.data("height") + 17 }, boxes, lines));
}
export function addEdge(edge) {
  if (has(edge.key)) return;
  const against = edge.contribution < 0;
  const colour = edge.contribution === undefined ? shade("edge") : shade(against ? "lower" : "raise");
  cy.add({ group: "edges", data: { id: edge.key, source: edge.source, target: edge.target, colour, words: relationWords(edge.relation), text: "",
    contribution: edge.contribution, width: edge.width || 1.5, line: edge.stored === false ? "dashed" : "solid", arrow: edge.stored === false ? "none" : "triangle" } });
}
export const remove = (key) => cy.getElementById(key).remove();
export const clear = () => cy.elements().remove();
export const edgesOf = (key) => cy.getElementById(key).connectedEdges().map((one) => one.id());

// How many neighbours of a node are not in the picture.
export function badge(key, number) {
  const node = cy.getElementById(key);
  if (node.empty()) return;
  node.data({ text: node.data("lines").join("\n") + (number > 0 ? "\n+" + number.toLocaleString("en") : ""), height: node.data("low") + (number > 0 ? 17 : 0) });
}

// Names of relations are shown where the line between two boxes has room for them.
export function label() {
  cy.edges().forEach((line) => {
    const room = gap(line) - 14, words = line.data("words");
    line.data("text", isNarrow() || 5.4 * words.length < room ? words : "");
    line.toggleClass("level", isNarrow());
  });
}
function gap(line) {
  const a = line.source(), b = line.target(), across = Math.abs(a.position("x") - b.position("x")), up = Math.abs(a.position("y") - b.position("y"));
  const inside = (node) => Math.min(node.data("width") / 2 / Math.max(across, 1e-9), node.data("height") / 2 / Math.max(up, 1e-9), 0.5);
  return Math.hypot(across, up) * (1 - inside(a) - inside(b));
}

// Reasons from left to right, one below the other; in a narrow picture one from top to bottom.
export function placePaths(paths) {
  const spots = new Map(), longest = Math.max(...paths.map((keys) => keys.length - 1), 2), span = 200 * longest;
  if (isNarrow()) paths[0].forEach((key, step) => spots.set(key, [{ x: 0, y: 105 * step }]));
  else paths.forEach((keys, row) => keys.forEach((key, step) => {
    spots.set(key, [...(spots.get(key) || []), { x: span * step / (keys.length - 1), y: 100 * row }]);
  }));
  const mean = (all, axis) => all.reduce((sum, one) => sum + one[axis], 0) / all.length;
  const middle = 50 * (paths.length - 1), ends = [paths[0][0], paths[0][paths[0].length - 1]];
  const boxes = [...spots].map(([key, all]) => {
    const node = cy.getElementById(key), y = ends.includes(key) && !isNarrow() ? middle : mean(all, "y");
    return { node, x: mean(all, "x"), y, w: node.data("width") + 10, h: node.data("low") + 34 };
  });
  pushApart(boxes);
  boxes.forEach(({ node, x, y }) => node.position({ x, y }));
}

export function mark(keys, edges) {
  cy.elements().removeClass("faded");
  if (!keys) return;
  const kept = new Set([...keys, ...edges]);
  cy.elements().forEach((one) => { one.toggleClass("faded", !kept.has(one.id())); });
}
export function choose(key) {
  cy.nodes().removeClass("chosen");
  const node = cy.getElementById(key);
  node.addClass("chosen");
  if (node.empty()) return;
  const seen = cy.extent(), box = node.closedNeighborhood().nodes().boundingBox();
  if (box.x1 < seen.x1 || box.x2 > seen.x2 || box.y1 < seen.y1 || box.y2 > seen.y2) fit();
}
// In a narrow picture a node and what is near it are large enough to read; the rest is reached by moving.
export function show(key) {
  fit();
  if (isNarrow() && cy.zoom() < 0.6) { cy.zoom(0.6); cy.center(cy.getElementById(key)); }
}
export function fit() {
  cy.resize();
  if (cy.nodes().empty()) return;
  cy.fit(undefined, 24);
  if (cy.zoom() > 1.2) { cy.zoom(1.2); cy.center(); }
}
function zoom(by) {
  cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
}

function showLegend() {
  byId("legend").replaceChildren(...LEGEND.map(([look, words]) => {
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = fill(COLOURS[look]);
    swatch.style.borderColor = COLOURS[look];
    return make("li", {}, swatch, words);
  }), make("li", { text: "orange line: lowers the score" }), make("li", { text: "dashed line: a similarity, no relationship" }),
  make("li", { text: "+3: neighbours that are not in the picture" }));
}

// `tapped` gets the key of a node that is clicked.
export function start(tapped) {
  cy = cytoscape({ container: byId("picture"), elements: [], layout: { name: "preset" }, minZoom: 0.05, maxZoom: 4, style: looks() });
  cy.on("tap", "node", (event) => tapped(event.target.id()));
  cy.on("tap", (event) => { if (event.target === cy) mark(null); });
  byId("picture").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    const by = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
    if (step) cy.panBy({ x: step[0], y: step[1] });
    if (by) zoom(by);
    if (event.key === "Escape") mark(null);
    if (step || by) event.preventDefault();
  });
  byId("fit").addEventListener("click", fit);
  byId("nearer").addEventListener("click", () => zoom(1.25));
  byId("farther").addEventListener("click", () => zoom(0.8));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    cy.nodes().forEach((node) => { node.data("fill", fill(node.data("colour"))); });
    cy.edges().forEach((line) => {
      const amount = line.data("contribution");
      line.data("colour", amount === undefined ? shade("edge") : shade(amount < 0 ? "lower" : "raise"));
    });
    cy.style(looks());
    showLegend();
  });
  new ResizeObserver(() => { cy.resize(); label(); }).observe(byId("picture"));
  showLegend();
  window.kgrecPicture = cy; // for tests and for the browser's console
}

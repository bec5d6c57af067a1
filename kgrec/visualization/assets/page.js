"use strict";
// Names come from data, so they are set as text and never as HTML.
const view = JSON.parse(document.getElementById("view").textContent);
const byId = (id) => document.getElementById(id);

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function signed(value) {
  const shown = Math.abs(value).toFixed(3);
  return (value < 0 && Number(shown) > 0 ? "\u2212" : "+") + shown;
}

// A page with lists shows the nodes of one list item at a time, and no ids.
const listed = view.items.length > 0;
const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const onGround = (colour) => (colour && colour.toUpperCase() === "#1A1A1A" ? shade("ink") : colour);
const fill = (colour) => mix(colour, shade("ground"), 0.3);

const elements = view.nodes.map((node, i) => ({
  group: "nodes",
  classes: listed ? "hidden" : "",
  data: { id: "n" + i, text: node.lines.join("\n"), colour: node.colour, fill: fill(node.colour),
    width: node.width, height: node.height, edge: node.focus ? 4 : 1.5,
    weight: node.focus ? "bold" : "normal", node },
  position: { x: node.x || 0, y: node.y || 0 },
})).concat(view.edges.map((edge, i) => ({
  group: "edges",
  data: { id: "e" + i, source: "n" + edge.source, target: "n" + edge.target,
    colour: onGround(edge.colour) || shade("edge"), line: edge.line || (edge.stored ? "solid" : "dashed"),
    width: edge.width || 1.5, arrow: edge.stored ? "triangle" : "none",
    text: listed ? edge.relation : edge.label, edge },
})));

const looks = () => [
  { selector: "node", style: {
    "shape": "round-rectangle", "width": "data(width)", "height": "data(height)",
    "background-color": "data(fill)", "border-color": "data(colour)",
    "border-width": "data(edge)", "label": "data(text)", "font-size": 13,
    "font-weight": "data(weight)", "text-valign": "center", "text-halign": "center",
    "text-wrap": "wrap", "text-max-width": 1000, "color": shade("ink") } },
  { selector: "edge", style: {
    "width": "data(width)", "line-color": "data(colour)", "line-style": "data(line)",
    "target-arrow-color": "data(colour)", "target-arrow-shape": "data(arrow)",
    "arrow-scale": 0.9, "curve-style": "bezier", "opacity": 0.85, "label": "data(text)",
    "font-size": 10, "text-rotation": "autorotate", "text-background-color": shade("ground"),
    "text-background-opacity": 0.85, "text-background-padding": 1, "color": shade("ink") } },
  { selector: "edge.bent", style: {
    "curve-style": "unbundled-bezier", "control-point-weights": 0.5, "control-point-distances": "data(bend)" } },
  { selector: "edge.level", style: { "text-rotation": "none" } },
  { selector: "edge:loop", style: { "loop-direction": "0deg", "loop-sweep": "-60deg", "control-point-step-size": 75 } },
  { selector: ".faded", style: { "opacity": 0.18 } },
  { selector: ".hidden", style: { "display": "none" } },
  { selector: "node.marked", style: { "border-width": 5, "border-color": shade("ink") } },
  { selector: "edge.marked", style: { "opacity": 1, "z-index": 9 } },
];

const cy = cytoscape({
  container: byId("graph"),
  elements,
  layout: { name: "preset" },
  minZoom: 0.05,
  maxZoom: 6,
  style: looks(),
});
cy.fit(undefined, 25);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  cy.nodes().forEach((node) => { node.data("fill", fill(node.data("colour"))); });
  if (listed) colourEdges(); else cy.edges().forEach((line) => { line.data("colour", onGround(line.data("edge").colour)); });
  cy.style(looks());
  showLegend();
});
byId("graph")?.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  const zoom = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
  if (event.key === "Escape") clear();
  if (steps) cy.panBy({ x: steps[0], y: steps[1] });
  if (zoom) cy.zoom({ level: cy.zoom() * zoom, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  if (steps || zoom) event.preventDefault();
});

const tip = byId("tip");
function showTip(event, text) {
  tip.textContent = text;
  tip.hidden = false;
  const spot = event.originalEvent;
  tip.style.left = Math.min(spot.clientX + 14, window.innerWidth - tip.offsetWidth - 6) + "px";
  tip.style.top = Math.min(spot.clientY + 14, window.innerHeight - tip.offsetHeight - 6) + "px";
}
const hideTip = () => { tip.hidden = true; };

function edgeText(edge) {
  const lines = [edge.relation + (edge.stored ? "" : " (a similarity, no relationship)")];
  lines.push(view.nodes[edge.source].text + (edge.stored ? " \u2192 " : " \u2013 ") + view.nodes[edge.target].text);
  if (edge.contribution != null) lines.push("contribution " + signed(edge.contribution));
  if (edge.count > 1) lines.push(edge.count + " events");
  for (const [name, value] of Object.entries(edge.facts || {})) lines.push(name + ": " + value);
  return lines.join("\n");
}
cy.on("mouseover mousemove", "edge", (event) => showTip(event, edgeText(event.target.data("edge"))));
cy.on("mouseout", "edge", hideTip);
cy.on("pan zoom drag", hideTip);

function unmark() {
  cy.elements().removeClass("faded marked");
  document.querySelectorAll(".chosen").forEach((item) => item.classList.remove("chosen"));
}
function mark(kept) {
  unmark();
  cy.elements().difference(kept).addClass("faded");
  kept.addClass("marked");
}

function showFacts(node) {
  const facts = byId("facts"), shown = node.data("node");
  facts.replaceChildren(make("h2", shown.text));
  const list = make("dl");
  const known = { label: shown.label, id: shown.id, kind: shown.kind, ...shown.facts };
  for (const [name, value] of Object.entries(known)) list.append(make("dt", name), make("dd", value));
  const count = node.connectedEdges().length;
  facts.append(list, make("h2", count + (count === 1 ? " line" : " lines") + " here"));
  const edges = make("ul");
  node.connectedEdges().forEach((line) => {
    const edge = line.data("edge"), out = line.source().same(node);
    const other = out ? line.target() : line.source();
    const item = make("li");
    if (edge.contribution !== null) item.append(amount(edge.contribution));
    const arrow = !edge.stored ? " \u2013 " : out ? " \u2192 " : " \u2190 ";
    const link = make("button", edge.relation + arrow + other.data("node").text);
    link.type = "button";
    link.addEventListener("click", () => choose(other));
    item.append(link);
    edges.append(item);
  });
  facts.append(edges);
}
function amount(value) {
  return make("span", signed(value), value < 0 ? "amount against" : "amount");
}

function choose(node) {
  if (listed) return chooseListed(node);
  mark(node.closedNeighborhood());
  cy.nodes().difference(node).removeClass("marked");
  showFacts(node);
  bringIntoView(node);
}
function bringIntoView(nodes) {
  const seen = cy.extent(), box = nodes.boundingBox();
  const outside = box.x1 < seen.x1 || box.x2 > seen.x2 || box.y1 < seen.y1 || box.y2 > seen.y2;
  if (!outside) return;
  if (nodes.length > 1) cy.fit(nodes, 40); else cy.center(nodes);
}
function clear() {
  unmark();
  byId("facts").replaceChildren();
}
cy.on("tap", "node", (event) => choose(event.target));
cy.on("tap", (event) => { if (event.target === cy) clear(); });

const search = byId("search"), found = byId("found");
function matches(text) {
  const wanted = text.trim().toLowerCase();
  return cy.nodes().filter((node) => {
    const shown = node.data("node");
    const names = listed ? [shown.text] : [shown.text, shown.id, shown.label + ":" + shown.id];
    return names.some((one) => one.toLowerCase().includes(wanted));
  });
}
search.addEventListener("input", () => {
  if (!search.value.trim()) { unmark(); found.textContent = ""; return; }
  const hits = matches(search.value);
  mark(hits);
  found.textContent = hits.length === 1 ? "1 node" : hits.length + " nodes";
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { search.value = ""; found.textContent = ""; clear(); }
  if (event.key !== "Enter" || !search.value.trim()) return;
  const hits = matches(search.value);
  if (!hits.length) return;
  choose(hits[0]);
  cy.animate({ center: { eles: hits[0] } }, { duration: 200 });
});

byId("fit").addEventListener("click", () => { if (listed) return showItem(place.item); clear(); cy.fit(cy.elements(":visible"), 25); });
byId("arrange").addEventListener("click", () => {
  cy.elements(":visible").layout({ name: "cose", animate: false, fit: false, nodeRepulsion: () => 60000,
    idealEdgeLength: () => 110, nodeOverlap: 20 }).run();
  const nodes = cy.nodes(":visible").toArray();
  const boxes = nodes.map((node) => ({ ...node.position(), w: node.data("width") + 24, h: node.data("height") + 24 }));
  pushApart(boxes);
  nodes.forEach((node, at) => node.position({ x: boxes[at].x, y: boxes[at].y }));
  cy.fit(cy.elements(":visible"), 25);
});

function applyFilter() {
  const off = new Set([...document.querySelectorAll("#relations input:not(:checked)")].map((box) => view.relations[box.value].name));
  cy.batch(() => {
    cy.edges().forEach((line) => { line.toggleClass("hidden", off.has(line.data("edge").relation)); });
    cy.nodes().forEach((node) => {
      const lines = node.connectedEdges();
      const alone = lines.length > 0 && lines.every((line) => line.hasClass("hidden"));
      node.toggleClass("hidden", alone && !node.data("node").focus);
    });
  });
}
view.relations.forEach((relation, i) => {
  const row = make("label", undefined, "relation"), box = make("input"), stroke = make("span", undefined, "stroke");
  box.type = "checkbox";
  box.checked = true;
  box.value = i;
  box.addEventListener("change", applyFilter);
  stroke.style.borderTopColor = onGround(relation.colour);
  stroke.style.borderTopStyle = relation.line;
  row.append(box, stroke, make("span", relation.name + " (" + relation.count + ")"));
  byId("relations").append(row);
});
function showLegend() {
  byId("legend").replaceChildren(...view.legend.map((entry) => {
    const item = make("li"), swatch = make("span", undefined, "swatch");
    swatch.style.background = fill(entry.colour);
    swatch.style.borderColor = entry.colour;
    item.append(swatch, make("span", entry.look));
    return item;
  }), ...view.lines.map((text) => make("li", text)));
}
showLegend();

if (view.paths.length) {
  const list = make("ul");
  byId("paths").append(make("h2", "Paths"), list);
  view.paths.forEach((path) => {
    const item = make("li"), link = make("button", path.sentence);
    link.type = "button";
    if (path.contribution !== null) item.append(amount(path.contribution));
    item.append(link);
    const more = make("pre", path.cypher + "\n// " + JSON.stringify(path.parameters));
    more.hidden = true;
    item.append(more);
    link.addEventListener("click", () => {
      const again = item.classList.contains("chosen");
      list.querySelectorAll("pre").forEach((one) => { one.hidden = true; });
      clear();
      if (again) return;
      const nodes = path.nodes.map((i) => "#n" + i).join(", "), lines = path.edges.map((i) => "#e" + i).join(", ");
      mark(cy.$(nodes).union(lines ? cy.$(lines) : cy.collection()));
      bringIntoView(cy.$(nodes));
      item.classList.add("chosen");
      more.hidden = !path.cypher;
    });
    list.append(item);
  });
}

// The lists of a page, and a graph of one item's reasons that grows where a node is opened.
const STEP = 8; // neighbours that opening a node adds at once
const NARROW = 560; // units: a smaller graph shows one reason at a time
const PHONE = 760; // units: on a smaller screen the lists are below the graph
// item: the item shown; own: nodes and edges of its reasons; from: who opened a node.
const place = { item: 0, own: new Set(), from: new Map(), opened: new Set(), node: null };
const isFact = (i) => ["Item", "Entity"].includes(view.nodes[i].label);
const ids = (prefix, numbers) => [...numbers].map((i) => "#" + prefix + i).join(", ");
const seen = (i) => !cy.$id("n" + i).hasClass("hidden");
const around = view.nodes.map(() => []); // [other node, edge] of every node
view.edges.forEach((edge, i) => {
  around[edge.source].push([edge.target, i]);
  around[edge.target].push([edge.source, i]);
});

function neighbours(i) {
  const joined = around[i].filter(([other, number]) => isFact(i) && isFact(other) && view.edges[number].stored);
  return [...new Set(joined.map(([other]) => other))];
}
const missing = (i) => neighbours(i).filter((other) => !seen(other));
const unseen = (i) => Math.max(view.nodes[i].total - neighbours(i).filter(seen).length, 0);

const isNarrow = () => Boolean(byId("graph")) && byId("graph").clientWidth < NARROW;

function showItem(number, reason) {
  const item = view.items[number], reasons = item.reasons;
  const narrow = isNarrow();
  const used = narrow && reasons.length ? [reasons[reason || 0]] : reasons;
  const nodes = new Set([item.node, ...used.flatMap((one) => one.nodes)]);
  Object.assign(place, { item: number, from: new Map(), opened: new Set(), node: null });
  place.own = new Set([...nodes].map((i) => "n" + i).concat(used.flatMap((one) => one.edges.map((i) => "e" + i))));
  clear();
  cy.batch(() => {
    cy.nodes().forEach((node) => {
      const i = Number(node.id().slice(1));
      node.toggleClass("hidden", !nodes.has(i));
      node.data({ edge: i === item.node ? 4 : 1.5, weight: i === item.node ? "bold" : "normal" });
      if (nodes.has(i) && !narrow) node.position({ x: item.places[i][0], y: item.places[i][1] });
    });
    if (narrow) (used.length ? used[0].nodes : [item.node]).forEach((i, row) => cy.$id("n" + i).position({ x: 0, y: 100 * row }));
    cy.edges().toggleClass("level", narrow).removeClass("bent");
    if (!narrow) item.bends.forEach(bend);
  });
  refresh();
  fitShown();
  if (window.innerWidth > PHONE) showGroups(item.node);
  if (reason !== undefined && !narrow) markReason(reasons[reason]);
  openRow(number, narrow ? reason || 0 : reason);
}

// Lead a line through a point.
function bend([number, x, y]) {
  const line = cy.$id("e" + number), a = line.source().position(), b = line.target().position();
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const off = ((y - (a.y + b.y) / 2) * (b.x - a.x) - (x - (a.x + b.x) / 2) * (b.y - a.y)) / length;
  line.data("bend", 2 * off).addClass("bent");
}

function fitShown() {
  cy.fit(cy.nodes().filter((node) => !node.hasClass("hidden")), 24);
  if (cy.zoom() > 1.25) { cy.zoom(1.25); cy.center(cy.nodes().filter((node) => !node.hasClass("hidden"))); }
}

// Which edges are shown, and how many neighbours of each node are not.
function refresh() {
  cy.batch(() => {
    cy.edges().forEach((line) => {
      const edge = line.data("edge"), { source, target } = edge;
      const grown = isFact(source) && isFact(target) && edge.stored && [source, target].some((i) => place.opened.has(i));
      line.toggleClass("hidden", !(seen(source) && seen(target) && (place.own.has(line.id()) || grown)));
    });
    cy.nodes().forEach((node) => {
      const i = Number(node.id().slice(1)), shown = node.data("node");
      const count = isFact(i) && seen(i) ? unseen(i) : 0;
      node.data({ text: shown.lines.join("\n") + (count ? "\n+" + count : ""), height: shown.height + (count ? 17 : 0) });
    });
  });
  colourEdges();
}

function colourEdges() {
  const amounts = new Map();
  view.items[place.item].reasons.forEach((reason) => reason.edges.forEach((i) => amounts.set(i, (amounts.get(i) || 0) + reason.contribution)));
  const most = Math.max(...[...amounts.values()].map(Math.abs), 1e-9);
  cy.edges().forEach((line, i) => {
    const amount = place.own.has(line.id()) ? amounts.get(i) : undefined;
    const room = apart(line.source(), line.target()) - 14;
    line.data({ text: 5.4 * line.data("edge").relation.length < room ? line.data("edge").relation : "",
      width: amount === undefined ? 1.3 : 1.5 + 5 * Math.abs(amount) / most,
      colour: amount === undefined ? shade("edge") : shade(amount < 0 ? "lower" : "raise") });
  });
}

// The length of a line that is not under its boxes, about.
function apart(one, other) {
  const a = one.position(), b = other.position(), across = Math.abs(a.x - b.x), up = Math.abs(a.y - b.y);
  const inside = (node) => Math.min(node.data("width") / 2 / Math.max(across, 1e-9), node.data("height") / 2 / Math.max(up, 1e-9), 0.5);
  return Math.hypot(across, up) * (1 - inside(one) - inside(other));
}

function markReason(reason) {
  mark(cy.$(ids("n", reason.nodes)).union(cy.$(ids("e", reason.edges))));
}

// Nodes are opened and folded.
function open(i) {
  const fresh = missing(i).slice(0, STEP);
  place.opened.add(i);
  fresh.forEach((other) => {
    setDown(cy.$id("n" + other), cy.$id("n" + i).position());
    place.from.set(other, i);
    cy.$id("n" + other).removeClass("hidden");
  });
  refresh();
}
function fold(i) {
  place.opened.delete(i);
  place.from.forEach((parent, other) => {
    if (parent !== i) return;
    place.from.delete(other);
    fold(other);
    cy.$id("n" + other).addClass("hidden");
  });
  refresh();
}
// Put a node at the nearest free spot around another.
function setDown(node, from) {
  const shown = cy.nodes().filter((one) => !one.hasClass("hidden"));
  const boxes = shown.map((one) => ({ ...one.position(), w: one.data("width") + 28, h: one.data("height") + 41 }));
  const lines = cy.edges().filter((one) => !one.hasClass("hidden")).map((one) => [one.source().position(), one.target().position()]);
  place.from.forEach((parent, other) => lines.push([cy.$id("n" + parent).position(), cy.$id("n" + other).position()]));
  node.position(freeSpot(from, { w: node.data("width"), h: node.data("height") + 17 }, boxes, lines));
}

// The first choice of a node shows its facts, the second opens or folds it.
function chooseListed(node) {
  const i = Number(node.id().slice(1));
  if (!seen(i)) reveal(i);
  if (place.node === i) toggle(i);
  place.node = i;
  const shown = node.closedNeighborhood().filter((one) => !one.hasClass("hidden"));
  mark(shown);
  cy.nodes().difference(node).removeClass("marked");
  showGroups(i);
  bringIntoView(shown.nodes());
  if (isNarrow() && cy.zoom() < 0.7) { cy.zoom(0.7); cy.center(node); }
  if (window.innerWidth <= PHONE) byId("facts").scrollIntoView({ block: "nearest", behavior: "smooth" });
}
function toggle(i) {
  if (place.opened.has(i) && !missing(i).length) fold(i); else open(i);
}
function reveal(i) {
  const anchor = neighbours(i).find(seen);
  if (anchor === undefined) {
    const centre = cy.nodes().filter((one) => !one.hasClass("hidden")).boundingBox();
    setDown(cy.$id("n" + i), { x: centre.x2, y: centre.y2 });
  } else {
    place.opened.add(anchor);
    setDown(cy.$id("n" + i), cy.$id("n" + anchor).position());
    place.from.set(i, anchor);
  }
  cy.$id("n" + i).removeClass("hidden");
  refresh();
}

function showGroups(i) {
  const node = view.nodes[i], facts = byId("facts"), list = make("dl");
  const yours = isFact(i) ? around[i].find(([other]) => view.nodes[other].label === "User") : undefined;
  const known = { ...(node.kind === "item" ? {} : { kind: node.kind }), ...node.facts, ...(yours ? { you: view.edges[yours[1]].relation } : {}) };
  for (const [name, value] of Object.entries(known)) list.append(make("dt", name), make("dd", value));
  facts.replaceChildren(make("h2", node.text));
  if (isFact(i)) facts.append(node.total ? folder(i) : make("p", "No facts about it are known.", "rest"));
  groups(i).forEach((others, name) => {
    const value = make("dd");
    value.append(...others.slice(0, STEP).map(nodeButton));
    if (others.length > STEP) value.append(rest(others.slice(STEP), value));
    list.append(make("dt", name), value);
  });
  facts.append(list);
  const away = isFact(i) ? node.total - neighbours(i).length : 0;
  if (away > 0) facts.append(make("p", away + " more neighbours are not on this page.", "rest"));
}
function folder(i) {
  const open_ = place.opened.has(i), left = missing(i).length;
  const button = make("button", left ? "Show " + Math.min(left, STEP) + " of " + unseen(i) + (open_ ? " more" : "") + " neighbours" : open_ ? "Fold" : "All neighbours are shown");
  button.type = "button";
  button.disabled = !left && !open_;
  button.addEventListener("click", () => choose(cy.$id("n" + i)));
  const row = make("p", undefined, "buttons");
  row.append(button);
  if (left && open_) {
    const back = make("button", "Fold");
    back.type = "button";
    back.addEventListener("click", () => { fold(i); showGroups(i); });
    row.append(back);
  }
  return row;
}
function groups(i) {
  const found = new Map();
  around[i].forEach(([other, number]) => {
    const edge = view.edges[number];
    if (!edge.stored || (isFact(i) && !isFact(other))) return;
    const name = edge.source === i || !isFact(i) ? edge.relation : edge.relation + " of";
    found.set(name, [...(found.get(name) || []), other]);
  });
  return found;
}
function nodeButton(i) {
  const button = make("button", view.nodes[i].text);
  button.type = "button";
  button.addEventListener("click", () => choose(cy.$id("n" + i)));
  return button;
}
function rest(others, value) {
  const button = make("button", "and " + others.length + " more");
  button.type = "button";
  button.addEventListener("click", () => {
    button.remove();
    value.append(...others.map(nodeButton));
  });
  return button;
}

// The lists.
function openRow(number, reason) {
  rows.forEach((row, i) => {
    row.item.classList.toggle("open", i === number);
    row.head.setAttribute("aria-expanded", String(i === number));
    row.more.hidden = i !== number;
    row.reasons.forEach((one, at) => one.classList.toggle("chosen", i === number && at === reason));
  });
}
function itemRow(item, number) {
  const row = make("li"), head = make("button", undefined, "head"), more = make("div");
  const node = view.nodes[item.node], list = make("ul", undefined, "reasons");
  head.type = "button";
  head.append(make("span", String(number + 1)), make("span", node.text, "name"), make("span", "score " + item.score.toFixed(2), "score"), make("span", item.details, "details"));
  head.addEventListener("click", () => showItem(number));
  const reasons = item.reasons.map((reason, at) => {
    const line = make("li"), button = make("button"), bar = make("span", undefined, "bar"), track = make("i"), length = make("b");
    button.type = "button";
    length.style.width = Math.max(100 * Math.abs(reason.contribution) / largest, 1.5) + "%";
    track.append(length);
    bar.append(amount(reason.contribution), track);
    button.append(bar, make("span", reason.sentence));
    button.addEventListener("click", () => (line.classList.contains("chosen") ? showItem(number) : showItem(number, at)));
    line.append(button);
    list.append(line);
    return line;
  });
  more.append(list, make("p", item.rest, "rest"));
  row.append(head, more);
  byId("items").append(row);
  return { item: row, head, more, reasons };
}
function eventRow(event) {
  const row = make("li"), inside = make(event.node === null ? "div" : "button", undefined, "event");
  inside.append(make("span", event.title, "name"), make("span", event.details, "details"));
  if (event.node !== null) {
    inside.type = "button";
    inside.addEventListener("click", () => choose(cy.$id("n" + event.node)));
  }
  row.append(inside);
  byId("history").append(row);
}
function showTab(items) {
  byId("items").hidden = !items;
  byId("history").hidden = items;
  byId("show-items").setAttribute("aria-pressed", String(items));
  byId("show-history").setAttribute("aria-pressed", String(!items));
}

const rows = [];
const largest = Math.max(...view.items.flatMap((item) => item.reasons.map((one) => Math.abs(one.contribution))), 1e-9);
if (listed) {
  byId("lists").hidden = false;
  search.placeholder = "name";
  byId("fit").textContent = "Start again";
  byId("show-items").textContent = "Recommended (" + view.items.length + ")";
  byId("show-history").textContent = view.past + " before (" + (view.history.length + view.earlier) + ")";
  byId("show-items").addEventListener("click", () => showTab(true));
  byId("show-history").addEventListener("click", () => showTab(false));
  view.items.forEach((item, number) => rows.push(itemRow(item, number)));
  view.history.forEach(eventRow);
  if (view.earlier) eventRow({ title: "and " + view.earlier + " earlier", details: "", node: null });
  cy.resize();
  showItem(0);
  window.addEventListener("resize", () => { cy.resize(); fitShown(); });
}

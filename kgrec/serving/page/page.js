// The page of the service: starts its parts, keeps the key, changes between views.
import { action, allRight, byId, count, say } from "./dom.js";
import * as list from "./list.js";
import * as operations from "./operations.js";
import * as questions from "./questions.js";
import * as reasons from "./reasons.js";
import * as scenarios from "./scenarios.js";
import { emit, get, key, on, state } from "./service.js";
import * as walk from "./walk.js";
import * as who from "./who.js";

const VIEWS = ["graph", "questions", "scenarios", "service"];

const load = action(async () => {
  state.status = { may: [], scenarios: [], examples: [], ...await get("/v1/status") }; // empty fields are left out
  const { model, users, items } = state.status;
  byId("serving").textContent = "model " + model + " · " + count(users, "user", "users") + " · " + count(items, "item", "items");
  emit("status");
});

function view(name) {
  for (const one of VIEWS) {
    const here = one === name, tab = byId("tab-" + one);
    byId("view-" + one).hidden = !here;
    tab.setAttribute("aria-selected", String(here));
    if (here) tab.removeAttribute("tabindex"); else tab.setAttribute("tabindex", "-1");
  }
  if (name === "graph") emit("redraw");
  emit("view-" + name);
}

function startTabs() {
  VIEWS.forEach((name, at) => {
    byId("tab-" + name).addEventListener("click", () => view(name));
    byId("tab-" + name).addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: VIEWS.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = VIEWS[(to + VIEWS.length) % VIEWS.length];
      byId("tab-" + next).focus();
      view(next);
    });
  });
  on("view", view);
  on("explain", () => view("graph"));
}

function startKey() {
  let wanted = false;
  const show = () => {
    byId("key-form").hidden = !key.get() && !wanted; // there is none to give where the service has no keys
    byId("forget").hidden = !key.get();
    byId("key").placeholder = key.get() ? "a key is in use" : "";
  };
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    key.set(byId("key").value.trim());
    byId("key").value = "";
    show();
    allRight();
    load();
  });
  byId("forget").addEventListener("click", () => {
    key.set("");
    show();
    say("The key is forgotten.");
    load();
  });
  document.addEventListener("refused", ({ detail }) => {
    if (detail !== 401) return;
    wanted = true;
    show();
    byId("serving").textContent = "This service needs a key.";
    byId("key").focus();
  });
  show();
}

startKey();
startTabs();
who.start();
list.start();
walk.start();
reasons.start();
questions.start();
scenarios.start();
operations.start();
on("reload", load);
load();

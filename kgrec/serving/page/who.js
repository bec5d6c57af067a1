// Who is asking: a user, or titles that somebody gives.
import { button, byId, make, say } from "./dom.js";
import { emit, on, somebody, state } from "./service.js";
import { titleField } from "./titles.js";

export function choose(user) {
  state.mode = "user";
  state.user = user;
  byId("user").value = user;
  document.querySelector('input[name="mode"][value="user"]').checked = true;
  showMode();
  emit("who");
}

function showMode() {
  byId("user-form").hidden = state.mode !== "user";
  byId("history-form").hidden = state.mode === "user";
}

export function give(node) {
  if (state.given.some((one) => one.id === node.id)) return say(node.name + " is among the titles already.");
  state.given.push({ id: node.id, title: node.name || node.id });
  showGiven();
  emit("who");
  say("Added " + node.name + ": the list counts it.");
}

function takeAway(at) {
  const [gone] = state.given.splice(at, 1);
  showGiven();
  byId("history-search").querySelector("input").focus();
  emit("who");
  say("Removed " + gone.title + ".");
}

function showGiven() {
  byId("given").replaceChildren(...state.given.map((one, at) =>
    make("li", {}, make("span", { text: one.title }), button("Remove", () => takeAway(at), one.title))));
}

function fill(select, names, none) {
  const kept = select.value;
  select.replaceChildren(make("option", { value: "", text: none }), ...names.map((name) => make("option", { value: name, text: name })));
  select.value = names.includes(kept) ? kept : "";
}

function showOptions() {
  const { scenarios, examples } = state.status;
  fill(byId("scenario"), scenarios, "none in particular");
  byId("scenario").parentElement.hidden = !scenarios.length;
  state.scenario = byId("scenario").value;
  byId("examples").hidden = !examples.length;
  byId("examples").replaceChildren(make("span", { class: "soft", text: "For example" }),
    ...examples.map((id) => button(String(id), () => choose(String(id)), "as the user", "small")));
}

export function start() {
  titleField(byId("history-search"), "A title that you like", "Add", give);
  byId("user-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (byId("user").value.trim()) choose(byId("user").value.trim());
  });
  document.querySelectorAll('input[name="mode"]').forEach((radio) => radio.addEventListener("change", () => {
    state.mode = document.querySelector('input[name="mode"]:checked').value;
    showMode();
    emit("who");
  }));
  byId("scenario").addEventListener("change", () => { state.scenario = byId("scenario").value; if (somebody()) emit("who"); });
  byId("length").addEventListener("change", () => { state.length = Number(byId("length").value); if (somebody()) emit("who"); });
  on("status", showOptions);
  showMode();
}

// Asking the service. The key is kept in this tab alone, until it is closed or forgotten.
const PLACE = "kgrec-key";
export const key = {
  get: () => sessionStorage.getItem(PLACE) || "",
  set: (text) => (text ? sessionStorage.setItem(PLACE, text) : sessionStorage.removeItem(PLACE)),
};

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || "the service answered " + status);
    this.status = status;
    this.detail = problem.detail || "The service answered " + status + " without saying why; look at its output.";
    this.errors = problem.errors || [];
  }
}

async function answered(method, path, body) {
  const headers = {};
  if (key.get()) headers.Authorization = "Bearer " + key.get();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, { detail: "The service can't be reached; see whether it runs, then try again." });
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const wait = answer.headers.get("Retry-After");
  if (wait && problem.detail) problem.detail += " (Wait for " + wait + " s.)";
  document.dispatchEvent(new CustomEvent("refused", { detail: answer.status }));
  throw new Refused(answer.status, problem);
}

export const get = async (path) => (await answered("GET", path)).json();
export const post = async (path, body) => (await answered("POST", path, body)).json();
export const remove = async (path) => (await answered("DELETE", path)).json();
export const text = async (path) => (await answered("GET", path)).text();

export const nodePath = (label, id) => "/v1/graph/nodes/" + label + "/" + encodeURIComponent(id);
export function query(values) {
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return known.length ? "?" + new URLSearchParams(known) : "";
}

// Ids of events are random, so that sending one again counts once.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "page-" + [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
}

// What the parts of the page share: the service's state, and who is asking.
export const state = {
  status: { may: [], scenarios: [], examples: [] },
  mode: "user", // or "history"
  user: "",
  given: [], // {id, title}, oldest first
  scenario: "",
  length: 10,
};

const bus = new EventTarget();
export const on = (name, work) => bus.addEventListener(name, (event) => work(event.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

export const may = (scope) => state.status.may.includes(scope);
export const somebody = () => (state.mode === "user" ? state.user !== "" : state.given.length > 0);

// The part of a body that says who asks; `scenario` replaces the one that is chosen.
export function asked(scenario = state.scenario) {
  const who = state.mode === "user" ? { user: state.user } : { history: state.given.map((one) => one.id) };
  return scenario ? { ...who, scenario } : who;
}
export const shownWho = () => (state.mode === "user" ? "user " + state.user : "the titles given");

// As much of a browser's document as the page's program needs, to run it without a browser.
class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], text: "", listeners: {}, style: {}, hidden: false, checked: false, value: "", className: "", offsetWidth: 10, offsetHeight: 10 });
    const element = this, names = () => element.className.split(" ").filter(Boolean);
    this.classList = {
      add: (name) => { if (!names().includes(name)) element.className = [...names(), name].join(" "); },
      toggle: (name, wanted) => element.classList[wanted ? "add" : "remove"](name),
      remove: (name) => { element.className = names().filter((one) => one !== name).join(" "); },
      contains: (name) => names().includes(name),
    };
  }
  get textContent() { return this.text + this.children.map((child) => child.textContent).join(""); }
  set textContent(text) { this.children = []; this.text = String(text); }
  setAttribute(name, value) { this[name] = value; }
  scrollIntoView() {}
  remove() { Object.values(places).forEach((place) => place.all().forEach((one) => { one.children = one.children.filter((child) => child !== this); })); }
  append(...parts) { this.children.push(...parts); }
  replaceChildren(...parts) { this.text = ""; this.children = parts; }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  fire(name, event) { this.listeners[name]({ key: "", ...event }); }
  all() { return [this, ...this.children.flatMap((child) => child.all())]; }
  querySelectorAll(selector) {
    const wanted = {
      ".chosen": (one) => one.classList.contains("chosen"),
      "pre": (one) => one.tag === "pre",
      "#relations input:not(:checked)": (one) => one.tag === "input" && one.type === "checkbox" && !one.checked,
    }[selector];
    return this.all().filter(wanted);
  }
}
const places = {};
for (const id of ["view", "tip", "facts", "search", "found", "fit", "arrange", "relations", "legend", "paths", "lists", "items", "history", "show-items", "show-history"]) places[id] = new Element("div");
const document = {
  documentElement: {},
  getElementById: (id) => places[id], // no "graph": the library then draws nothing
  createElement: (tag) => new Element(tag),
  querySelectorAll: (selector) => Object.values(places).flatMap((place) => place.querySelectorAll(selector)),
};
const window = globalThis;
globalThis.addEventListener = () => {};
globalThis.matchMedia = () => ({ addEventListener() {} });
globalThis.getComputedStyle = () => ({ getPropertyValue: () => "#ffffff" });
globalThis.innerWidth = 1000;
globalThis.innerHeight = 800;
globalThis.setTimeout = globalThis.setTimeout || ((call) => call());
globalThis.clearTimeout = globalThis.clearTimeout || (() => {});
globalThis.requestAnimationFrame = (call) => 0;

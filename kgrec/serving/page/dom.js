// Elements of the page. Names come from data: they are set as text and never as HTML.
export const byId = (id) => document.getElementById(id);

// An element: `given` has its class, text, listeners ("onclick") and attributes.
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

// A button; `about` is read by screen readers after the text that is seen.
export function button(text, onclick, about, name) {
  const inside = make("button", { type: "button", text, onclick, class: name });
  if (about) inside.append(make("span", { class: "unseen", text: " " + about }));
  return inside;
}

export const count = (number, one, many) => number.toLocaleString("en") + " " + (number === 1 ? one : many);
export const quoted = (text) => "“" + text + "”";
export const listed = (texts) => texts.length < 2 ? texts.join("") : texts.slice(0, -1).join(", ") + " and " + texts[texts.length - 1];

export function signed(value, digits = 3) {
  const shown = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(shown) > 0 ? "−" : "+") + shown;
}

export function when(seconds) {
  return new Date(1000 * seconds).toISOString().slice(0, 16).replace("T", " ") + " UTC";
}

// Tell everybody, also those who do not see the page, what has changed.
let clearing;
export function say(text) {
  byId("said").textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => { byId("said").textContent = ""; }, 6000);
}

// Bring a part of the page into view, and go on from there with the keyboard.
export function reach(id) {
  byId(id).focus({ preventScroll: true });
  byId(id).scrollIntoView({ block: "start" });
}

export function fail(error) {
  const box = byId("error");
  const single = (error.errors || []).map((one) => make("li", { text: (one.pointer || "") + " " + one.detail }));
  const close = button("Close", () => { box.hidden = true; }, "the error");
  box.replaceChildren(make("p", { text: error.detail || String(error.message || error) }), close);
  if (single.length > 1) box.insertBefore(make("ul", {}, ...single), close);
  box.hidden = false;
}
export const allRight = () => { byId("error").hidden = true; };

// Run an action: what it can't do is shown. Answers that are overtaken by later ones are dropped.
export function action(work) {
  let last = 0;
  return async (...given) => {
    const mine = last += 1;
    const current = () => mine === last;
    try {
      allRight();
      await work(...given, current);
    } catch (error) {
      if (current()) fail(error);
    }
  };
}

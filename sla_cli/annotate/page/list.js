// The annotations as a list in order of time, for the eye and for screen readers; only the rows that are seen exist.

import { written } from "./player.js";

const $ = (id) => document.getElementById(id);
const ROW = 34; // pixels

// What there is to say about an annotation beside its text and times.
export const describe = (model, item) => {
  const sure = item.confidence === null ? "" : ` · ${Math.round(100 * item.confidence)} %`;
  return model.isSuggestion(item) ? `${item.kind || "open"}${sure}` : item.tier;
};

export class List {
  #items = [];
  #frame = 0;

  constructor(model, choose) {
    Object.assign(this, { model, choose });
    this.box = $("rows");
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) choose(this.#items[Number(row.dataset.place)]);
    });
    $("filter").addEventListener("change", () => this.#collect());
    new ResizeObserver(() => this.draw()).observe(this.box);
    model.addEventListener("changed", () => this.#collect());
    model.addEventListener("selected", () => { this.reveal(); this.draw(); });
  }

  // The next annotation in the list, or with -1 the one before.
  near(by) {
    const { selected } = this.model;
    const place = this.#items.indexOf(selected);
    if (place >= 0) return this.#items[place + by] ?? null;
    const after = this.#items.findIndex((item) => item.start >= (selected?.start ?? 0));
    return (by > 0 ? this.#items[after] : this.#items[(after < 0 ? this.#items.length : after) - 1]) ?? null;
  }

  reveal() {
    const place = this.#items.indexOf(this.model.selected);
    if (place < 0) return;
    const top = place * ROW, { scrollTop, clientHeight } = this.box;
    if (top < scrollTop || top + ROW > scrollTop + clientHeight) this.box.scrollTop = top - clientHeight / 3;
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #collect() {
    const wanted = { all: () => true, open: (item) => this.model.isWaiting(item), edited: (item) => !this.model.isSuggestion(item) };
    this.#items = this.model.all().filter(wanted[$("filter").value]);
    $("spacer").style.height = `${this.#items.length * ROW}px`;
    this.draw();
  }

  #draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 3);
    const last = Math.min(this.#items.length, first + Math.ceil(this.box.clientHeight / ROW) + 6);
    const rows = [];
    for (let place = first; place < last; place += 1) rows.push(this.#row(place));
    $("spacer").replaceChildren(...rows);
    const chosen = this.#items.indexOf(this.model.selected);
    if (chosen >= first && chosen < last) this.box.setAttribute("aria-activedescendant", `row-${chosen}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  #row(place) {
    const item = this.#items[place], row = document.createElement("div");
    const part = (name, text) => {
      const element = row.appendChild(document.createElement(name));
      element.textContent = text;
      return element;
    };
    row.id = `row-${place}`;
    row.role = "option";
    row.ariaSelected = String(item === this.model.selected);
    row.setAttribute("aria-setsize", this.#items.length);
    row.setAttribute("aria-posinset", place + 1);
    row.dataset.place = place;
    row.className = `${this.model.isSuggestion(item) ? "suggestion" : "gloss"} ${item.kind || "open"}`;
    row.style.top = `${place * ROW}px`;
    part("span", written(item.start).slice(0, -1)).className = "when";
    part("bdi", item.text);
    part("span", describe(this.model, item)).className = "state";
    return row;
  }
}

// The fields of the selected annotation: its text, with glosses to complete it, and its times in milliseconds.

import { written } from "./player.js";
import { describe } from "./list.js";

const $ = (id) => document.getElementById(id);
const MOST = 8; // glosses that are offered
const fold = (text) => text.normalize("NFC").toLocaleLowerCase();

export class Editor {
  #new = null; // the annotation that is being made: tier, start, end
  #item; // the annotation that was selected when the typing began, null without one; undefined while nobody types
  #chosen = -1; // place of the offered gloss that Enter takes

  // `commit(text, made, item)` gets the annotation that is being made, or null for another one; `times(start, end)`.
  constructor(model, commit, times) {
    Object.assign(this, { model, commit });
    this.text = $("text");
    this.words = $("words");
    this.text.addEventListener("input", () => { this.#chosen = -1; this.#offer(); });
    this.text.addEventListener("keydown", (event) => this.#key(event));
    this.text.addEventListener("focus", () => { if (this.#item === undefined) this.#item = this.model.selected; });
    this.text.addEventListener("blur", () => { if (document.activeElement !== this.text) this.#leave(); }); // not if the window is left
    this.words.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the text keeps the focus
      if (event.target.role === "option") this.#finish(event.target.textContent);
    });
    for (const side of ["start", "end"]) {
      $(side).addEventListener("change", () => times($("start").valueAsNumber, $("end").valueAsNumber));
    }
    model.addEventListener("selected", () => this.#show());
    this.#show();
  }

  // Type the text of the selected annotation, or of one that is being made.
  begin(made = null) {
    this.#new = made;
    this.text.disabled = false;
    this.text.value = made ? "" : this.model.selected.text;
    this.text.focus();
    this.#item = this.model.selected; // the field may have had the focus before
    this.text.select();
    if (made) $("what").textContent = `new on ${made.tier}, ${written(made.start)} to ${written(made.end)}`;
  }

  #show() {
    const item = this.model.selected, editing = document.activeElement === this.text;
    $("what").textContent = item
      ? `\u2068${item.text}\u2069: ${this.model.isSuggestion(item) ? "suggestion, " : ""}${describe(this.model, item)}, ${written(item.start)} to ${written(item.end)}${item.decision ? `. \u2068${item.decision}\u2069` : ""}`
      : "No annotation is selected.";
    $("start").value = item?.start ?? "";
    $("end").value = item?.end ?? "";
    $("start").disabled = $("end").disabled = !item;
    if (!editing) this.text.value = item?.text ?? "";
    this.text.disabled = !item && !this.#new && !editing;
  }

  #known() {
    const counts = new Map(this.model.about.vocabulary.map((gloss) => [gloss, 0]));
    for (const lane of [this.model.about.suggestions, ...this.model.about.glosses]) {
      for (const item of this.model.sorted.get(lane)) counts.set(item.text, (counts.get(item.text) ?? 0) + 1);
    }
    return counts;
  }

  #offer() {
    const typed = fold(this.text.value.trim());
    const free = (this.#new?.tier ?? this.#item?.tier) === this.model.about.translation;
    const known = free || !typed ? new Map() : this.#known();
    const rank = (gloss) => (fold(gloss).startsWith(typed) ? 0 : 1);
    const found = [...known.keys()].filter((gloss) => fold(gloss).includes(typed));
    found.sort((a, b) => rank(a) - rank(b) || known.get(b) - known.get(a) || a.localeCompare(b));
    this.words.replaceChildren(...found.slice(0, MOST).map((gloss, place) => {
      const option = document.createElement("li");
      option.textContent = gloss;
      option.dir = "auto";
      option.role = "option";
      option.id = `word-${place}`;
      option.ariaSelected = String(place === this.#chosen);
      return option;
    }));
    this.words.hidden = found.length === 0;
    this.text.ariaExpanded = String(!this.words.hidden);
    if (this.#chosen >= 0) this.text.setAttribute("aria-activedescendant", `word-${this.#chosen}`);
    else this.text.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const number = this.words.childElementCount;
    if (event.isComposing) return; // an input method of Chinese or Japanese uses the same keys
    if (["ArrowDown", "ArrowUp"].includes(event.key) && number) {
      const by = event.key === "ArrowDown" ? 1 : -1;
      this.#chosen = this.#chosen < 0 && by < 0 ? number - 1 : (this.#chosen + by + number) % number;
      this.#offer();
    } else if (event.key === "Enter") {
      this.#finish(this.words.children[this.#chosen]?.textContent ?? this.text.value);
    } else if (event.key === "Escape") {
      this.text.blur();
    } else return;
    event.preventDefault();
  }

  #finish(text) {
    const made = this.#new, item = this.#item;
    this.text.blur();
    if (!text.trim()) return;
    this.commit(text.trim().replace(/\s+/g, " "), made, item);
  }

  #leave() {
    this.#new = null;
    this.#item = undefined;
    this.#chosen = -1;
    this.words.hidden = true;
    this.text.ariaExpanded = "false";
    this.text.removeAttribute("aria-activedescendant");
    this.#show();
  }
}

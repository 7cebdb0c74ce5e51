// The recordings, with what is done; asks every two seconds what has changed, also by other programs.

import { queue, recording, videoOf } from "./api.js";
import { NOTHING } from "./model.js";

const $ = (id) => document.getElementById(id);
const EVERY = 2000; // milliseconds

export class Queue {
  #listed = [];
  #drawn = "";
  #open = { number: -1 }; // the recording that is open, or is being opened

  constructor(model, player, saving, say) {
    Object.assign(this, { model, player, saving, say });
    $("recordings").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.open(Number(button.dataset.number));
    });
  }

  async start() {
    await this.#ask();
    this.saving.addEventListener("changed", () => { if (this.saving.idle) this.#ask().catch(() => {}); }); // #watch tells
    const wanted = Number(location.hash.slice(1));
    await this.open(this.#listed[wanted] ? wanted : 0);
    setInterval(() => this.#watch(), EVERY);
  }

  go(by) {
    const next = this.#open.number + by;
    if (this.#listed[next]) this.open(next);
    else this.say(by > 0 ? "This is the last recording." : "This is the first recording.");
  }

  async open(number) {
    document.activeElement?.closest("input")?.blur(); // what is typed belongs to the recording before
    const own = this.#open = { number };
    while (!this.saving.idle) await this.saving.settled(); // a key that waited for the same answer has sent something
    if (own !== this.#open) return;
    this.saving.held = true;
    const { name } = this.#listed[number];
    let shown = { ...NOTHING, name }, fault = "";
    try {
      shown = await recording(number);
    } catch (error) {
      fault = error.message;
    }
    if (own !== this.#open) return; // another one was chosen meanwhile
    this.saving.held = false;
    this.model.selected = null;
    this.player.pause();
    this.model.show(number, shown);
    this.player.open(videoOf(number));
    $("name").textContent = name;
    document.title = `${name}: sla annotate`;
    location.replace(`#${number}`);
    this.say(fault || `${name} is open.`, fault !== "");
    this.#draw();
  }

  async #watch() {
    const { idle } = this.saving, { digest, number } = this.model;
    try {
      await this.#ask();
    } catch {
      // If an operation waits, its message says more.
      if (!this.saving.lost) this.say("sla annotate does not answer. If it was ended, start it again and open its new address.", true);
      return;
    }
    const now = this.#listed[number]?.counts;
    if (!now || now.digest === digest || !idle || !this.saving.idle || this.model.digest !== digest) return;
    const shown = await recording(number);
    if (this.saving.idle && this.model.digest === digest && this.model.number === number) this.saving.replace(shown);
  }

  async #ask() {
    this.#listed = await queue();
    this.#draw();
  }

  #draw() {
    const rows = this.#listed.map((one, number) => [one.name, this.#state(one), one.counts?.done ?? false, number === this.model.number]);
    const drawn = JSON.stringify(rows);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = document.activeElement?.closest("#recordings button")?.dataset.number;
    $("recordings").replaceChildren(...rows.map(([name, state, done, current], number) => {
      const row = document.createElement("li"), button = row.appendChild(document.createElement("button"));
      button.type = "button";
      button.dataset.number = number;
      button.className = done ? "done" : "";
      if (current) button.setAttribute("aria-current", "true");
      const title = button.appendChild(document.createElement("bdi")), text = button.appendChild(document.createElement("span"));
      title.textContent = name;
      text.textContent = state;
      return row;
    }));
    if (focused) $("recordings").querySelector(`[data-number="${focused}"]`)?.focus();
  }

  #state({ counts, state, note, fault }) {
    if (fault) return fault;
    const parts = [];
    if (counts.done) parts.push("✓ done");
    if (counts.open) parts.push(`${counts.open} open`);
    if (counts.open + counts.decided) parts.push(`${counts.decided} decided`);
    parts.push(`${counts.glosses} ${counts.glosses === 1 ? "gloss" : "glosses"}`);
    if (state) parts.push(state.startsWith("failed") ? state : `recognising: ${state}`);
    if (note) parts.push(note);
    return parts.join(" · ");
  }
}

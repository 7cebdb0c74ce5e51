// The tiers over time. Only what is seen is in the document, so that hours with thousands of annotations scroll.

import { written } from "./player.js";

const $ = (id) => document.getElementById(id);
const CLOSEST = 800, WIDEST = 4; // pixels per second
const USUAL = 80, FIRST = [60, 320]; // pixels of an annotation, and pixels per second, when a recording is opened
const LANE = 42, TOP = 26; // pixels
const MARKS = { "": "?", accepted: "✓", changed: "✎", new: "+", rejected: "✗" };

export class Timeline {
  #drawn = new Map();
  #frame = 0;
  #scale = FIRST[0]; // pixels per second
  #number = -1; // of the recording for which the scale was chosen
  #width = 0; // of the scroller; reading it while scrolling would cost a layout

  constructor(model, player, choose) {
    Object.assign(this, { model, player, choose });
    this.scroller = $("scroller");
    this.track = $("track");
    this.scroller.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => { this.#width = this.scroller.clientWidth; this.draw(); }).observe(this.scroller);
    this.track.addEventListener("click", (event) => this.#click(event));
    model.addEventListener("shown", () => { this.#chooseScale(); this.#layOut(); });
    model.addEventListener("changed", () => this.draw());
    model.addEventListener("selected", () => { this.reveal(); this.draw(); });
    player.addEventListener("loaded", () => this.#layOut());
    player.addEventListener("time", () => this.#follow());
  }

  zoom(by) {
    const time = this.player.time, offset = this.#x(time) - this.scroller.scrollLeft;
    const seen = offset >= 0 && offset <= this.#width ? offset : this.#width / 2;
    this.#scale = Math.min(CLOSEST, Math.max(WIDEST, this.#scale * by));
    this.#layOut();
    this.scroller.scrollLeft = this.#x(time) - seen;
    this.draw();
  }

  // The selected annotation into view.
  reveal() {
    const item = this.model.selected;
    if (!item) return;
    const left = this.#x(item.start), right = this.#x(item.end), from = this.scroller.scrollLeft;
    if (left < from + 20 || right > from + this.#width - 20) this.scroller.scrollLeft = left - this.#width / 3;
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  // Most labels can be read.
  #chooseScale() {
    if (this.#number === this.model.number) return;
    const lengths = this.model.all().map((item) => item.end - item.start).sort((a, b) => a - b);
    const scale = (1000 * USUAL) / (lengths[lengths.length >> 1] || 1000);
    this.#number = lengths.length ? this.model.number : -1; // again when there are suggestions
    this.#scale = Math.min(FIRST[1], Math.max(FIRST[0], scale));
  }

  #x(ms) {
    return (ms * this.#scale) / 1000;
  }

  #layOut() {
    const { lanes } = this.model;
    this.track.style.width = `${this.#x(this.player.duration)}px`;
    this.track.style.height = $("labels").style.height = `${TOP + LANE * lanes.length}px`;
    $("labels").replaceChildren(...lanes.map((lane, place) => {
      const label = document.createElement("div");
      label.textContent = label.title = lane;
      label.dir = "auto";
      label.style.top = `${TOP + LANE * place}px`;
      return label;
    }));
    $("place").max = this.player.duration;
    this.draw();
  }

  #draw() {
    if (this.model.number < 0) return;
    const left = this.scroller.scrollLeft, margin = 200;
    const from = ((left - margin) * 1000) / this.#scale, to = ((left + this.#width + margin) * 1000) / this.#scale;
    const seen = new Set();
    for (const lane of this.model.lanes) {
      for (const item of this.model.between(lane, from, to)) {
        seen.add(item);
        this.#place(item);
      }
    }
    for (const [item, element] of this.#drawn) {
      if (seen.has(item)) continue;
      element.remove();
      this.#drawn.delete(item);
    }
    this.#ruler(left, from, to);
    this.#playhead();
  }

  #place(item) {
    const selected = item === this.model.selected;
    const state = `${item.start} ${item.end} ${item.text} ${item.kind} ${item.pending} ${selected} ${this.#scale}`;
    let element = this.#drawn.get(item);
    if (element?.state === state) return;
    if (!element) {
      element = document.createElement("div");
      element.item = item;
      element.append(document.createElement("b"), document.createElement("bdi"), document.createElement("i"));
      this.#drawn.set(item, element);
      this.track.append(element);
    }
    const [mark, text, sure] = element.children;
    const suggestion = this.model.isSuggestion(item);
    element.state = state;
    element.className = `mark ${suggestion ? "suggestion" : "gloss"} ${item.kind || "open"}${item.pending ? " pending" : ""}${selected ? " selected" : ""}`;
    element.style.transform = `translate(${this.#x(item.start)}px, ${TOP + LANE * item.lane + 4}px)`;
    element.style.width = `${Math.max(3, this.#x(item.end - item.start) - 1)}px`;
    element.title = `${item.text}, ${written(item.start)} to ${written(item.end)}${item.decision ? `, ${item.decision}` : ""}`;
    mark.textContent = suggestion ? MARKS[item.kind] ?? "" : "";
    text.textContent = item.text;
    sure.style.width = item.confidence === null ? "0" : `${100 * item.confidence}%`;
  }

  #ruler(left, from, to) {
    const gap = [100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 120000, 300000].find((ms) => this.#x(ms) >= 80) ?? 600000;
    const first = Math.max(0, Math.floor(from / gap));
    if (this.ruled === `${first} ${gap} ${this.#width}`) return;
    this.ruled = `${first} ${gap} ${this.#width}`;
    const ticks = [];
    for (let n = first; n * gap <= Math.min(to + gap, this.player.duration); n += 1) {
      const tick = document.createElement("span");
      tick.textContent = written(n * gap).replace(gap % 1000 ? /0$/ : /\.000$/, "");
      tick.style.transform = `translateX(${this.#x(n * gap)}px)`;
      ticks.push(tick);
    }
    $("ruler").replaceChildren(...ticks);
  }

  #playhead() {
    $("playhead").style.transform = `translateX(${this.#x(this.player.time)}px)`;
  }

  #follow() {
    this.#playhead();
    if (!this.player.playing || this.player.loop) return;
    const x = this.#x(this.player.time), from = this.scroller.scrollLeft;
    if (x < from || x > from + 0.9 * this.#width) this.scroller.scrollLeft = x - 0.1 * this.#width;
  }

  #click(event) {
    const item = event.target.closest(".mark")?.item;
    if (item) this.choose(item);
    else this.player.time = ((event.clientX - this.track.getBoundingClientRect().left) * 1000) / this.#scale;
  }
}

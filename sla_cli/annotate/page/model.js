// The recording on the page: the annotations of its tiers in order of time, and which one is selected.

export const kindOf = (decision) => decision.split(" ", 1)[0];
export const NOTHING = { digest: "", name: "", fps: 25, duration: 0, origin: 0, done: "", signer: "", tiers: {} };
const byTime = (a, b) => a.start - b.start || a.end - b.end;

export class Model extends EventTarget {
  constructor(about) {
    super();
    this.about = about;
    this.lanes = [about.suggestions, ...about.glosses, ...(about.translation ? [about.translation] : [])];
    this.number = -1;
    this.selected = null;
    this.show(-1, NOTHING);
  }

  // A recording, or another version of its file.
  show(number, shown) {
    const before = this.number === number ? this.selected : null;
    Object.assign(this, { number, ...shown, tiers: new Map(), sorted: new Map() });
    for (const lane of this.lanes) {
      const entries = Object.entries(shown.tiers[lane] ?? {});
      this.tiers.set(lane, new Map(entries.map(([id, entry]) => [id, this.#item(lane, id, entry)])));
    }
    this.#sort(this.lanes);
    this.selected = before && this.find(before);
    this.dispatchEvent(new Event("shown"));
    this.#tell();
  }

  // What an operation changed; returns the annotations that are new or different.
  apply(changes) {
    const put = [];
    for (const [lane, { put: entries, gone }] of Object.entries(changes)) {
      const items = this.tiers.get(lane);
      for (const id of gone) items.delete(id);
      for (const [id, entry] of Object.entries(entries)) {
        const item = items.get(id) ?? this.#item(lane, id, entry);
        items.set(id, Object.assign(item, this.#item(lane, id, entry)));
        put.push(item);
      }
    }
    this.#sort(Object.keys(changes));
    if (this.selected && !this.tiers.get(this.selected.tier).has(this.selected.id)) this.selected = null;
    this.#tell();
    return put;
  }

  // The annotation of this version that has the content which another one had when it was last read.
  find({ tier, saved }) {
    const same = (item) => item.saved.every((value, place) => value === saved[place]);
    return this.sorted.get(tier)?.find(same) ?? null;
  }

  select(item) {
    this.selected = item;
    this.dispatchEvent(new Event("selected"));
  }

  // The page has changed an annotation before the server has answered.
  touched(item) {
    this.#sort([item.tier]);
    this.#tell();
  }

  isSuggestion(item) {
    return item.tier === this.about.suggestions;
  }

  isOpen(item) {
    return this.isSuggestion(item) && !item.pending && ["", "rejected"].includes(item.kind);
  }

  isWaiting(item) {
    return this.isOpen(item) && item.kind === "";
  }

  get suggestions() {
    return this.sorted.get(this.about.suggestions);
  }

  // Annotations of all tiers in order of time.
  all() {
    return this.lanes.flatMap((lane) => this.sorted.get(lane)).sort((a, b) => a.start - b.start || a.lane - b.lane);
  }

  // Those of a tier that are seen between two times.
  between(lane, from, to) {
    const items = this.sorted.get(lane);
    let low = 0, high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle].end <= from) low = middle + 1;
      else high = middle;
    }
    let last = low;
    while (last < items.length && items[last].start < to) last += 1;
    return items.slice(low, last);
  }

  #item(tier, id, [start, end, text, decision, confidence]) {
    const saved = [start, end, text, decision];
    const lane = this.lanes.indexOf(tier);
    return { tier, lane, id, start, end, text, decision, confidence, kind: kindOf(decision), saved, pending: "" };
  }

  #sort(lanes) {
    for (const lane of lanes) this.sorted.set(lane, [...this.tiers.get(lane).values()].sort(byTime));
  }

  #tell() {
    this.dispatchEvent(new Event("changed"));
    this.dispatchEvent(new Event("selected"));
  }
}

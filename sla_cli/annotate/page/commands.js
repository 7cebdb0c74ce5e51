// What an annotator can do: one table, from which the keys, the buttons and the list of keys are made.

const $ = (id) => document.getElementById(id);
const SETTLED = new Set(["r", "1", "2", "3", "4", "s", "e", "t", "j", "o"]); // keys that act on what is in the file
const LENGTH = 500; // milliseconds of a new gloss, if there is room
const ROUNDED = 10; // milliseconds by which a stated duration may be longer than the frames

export class Commands {
  #choices = 0; // how often the annotator has chosen an annotation

  constructor(parts) {
    Object.assign(this, parts); // model, player, timeline, list, saving, queue, say; editor is set later
    this.table = this.#table();
  }

  // In the order of the buttons: group, name, keys, what is done.
  #table() {
    const { player, timeline } = this;
    return [
      ["Video", "play, pause", [" "], () => player.toggle()],
      ["Video", "frame back", [","], () => player.go(-1)],
      ["Video", "frame forward", ["."], () => player.go(1)],
      ["Video", "half speed", ["h"], () => this.say(`speed ${player.toggleSpeed()}`)],
      ["Video", "loop", ["l"], () => this.say(player.toggleLoop() ? "loop" : "no loop")],
      ["Video", "begin", ["Home"], () => { player.time = 0; }],
      ["Video", "end", ["End"], () => { player.time = player.duration; }],
      ["Go to", "next on tier", ["ArrowRight"], () => this.#along(1)],
      ["Go to", "previous on tier", ["ArrowLeft"], () => this.#along(-1)],
      ["Go to", "next in list", ["ArrowDown"], () => this.#near(1)],
      ["Go to", "previous in list", ["ArrowUp"], () => this.#near(-1)],
      ["Go to", "next open suggestion", ["n"], () => this.next()],
      ["Decide", "accept", ["a"], () => this.#accept()],
      ["Decide", "reject, delete", ["r", "Delete"], () => this.#remove()],
      ["Decide", "change text", ["c", "Enter"], () => this.#change()],
      ["Decide", "undo", ["u"], () => this.saving.send({ type: "undo" }, null, this.#choosing((put) => put[0]))],
      ["Edit", "start −1 frame", ["1"], () => this.#move("start", -1)],
      ["Edit", "start +1 frame", ["2"], () => this.#move("start", 1)],
      ["Edit", "end −1 frame", ["3"], () => this.#move("end", -1)],
      ["Edit", "end +1 frame", ["4"], () => this.#move("end", 1)],
      ["Edit", "start here", ["s"], () => this.#here("start")],
      ["Edit", "end here", ["e"], () => this.#here("end")],
      ["Edit", "new gloss here", ["g"], () => this.#add()],
      ["Edit", "split here", ["t"], () => this.#split()],
      ["Edit", "join with next", ["j"], () => this.#edited((item) => ({ type: "join", tier: item.tier }))],
      ["Edit", "copy to other hand", ["o"], () => this.#copy()],
      ["Edit", "translation", ["y"], () => this.#translate()],
      ["Recording", "done, not done", ["f"], () => this.#done()],
      ["Recording", "next recording", ["PageDown"], () => this.queue.go(1)],
      ["Recording", "previous recording", ["PageUp"], () => this.queue.go(-1)],
      ["Recording", "zoom in", ["+"], () => timeline.zoom(1.5)],
      ["Recording", "zoom out", ["-"], () => timeline.zoom(1 / 1.5)],
      ["Recording", "list of keys", ["?"], () => $("keys").showModal()],
    ].map(([group, name, keys, run]) => ({ group, name, keys, run: SETTLED.has(keys[0]) ? () => this.#settled(run) : run }));
  }

  choose(item) {
    this.#choices += 1;
    this.#select(item);
  }

  #select(item) {
    this.model.select(item);
    if (!item) return;
    this.player.time = item.start;
    if (this.player.loop) this.player.play();
  }

  // Selects what an answer of the server is about, unless somebody types by then or has chosen another one.
  #choosing(find) {
    const before = this.#choices;
    return (put) => {
      const item = find(put);
      if (item && this.#choices === before && document.activeElement !== $("text")) this.#select(item);
    };
  }

  // The suggestion that is open and comes next: the least sure one that is surer than this, or the next in time.
  next() {
    const waiting = this.model.suggestions.filter((item) => this.model.isWaiting(item) && item !== this.model.selected);
    if (!waiting.length) {
      this.say("No suggestion is open.");
      return;
    }
    const unsure = $("order").value === "unsure", selected = this.model.selected;
    const rank = (item) => (unsure ? [item.confidence ?? 1, item.start] : [item.start, 0]);
    const before = (a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1];
    const after = selected && (!unsure || this.model.isSuggestion(selected)) ? waiting.filter((item) => before(item, selected) > 0) : waiting;
    this.choose((after.length ? after : waiting).reduce((least, item) => (before(item, least) < 0 ? item : least)));
  }

  // What was typed: for an annotation that is being made, or for the one that was selected then.
  commit(text, made, before) {
    const item = before && this.model.find(before);
    if (made) {
      this.saving.send({ type: "add", ...made, text }, null, this.#choosing((put) => put.find((one) => one.tier === made.tier)));
    } else if (!item) {
      this.say("The annotation that you were changing is not there any more.", true);
    } else if (this.model.isOpen(item)) {
      this.#decide(item, { text });
      this.next();
    } else if (this.#may(item)) {
      this.saving.send({ type: "text", tier: item.tier, text }, item);
    }
  }

  times(start, end) {
    const item = this.model.selected;
    if (![start, end].every(Number.isInteger)) {
      this.say("Start and end are whole numbers of milliseconds.", true);
      this.model.select(item); // the fields show its times again
    } else if (item && this.model.isOpen(item)) {
      this.#decide(item, { start, end }, this.#choosing((put) => put.find((one) => one.tier === this.model.about.glosses[0])));
    } else if (this.#may(item)) {
      Object.assign(item, { start, end });
      this.saving.send({ type: "times", tier: item.tier, start, end }, item);
      this.model.touched(item);
    }
  }

  #decide(item, change = {}, then = () => {}) {
    const { text, start, end } = item, tier = this.model.about.glosses[0];
    this.saving.send({ type: "accept", tier, text, start, end, ...change }, item, then);
  }

  #accept() {
    const item = this.model.selected;
    if (!item || !this.model.isOpen(item)) {
      this.say("Select an open suggestion first.", true);
      return;
    }
    this.#decide(item);
    this.next();
  }

  #remove() {
    const item = this.model.selected;
    if (item && this.model.isWaiting(item)) {
      this.saving.send({ type: "reject" }, item);
      this.next();
    } else if (this.#may(item)) {
      const near = this.list.near(1) ?? this.list.near(-1);
      this.saving.send({ type: "delete", tier: item.tier }, item);
      this.choose(near);
    }
  }

  #change() {
    const item = this.model.selected;
    if (item && (this.model.isOpen(item) || this.#may(item))) this.editor.begin();
  }

  // Run when the server has answered what was done to the selected annotation before, other than moving it.
  async #settled(run) {
    const before = this.#choices;
    if (!["", "times", undefined].includes(this.model.selected?.pending)) await this.saving.settled();
    if (this.#choices === before) run();
    else this.say("Nothing was done: another annotation was chosen meanwhile.", true);
  }

  // Whether an annotation may be edited; says why not.
  #may(item) {
    if (!item) this.say("Select an annotation first.", true);
    else if (this.model.isSuggestion(item)) this.say("Suggestions stay as they are: accept it, or change its gloss.", true);
    else return true;
    return false;
  }

  #edited(operation) {
    const item = this.model.selected;
    if (this.#may(item)) this.saving.send(operation(item), item);
  }

  #along(by) {
    const { selected, lanes, sorted } = this.model, items = sorted.get(selected?.tier ?? lanes[0]);
    const place = items.indexOf(selected);
    const time = this.player.time;
    const found = place < 0 ? (by > 0 ? items.find((item) => item.start >= time) : items.findLast((item) => item.start < time)) : items[place + by];
    if (found) this.choose(found);
    else this.say("There is no other on this tier.");
  }

  #near(by) {
    const found = this.list.near(by);
    if (found) this.choose(found);
  }

  #move(side, by) {
    const item = this.model.selected;
    if (!item) {
      this.#may(item);
      return;
    }
    this.#set(item, side, this.player.step(item[side], by));
  }

  #here(side) {
    const item = this.model.selected;
    if (item) this.#set(item, side, this.player.border);
    else this.#may(item);
  }

  // Another start or end, and the first or last frame of the annotation on the screen.
  #set(item, side, ms) {
    const { start, end } = { start: item.start, end: item.end, [side]: ms };
    if (start >= end) {
      this.say("It would have no length.", true);
      return;
    }
    this.times(start, end);
    if (this.player.playing) return;
    this.player.time = side === "start" ? start : this.player.step(end, -1);
  }

  #add() {
    const { glosses } = this.model.about, { selected } = this.model;
    const tier = glosses.includes(selected?.tier) ? selected.tier : glosses[0];
    const { end, border } = this.player;
    const start = Math.min(border, this.player.step(end - ROUNDED, -1)); // at the end the last frame is shown
    if (this.model.between(tier, start, start + 1).length) {
      this.say(`There is a gloss on ${tier} at this time.`, true);
      return;
    }
    const next = this.model.between(tier, start, start + LENGTH)[0];
    this.player.pause();
    this.editor.begin({ tier, start, end: Math.min(next?.start ?? Infinity, start + LENGTH, end) });
  }

  #split() {
    const at = this.player.border;
    this.#edited((item) => ({ type: "split", tier: item.tier, at }));
  }

  #copy() {
    const { glosses } = this.model.about, item = this.model.selected;
    if (glosses.length < 2) this.say("There is one tier of glosses: give a second --tier for the other hand.", true);
    else if (item && this.model.isOpen(item)) {
      this.#decide(item, { tier: glosses[1] });
      this.next();
    } else if (this.#may(item)) {
      const tier = glosses[(glosses.indexOf(item.tier) + 1) % glosses.length];
      this.saving.send({ type: "add", tier, start: item.start, end: item.end, text: item.text });
    }
  }

  // A translation goes from the first gloss after the one before it to the selected gloss.
  #translate() {
    const { translation, glosses } = this.model.about, item = this.model.selected;
    if (!translation) {
      this.say("There is no tier of translations: give one with --translation.", true);
      return;
    }
    const [here] = this.model.between(translation, item?.start ?? this.player.border, item?.end ?? this.player.border + 1);
    if (here) {
      this.choose(here);
      this.editor.begin();
    } else if (item) {
      const before = this.model.sorted.get(translation).findLast((one) => one.end <= item.start)?.end ?? 0;
      const first = glosses.flatMap((tier) => this.model.between(tier, before, item.end)).map((one) => one.start);
      this.editor.begin({ tier: translation, start: Math.max(before, Math.min(item.start, ...first)), end: item.end });
    } else this.#may(item);
  }

  #done() {
    const done = !this.model.done.startsWith("done ");
    this.saving.send({ type: "done", done });
  }
}

// Sends operations one after the other. The ELAN file is the only state, so each names the version that the page has seen;
// if another program has changed the file, the new content is shown, and what is still meant is sent again.

import { operate, recording, sentences } from "./api.js";

const AGAIN = 2000; // milliseconds until the next attempt, if the server does not answer

export class Saving extends EventTarget {
  #waiting = [];
  #busy = false;

  constructor(model, say) {
    super();
    this.model = model;
    this.say = say; // (text, isFault)
    this.lost = false;
    this.held = false; // while another recording is being opened
  }

  get idle() {
    return !this.#busy && this.#waiting.length === 0;
  }

  // When everything is saved.
  async settled() {
    while (!this.idle) await new Promise((done) => this.addEventListener("changed", done, { once: true }));
  }

  // `item` is the annotation that the operation is about, null if there is none; `then` gets what was changed.
  send(operation, item = null, then = () => {}) {
    if (this.held) {
      this.say("Nothing was done: a recording is being opened.", true);
      return;
    }
    const last = this.#waiting.at(-1);
    if (operation.type === "times" && last?.operation.type === "times" && last.item === item && this.#waiting.length > 1) {
      last.operation = operation; // not sent yet: a key that is held down moves a border many times
    } else {
      this.#waiting.push({ number: this.model.number, operation, item, then });
    }
    if (item) item.pending = operation.type;
    this.dispatchEvent(new Event("changed"));
    this.#run();
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.length) {
      const first = this.#waiting[0];
      try {
        const operation = first.item ? { ...first.operation, id: first.item.id } : first.operation;
        const { status, body } = await operate(first.number, this.model.digest, operation);
        if (this.lost) this.say("The server answers again.");
        this.lost = false;
        await this.#answered(first, status, body);
      } catch {
        this.lost = true;
        this.say("Not saved: sla annotate does not answer. If it was ended, start it again and open its new address.", true);
        this.dispatchEvent(new Event("changed"));
        await new Promise((done) => setTimeout(done, AGAIN));
      }
    }
    this.#busy = false;
    this.dispatchEvent(new Event("changed"));
  }

  async #answered(first, status, body) {
    if (status === 200) {
      this.#waiting.shift();
      this.model.digest = body.digest;
      this.model.done = body.done;
      this.model.signer = body.signer;
      const put = this.model.apply(body.changes);
      for (const { operation, item } of this.#waiting) {
        if (operation.type === "times") this.model.touched(Object.assign(item, { start: operation.start, end: operation.end, pending: "times" }));
      }
      this.say(body.said);
      first.then(put);
    } else if (status === 409 && body.now) {
      this.replace(body.now);
    } else {
      this.#waiting.shift();
      this.say(sentences(body), true);
      const now = await recording(this.model.number).catch(() => null); // null: the file cannot be read, as was said
      if (now) this.replace(now);
    }
  }

  // Another version of the file; operations stay only if their annotation is there unchanged.
  replace(now) {
    const foreign = now.digest !== this.model.digest;
    this.model.show(this.model.number, now);
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((one) => {
      if (one.operation.type === "undo") return false;
      if (one.item) one.item = this.model.find(one.item);
      return one.item !== null || ["add", "done", "signer"].includes(one.operation.type);
    });
    for (const one of this.#waiting) if (one.item) one.item.pending = one.operation.type;
    const lost = before - this.#waiting.length;
    if (foreign) {
      const what = lost ? ` ${lost === 1 ? "What you did last was" : `Your last ${lost} operations were`} not done: that annotation has changed.` : "";
      this.say(`Another program or page has changed the file; this is its content now.${what}`, lost > 0);
    }
  }
}

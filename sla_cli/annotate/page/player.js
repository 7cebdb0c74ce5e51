// The video: times in milliseconds of the file's timeline, frames, loop and speed.

const $ = (id) => document.getElementById(id);

export const written = (ms) => {
  const pad = (number, digits = 2) => String(number).padStart(digits, "0");
  const all = Math.max(0, Math.round(ms));
  const hours = Math.floor(all / 3600000), minutes = Math.floor(all / 60000) % 60, seconds = Math.floor(all / 1000) % 60;
  const rest = `${pad(seconds)}.${pad(all % 1000, 3)}`;
  return hours ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
};

export class Player extends EventTarget {
  #frame = 0;
  #own = 0; // the time, if the video cannot be played

  constructor(model) {
    super();
    this.model = model;
    this.video = $("video");
    this.loop = false;
    this.playable = false;
    for (const kind of ["play", "pause", "seeked", "seeking", "ended", "timeupdate"]) {
      this.video.addEventListener(kind, () => this.#wake());
    }
    this.video.addEventListener("loadedmetadata", () => {
      this.playable = this.video.videoWidth > 0;
      if (!this.playable) {
        this.#refuse();
        return;
      }
      this.time = this.#own; // chosen while the video was loading, else the beginning, which may lie within the video
      this.dispatchEvent(new Event("loaded"));
    });
    this.video.addEventListener("error", () => this.#refuse());
    this.video.addEventListener("click", () => this.toggle());
    $("place").addEventListener("input", () => { this.time = Number($("place").value); });
  }

  open(url) {
    this.playable = false;
    this.#own = 0;
    $("unplayable").hidden = true;
    this.video.hidden = false;
    this.video.src = url;
    this.video.playbackRate = this.video.defaultPlaybackRate;
  }

  // The end of the video, Infinity if that is not known.
  get end() {
    const video = this.playable && Number.isFinite(this.video.duration) ? this.video.duration : this.model.duration;
    return video ? Math.floor(video * 1000) - this.model.origin : Infinity;
  }

  get duration() {
    const { end } = this;
    const last = Math.max(0, ...this.model.lanes.map((lane) => this.model.sorted.get(lane).at(-1)?.end ?? 0));
    return Math.max(last, Number.isFinite(end) ? end : 0, 1);
  }

  get time() {
    return this.playable ? this.video.currentTime * 1000 - this.model.origin : this.#own;
  }

  set time(ms) {
    const at = Math.max(0, Math.min(ms, this.duration));
    this.#own = at;
    // A time exactly at the border of a frame may show the one before it.
    if (this.playable) this.video.currentTime = (at + this.model.origin) / 1000 + 0.0005;
    this.#wake();
  }

  // The border of the frame that is shown, a whole number of milliseconds.
  get border() {
    return this.#at(Math.floor(this.#frames(this.time) + 0.02));
  }

  // The next border of a frame after a time, or with -1 the one before it.
  step(ms, by) {
    const frames = this.#frames(ms), whole = Math.round(frames);
    const here = Math.abs(frames - whole) < 0.02 ? whole : by > 0 ? Math.floor(frames) : Math.ceil(frames);
    return this.#at(here + by);
  }

  go(by) {
    this.pause();
    this.time = this.step(this.border, by);
  }

  get playing() {
    return this.playable && !this.video.paused && !this.video.ended;
  }

  play() {
    if (this.playable) this.video.play().catch(() => {});
  }

  pause() {
    this.video.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  toggleLoop() {
    this.loop = !this.loop;
    if (this.loop && this.model.selected) {
      this.time = this.model.selected.start;
      this.play();
    } else this.pause();
    return this.loop;
  }

  toggleSpeed() {
    this.video.defaultPlaybackRate = this.video.playbackRate = this.video.playbackRate === 1 ? 0.5 : 1;
    return this.video.playbackRate;
  }

  #frames(ms) {
    return ((ms + this.model.origin) * this.model.fps) / 1000;
  }

  #at(frame) {
    return Math.max(0, Math.round((frame * 1000) / this.model.fps) - this.model.origin);
  }

  #refuse() {
    if (!this.video.getAttribute("src")) return;
    this.playable = false;
    this.video.hidden = true;
    $("unplayable").hidden = false;
    $("unplayable").textContent = `This browser cannot play ${this.model.name}. Convert it to H.264 (ffmpeg -i VIDEO -c:v libx264 NEW.mp4); annotations can be corrected without it.`;
    this.dispatchEvent(new Event("loaded"));
  }

  #wake() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      const { selected } = this.model;
      if (this.loop && this.playing && selected && (this.time >= selected.end || this.time < selected.start - 100)) {
        this.time = selected.start;
      }
      const time = this.time;
      $("time").textContent = `${written(Math.floor(time))} / ${written(this.duration)}`;
      $("place").value = time;
      this.dispatchEvent(new Event("time"));
      if (this.playing) this.#wake();
    });
  }
}

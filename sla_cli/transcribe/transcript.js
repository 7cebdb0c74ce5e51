(() => {
  const $ = (id) => document.getElementById(id);
  const data = document.querySelector("main").dataset;
  const duration = Number(data.duration), step = Number(data.step);
  const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
  const bars = document.querySelectorAll("#bars i");
  const sentences = document.querySelectorAll("#sentences li:has(.sign)");
  const fold = (text) => text.normalize("NFC").toLowerCase();
  const signs = Array.from(document.querySelectorAll(".sign"), (button, number) => ({
    button,
    bar: bars[number],
    sentence: button.closest("li"),
    gloss: button.textContent,
    folded: fold(button.textContent),
    start: Number(button.dataset.start),
    end: Number(button.dataset.end),
    sure: button.dataset.sure,
  }));

  const written = (seconds) => {
    const all = Math.round(seconds * 100);
    const pad = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(all / 360000), minutes = Math.floor(all / 6000) % 60;
    const rest = `${pad(Math.floor(all / 100) % 60)}.${pad(all % 100)}`;
    return hours ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
  };

  // Time comes from the video, or from a clock of the page if there is no video that can be played.
  const ownClock = (begin) => {
    let at = begin, since = null, rate = 1;
    const now = () => (since === null ? at : clamp(at + (rate * (performance.now() - since)) / 1000, 0, duration));
    const restart = (time) => {
      at = time;
      if (since !== null) since = performance.now();
    };
    return {
      get time() { return now(); },
      set time(time) { restart(time); },
      get playing() { return since !== null && now() < duration; },
      set rate(value) { restart(now()); rate = value; },
      play() { at = now() < duration ? now() : 0; since = performance.now(); },
      pause() { at = now(); since = null; },
    };
  };
  const videoClock = (video) => ({
    get time() { return video.currentTime; },
    set time(time) { video.currentTime = time; },
    get playing() { return !video.paused && !video.ended; },
    set rate(value) { video.playbackRate = value; },
    play() { video.play().catch(() => {}); }, // if it cannot play, it sends the event "error"
    pause() { video.pause(); },
  });
  const video = $("video");
  let clock = video ? videoClock(video) : ownClock(0);

  // What is signed at a time
  let shown = -2, inside = null, sentence = null;
  const signAt = (time) => {
    let low = 0, high = signs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (signs[middle].start <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1; // the last sign that has begun
  };
  const showSentence = (next) => {
    sentence?.classList.remove("current");
    sentence = next;
    const words = signs.filter((sign) => sign.sentence === sentence);
    $("sofar").replaceChildren(...words.map((sign) => Object.assign(document.createElement("bdi"), { textContent: sign.gloss })));
    sentence?.classList.add("current");
  };
  const scrollTo = (part, box, room) => {
    const top = part.offsetTop, seen = box.scrollTop <= top && top + part.offsetHeight <= box.scrollTop + box.clientHeight;
    if (!seen) box.scrollTop = top - room;
  };
  const showSign = (number, within) => {
    const old = signs[shown], sign = signs[number];
    for (const part of [old?.button, old?.bar]) part?.classList.remove("current");
    if (within) for (const part of [sign.button, sign.bar]) part.classList.add("current");
    shown = number;
    inside = within;
    // Between two signs of a sentence the last one stays, dimmed; between sentences nothing is signed.
    const last = within || (sign && signs[number + 1]?.sentence === sign.sentence) ? sign : null;
    if ((last?.sentence ?? null) !== sentence) showSentence(last?.sentence ?? null);
    $("now").classList.toggle("between", !within);
    $("gloss").textContent = last?.gloss ?? "";
    $("gloss").classList.toggle("long", (last?.gloss.length ?? 0) > 14);
    $("detail").textContent = last ? `${written(last.start)} – ${written(last.end)} · ${last.sure} % sure` : "";
    if (last) scrollTo(last.button, $("sentences"), $("sentences").clientHeight / 3);
    $("before").textContent = (last ? signs[number - 1] : sign)?.gloss ?? "";
    $("after").textContent = signs[number + 1]?.gloss ?? "";
    const first = signs.findIndex((other) => other.sentence === sentence);
    Array.from($("sofar").children).forEach((word, place) => {
      word.className = first + place > number ? "to-come" : within && first + place === number ? "current" : "";
      if (first + place === number) scrollTo(word, $("sofar"), 0);
    });
    showRow();
  };
  const showRow = () => {
    const gloss = inside ? signs[shown].gloss : null;
    for (const row of document.querySelectorAll(".rows:not([hidden]) div")) row.classList.toggle("current", row.title === gloss);
  };

  // The timeline: `scale` is pixels per second, the playhead stays in the middle while playing
  const scroller = $("scroller"), track = $("track"), tiles = document.querySelectorAll("#heat img");
  let scale = Number(data.zoom), following = true, dragging = false, active = -1, scrolled = 0;
  const width = () => Math.max(scroller.clientWidth, scale * duration);
  const at = (time) => (duration ? (time / duration) * width() : 0);
  const scrollBy = (pixels) => {
    scroller.scrollLeft += pixels;
    scrolled = scroller.scrollLeft; // by the page, not by the user
  };
  const drawRuler = () => {
    const a = scroller.scrollLeft / width() * duration, b = a + (scroller.clientWidth / width()) * duration;
    const gap = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800].find((seconds) => at(seconds) >= 72) ?? 3600;
    const ticks = [];
    for (let n = Math.max(0, Math.floor(a / gap) - 1); n * gap <= Math.min(b, duration); n += 1) {
      const tick = document.createElement("span");
      tick.textContent = written(n * gap).replace(gap < 1 ? /0$/ : /\.00$/, "");
      tick.style.left = `${at(n * gap)}px`;
      ticks.push(tick);
    }
    $("ruler").replaceChildren(...ticks);
    $("view").style.left = `${(100 * a) / duration}%`;
    $("view").style.width = `${(100 * (b - a)) / duration}%`;
    $("view").hidden = width() <= scroller.clientWidth + 1;
  };
  const showTile = (time) => {
    const left = scroller.scrollLeft, x = at(time), seen = x >= left && x <= left + scroller.clientWidth;
    const wanted = seen ? time : ((left + scroller.clientWidth / 2) / width()) * duration;
    const found = Array.from(tiles).findLastIndex((tile) => Number(tile.dataset.start) <= wanted);
    const tile = Math.max(found, 0);
    if (tile === active || !tiles.length) return;
    active = tile;
    tiles.forEach((image, number) => image.classList.toggle("active", number === tile));
    document.querySelectorAll(".rows").forEach((rows, number) => { rows.hidden = number !== tile; });
    showRow();
  };
  const follow = (time) => {
    if (!following || dragging) return;
    const x = at(time), view = scroller.clientWidth, gap = x - view / 2 - scroller.scrollLeft;
    const near = Math.abs(gap) < 3 || Math.abs(gap) > view;
    if (clock.playing) scrollBy(near ? gap : gap * 0.15);
    else if (Math.abs(gap) > 0.4 * view) scrollBy(gap);
  };
  const zoom = (to) => {
    const time = clock.time, place = at(time) - scroller.scrollLeft;
    const seen = place >= 0 && place <= scroller.clientWidth ? place : scroller.clientWidth / 2;
    scale = clamp(to, scroller.clientWidth / Math.max(duration, step), 600);
    layOut();
    scrollBy(at(time) - seen - scroller.scrollLeft);
    wake();
  };
  const layOut = () => {
    track.style.width = `${width()}px`;
    track.classList.toggle("dense", width() / Math.max(signs.length, 1) < 40);
    scrollBy(0);
    drawRuler();
  };

  // Every frame while it plays, once after everything else
  let frame = 0;
  const show = () => {
    const time = clock.time, number = signAt(time), within = number >= 0 && time < signs[number].end;
    follow(time);
    showTile(time);
    if (number !== shown || within !== inside) showSign(number, within);
    $("playhead").style.transform = `translateX(${at(time)}px)`;
    $("seek-head").style.left = `${duration ? (100 * time) / duration : 0}%`;
    $("time").textContent = written(time);
    $("seek").ariaValueNow = time.toFixed(2);
    $("seek").ariaValueText = `${written(time)} ${within ? signs[number].gloss : ""}`;
    $("play").ariaPressed = clock.playing;
    $("play").ariaLabel = clock.playing ? "pause" : "play";
    if (clock.playing) wake();
  };
  const wake = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(show);
  };
  const seek = (time) => {
    clock.time = clamp(time, 0, duration);
    setFollowing(true);
  };
  const setFollowing = (value) => {
    following = value;
    $("follow").hidden = value;
    wake();
  };
  const toggle = () => {
    if (clock.playing) clock.pause();
    else clock.play();
    setFollowing(true);
  };

  // Moving from sign to sign
  const near = 0.01; // seconds: players round times
  const starts = { sign: signs.map((sign) => sign.start), sentence: Array.from(sentences, (item) => Number(item.querySelector(".time").dataset.start)) };
  const forward = (kind) => seek(starts[kind].find((start) => start > clock.time + near) ?? duration);
  const back = (kind) => {
    const margin = clock.playing ? 0.4 : near; // pressing twice then goes back twice
    seek(starts[kind].findLast((start) => start < clock.time - margin) ?? 0);
  };

  // Search
  let hits = [], hit = -1, sought = 0;
  const find = () => {
    const words = fold($("search").value).split(/\s+/).filter(Boolean);
    const begins = (number) => words.every((word, place) => {
      const sign = signs[number + place];
      return sign?.sentence === signs[number].sentence && sign.folded.includes(word);
    });
    sought = words.length;
    hits = sought ? signs.flatMap((_, number) => (begins(number) ? [number] : [])) : [];
    hit = -1;
    const marked = new Set(hits.flatMap((number) => words.map((_, place) => number + place)));
    signs.forEach((sign, number) => {
      for (const part of [sign.button, sign.bar]) part.classList.toggle("hit", marked.has(number));
      sign.button.classList.remove("chosen");
    });
    const held = new Set(hits.map((number) => signs[number].sentence));
    for (const item of sentences) item.hidden = sought > 0 && !held.has(item);
    const x = (time) => (100 * time) / duration;
    $("found").setAttribute("d", hits.map((number) => `M${x(signs[number].start)} 0h${Math.max(0.25, x(signs[number].end - signs[number].start))}v1H${x(signs[number].start)}Z`).join(""));
    $("hit-before").disabled = $("hit-after").disabled = !hits.length;
    $("count").textContent = !sought ? "" : hits.length ? `${hits.length} found` : "nothing found";
  };
  const stepHit = (by) => {
    if (!hits.length) return;
    signs[hits[hit]]?.button.classList.remove("chosen");
    hit = hit < 0 && by < 0 ? hits.length - 1 : (hit + by + hits.length) % hits.length;
    signs[hits[hit]].button.classList.add("chosen");
    $("count").textContent = `${hit + 1} of ${hits.length}`;
    seek(signs[hits[hit]].start);
  };

  // User input
  const draggable = (element) => {
    const to = (event) => {
      const box = element.getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width) * duration);
    };
    const swiped = (event) => event.pointerType === "touch" && element === track; // scrolls; a tap seeks
    element.onpointerdown = (event) => {
      if (event.button || swiped(event)) return;
      element.setPointerCapture(event.pointerId);
      dragging = element === track;
      to(event);
    };
    element.onpointermove = (event) => { if (element.hasPointerCapture(event.pointerId)) to(event); };
    element.onlostpointercapture = () => { dragging = false; wake(); };
    element.onpointerup = (event) => { if (swiped(event)) to(event); };
  };
  draggable(track);
  draggable($("seek"));
  scroller.onscroll = () => {
    if (Math.abs(scroller.scrollLeft - scrolled) > 1) setFollowing(false);
    drawRuler();
    showTile(clock.time);
  };
  $("sentences").onclick = (event) => {
    const target = event.target.closest("[data-start]");
    if (target) seek(Number(target.dataset.start));
  };
  $("sentences").onmousedown = (event) => { if (event.target.closest("button")) event.preventDefault(); }; // space still plays
  $("play").onclick = toggle;
  $("previous").onclick = () => back("sign");
  $("next").onclick = () => forward("sign");
  $("follow").onclick = () => setFollowing(true);
  $("in").onclick = () => zoom(scale * 1.5);
  $("out").onclick = () => zoom(scale / 1.5);
  $("fit").onclick = () => zoom(0);
  $("rate").onchange = () => { clock.rate = Number($("rate").value); wake(); };
  $("full").hidden = !document.fullscreenEnabled;
  $("full").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : $("player").requestFullscreen());
  $("search").oninput = find;
  $("hit-before").onclick = () => stepHit(-1);
  $("hit-after").onclick = () => stepHit(1);
  $("search").onkeydown = (event) => {
    if (event.key === "Enter") stepHit(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") {
      $("search").value = "";
      find();
      $("search").blur();
    }
  };

  const keys = {
    ArrowLeft: (event) => back(event.shiftKey ? "sentence" : "sign"),
    ArrowRight: (event) => forward(event.shiftKey ? "sentence" : "sign"),
    ",": () => seek(clock.time - step),
    ".": () => seek(clock.time + step),
    " ": toggle,
    Home: () => seek(0),
    End: () => seek(duration),
    "/": () => $("search").focus(),
    "+": () => zoom(scale * 1.5),
    "-": () => zoom(scale / 1.5),
  };
  document.onkeydown = (event) => {
    const press = event.key === " " && event.target.closest("button, a, summary"); // elements that already use the space key
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select") || press || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key](event);
  };

  if (video) {
    const unplayable = () => {
      const at = clock.time;
      clock = ownClock(at);
      video.hidden = $("sound").hidden = true;
      $("unplayable").hidden = false;
      wake();
    };
    video.controls = false;
    video.onclick = toggle;
    for (const kind of ["play", "pause", "seeking", "seeked", "ended", "timeupdate"]) video.addEventListener(kind, wake);
    video.onerror = unplayable;
    video.onloadedmetadata = () => { if (!video.videoWidth) unplayable(); }; // sound, but no pictures it can show
    if (video.error) unplayable();
    $("sound").onclick = () => {
      video.muted = !video.muted;
      $("sound").ariaPressed = !video.muted;
    };
  }

  const texts = JSON.parse($("files").textContent);
  document.querySelectorAll("#downloads a").forEach((link, number) => {
    link.href = URL.createObjectURL(new Blob([texts[number]], { type: "application/octet-stream" }));
  });
  for (const part of document.querySelectorAll("#live, #timeline, #tools, #downloads")) part.hidden = false;
  new ResizeObserver(() => { layOut(); wake(); }).observe(scroller);
  if (scale * duration < 1.5 * scroller.clientWidth) scale = 0; // a timeline that nearly fits is shown completely
  layOut();
  wake();
})();

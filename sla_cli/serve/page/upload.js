// A video: sent, waited for, shown with its glosses, saved as files.
import { Refused, ask, asSentence, refused, send } from "./service.js";

const FORMATS = { eaf: "ELAN", vtt: "WebVTT", srt: "SubRip", csv: "CSV", json: "JSON", ctm: "CTM", textgrid: "Praat", html: "page" };
const AGAIN = 700; // milliseconds between two questions about a job
const MOST = 10; // questions in turn without an answer
const at = (id) => document.getElementById(id);

let current = null; // the job that is shown, and how to stop it

export function startUpload() {
  at("file").onchange = () => { if (at("file").files.length) recognise(at("file").files[0]); };
  at("cancel").onclick = () => current?.stop();
  at("player").ontimeupdate = follow;
  for (const [kind, name] of Object.entries(FORMATS)) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "pill", textContent: name });
    button.onclick = () => save(kind).catch(refused);
    at("files").append(button);
  }
}

async function recognise(file) {
  dispatchEvent(new Event("begun"));
  const stopping = new AbortController();
  const job = { id: "", stop: () => stopping.abort() };
  current = job;
  at("result").hidden = true;
  busy(true);
  try {
    const sent = await send(file, (share) => show(`sending, ${Math.round(100 * share)} %`, share), stopping.signal);
    job.id = sent.id;
    let found = sent, lost = 0;
    while (!["done", "failed"].includes(found.state)) {
      show(...progressOf(found));
      await new Promise((done) => setTimeout(done, AGAIN));
      try {
        found = await (await ask(`v1/transcripts/${job.id}`)).json();
        lost = 0;
      } catch (error) {
        lost += 1;
        if (!stopping.signal.aborted && (!passes(error.status) || lost > MOST)) throw error;
      }
      stopping.signal.throwIfAborted();
    }
    if (found.state === "failed") throw new Refused(422, asSentence(found.error));
    present(file, found.result);
  } catch (error) {
    if (job.id && error.name === "AbortError") ask(`v1/transcripts/${job.id}`, { method: "DELETE" }).catch(refused);
    show(error.name === "AbortError" ? "cancelled" : "");
    if (error.name !== "AbortError") refused(error);
  } finally {
    busy(false);
    at("file").value = "";
  }
}

// The network may be away for a moment, a proxy too busy, or without its service.
const passes = (status) => status === 0 || status === 429 || status >= 500;

function progressOf(job) {
  if (job.state === "waiting") return [job.place ? `waiting, ${job.place} before it` : "waiting"];
  if (!job.frames) return ["being read"];
  return job.total ? [`${job.frames} of ${job.total} frames`, job.frames / job.total] : [`${job.frames} frames`];
}

function busy(now) {
  at("work").hidden = !now;
  at("cancel").hidden = !now;
  at("file").disabled = now;
}

function show(text, share) {
  at("state").textContent = text;
  if (share === undefined) at("progress").removeAttribute("value");
  else at("progress").value = Math.min(1, share);
}

function present(file, result) {
  URL.revokeObjectURL(at("player").src);
  at("player").src = URL.createObjectURL(file);
  at("signs").replaceChildren(...result.signs.map(entry));
  at("result").hidden = false;
  const count = result.signs.length;
  show(`${count} ${count === 1 ? "sign" : "signs"} in ${result.duration.toFixed(1)} s.${result.made.warning ? ` Note: ${result.made.warning}` : ""}`);
}

function entry(sign) {
  const item = document.createElement("li"), button = document.createElement("button");
  const gloss = document.createElement("bdi"), when = document.createElement("small");
  gloss.textContent = sign.gloss;
  when.textContent = `${sign.start.toFixed(2)} s, ${Math.round(100 * sign.confidence)} %`;
  button.type = "button";
  button.dataset.start = sign.start;
  button.dataset.end = sign.end;
  button.append(gloss, when);
  button.onclick = () => { at("player").currentTime = sign.start; };
  item.append(button);
  return item;
}

function follow() {
  const time = at("player").currentTime;
  for (const button of at("signs").querySelectorAll("button")) {
    if (button.dataset.start <= time && time < button.dataset.end) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

async function save(kind) {
  const answer = await ask(`v1/transcripts/${current.id}.${kind}`);
  const name = answer.headers.get("Content-Disposition").match(/filename="(.+)"/)[1];
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await answer.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// The camera: pictures as JPEG to the service, segments of glosses back.
import { asSentence, health, refused, Refused, socket } from "./service.js";

const RATE = 25; // pictures a second; the model takes those that are nearest to its own times
const SIDE = 640; // pixels of the longer side that are sent
const QUALITY = 0.85;
const FULL = 300_000; // bytes that wait to be sent: then a picture is left out
const KEPT = 50; // segments that are shown
const at = (id) => document.getElementById(id);

let running = null;

export function startCamera() {
  at("start").onclick = () => start().catch((error) => { stop(); refused(error); });
  at("stop").onclick = finish;
}

async function start() {
  dispatchEvent(new Event("begun"));
  if (!navigator.mediaDevices) throw new Refused(0, "Browsers give the camera only to pages of this machine, or with HTTPS.");
  at("start").disabled = true;
  at("live-state").textContent = "waiting for the camera";
  let media;
  try {
    media = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: SIDE }, frameRate: { ideal: RATE }, facingMode: "user" }, audio: false });
  } catch (error) {
    throw new Refused(0, `The camera cannot be used: ${error.message || error.name}.`);
  }
  running = { media, left: 0, dropped: 0 };
  at("camera").srcObject = media;
  await at("camera").play();
  at("screen").hidden = false;
  connect(running);
}

function connect(own) {
  own.socket = socket();
  own.socket.binaryType = "arraybuffer";
  own.socket.onopen = () => {
    at("segments").replaceChildren();
    at("start").hidden = true;
    at("stop").hidden = false;
    at("stop").focus();
    at("live-state").textContent = "recognising";
    own.timer = setInterval(() => picture(own), 1000 / RATE);
  };
  own.socket.onmessage = (event) => heard(own, JSON.parse(event.data));
  own.socket.onclose = async (event) => {
    if (own !== running) return;
    stop();
    if (event.code === 1000) return;
    refused(await reasonOf(event.reason, Boolean(own.timer)));
  };
}

// Why a connection has ended, or did not begin: of that, browsers tell nothing.
async function reasonOf(reason, began) {
  if (began) return new Refused(0, asSentence(reason) || "The connection has ended.");
  const found = await health();
  if (!found) return new Refused(0, "The service does not answer.");
  if (found.error) return new Refused(0, asSentence(found.error));
  return new Refused(401, "The service refuses the camera; it may need its token, or be too busy.");
}

function picture(own) {
  const video = at("camera");
  if (own.encoding || own.socket.readyState !== WebSocket.OPEN || !video.videoWidth) return;
  if (own.socket.bufferedAmount > FULL) { own.left += 1; return tell(own); }
  const time = performance.now() / 1000, scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
  own.canvas ??= document.createElement("canvas");
  own.canvas.width = Math.round(scale * video.videoWidth);
  own.canvas.height = Math.round(scale * video.videoHeight);
  own.canvas.getContext("2d").drawImage(video, 0, 0, own.canvas.width, own.canvas.height);
  own.encoding = true;
  own.canvas.toBlob(async (blob) => {
    const jpeg = blob && (await blob.arrayBuffer());
    own.encoding = false;
    if (!jpeg || own.socket.readyState !== WebSocket.OPEN || own.ended) return;
    const message = new Uint8Array(8 + jpeg.byteLength);
    new DataView(message.buffer).setFloat64(0, time, true);
    message.set(new Uint8Array(jpeg), 8);
    own.socket.send(message);
  }, "image/jpeg", QUALITY);
}

function heard(own, said) {
  if (said.error) return refused(new Refused(0, asSentence(said.error)));
  if (said.dropped !== undefined) { own.dropped = said.dropped; return tell(own); }
  let line = at("segments").querySelector(`[data-segment="${said.segment}"]`);
  if (!line) {
    if (!said.tokens.length) return;
    line = document.createElement("li");
    line.dataset.segment = said.segment;
    at("segments").prepend(line);
    at("segments").children[KEPT]?.remove();
  }
  const final = document.createElement("bdi"), open = document.createElement("bdi");
  final.textContent = said.tokens.slice(0, said.fixed).join(" ");
  open.textContent = said.tokens.slice(said.fixed).join(" ");
  open.className = "open";
  line.replaceChildren(final, " ", open);
  if (said.is_final) at("said").textContent = said.text; // a screen reader says whole sentences
}

function tell(own) {
  at("live-state").textContent = `recognising; ${own.dropped + own.left} pictures came too fast and were left out`;
}

function finish() {
  const own = running;
  if (!own?.socket || own.ended) return;
  own.ended = true;
  clearInterval(own.timer);
  if (own.socket.readyState === WebSocket.OPEN) own.socket.send('{"eof": 1}');
  else stop();
}

function stop() {
  const own = running;
  running = null;
  clearInterval(own?.timer);
  own?.socket?.close();
  own?.media.getTracks().forEach((track) => track.stop());
  at("camera").srcObject = null;
  at("screen").hidden = true;
  at("start").hidden = at("start").disabled = false;
  at("stop").hidden = true;
  at("live-state").textContent = own?.ended ? "ended" : "";
}

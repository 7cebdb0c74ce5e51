import { about } from "./api.js";
import { Commands } from "./commands.js";
import { Editor } from "./editor.js";
import { bindKeys, makeButtons } from "./keys.js";
import { List } from "./list.js";
import { Model } from "./model.js";
import { Player } from "./player.js";
import { Queue } from "./queue.js";
import { Saving } from "./saving.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);

const say = (text, isFault = false) => {
  $("said").textContent = isFault ? "" : text;
  $("fault").textContent = isFault ? text : "";
  $("fault").hidden = !isFault;
};

const facts = await about().catch((error) => { say(error.message, true); throw error; });
const model = new Model(facts);
const player = new Player(model);
const saving = new Saving(model, say);
const queue = new Queue(model, player, saving, say);
const choose = (item) => commands.choose(item);
const timeline = new Timeline(model, player, choose);
const list = new List(model, choose);
const commands = new Commands({ model, player, timeline, list, saving, queue, say });
commands.editor = new Editor(model, (...typed) => commands.commit(...typed), (start, end) => commands.times(start, end));

const signer = $("signer");
model.addEventListener("changed", () => {
  if (document.activeElement !== signer) signer.value = model.signer;
  if (model.signer && ![...$("signers").options].some((option) => option.value === model.signer)) {
    $("signers").append(new Option(model.signer)); // offered in the other recordings
  }
});
signer.addEventListener("change", () => saving.send({ type: "signer", name: signer.value }));

const showSaved = () => {
  $("saved").textContent = saving.lost ? "not saved" : saving.idle ? `saved · ${facts.annotator}` : "saving…";
  $("saved").className = saving.lost ? "small lost" : "small";
};
saving.addEventListener("changed", showSaved);
showSaved();
addEventListener("beforeunload", (event) => { if (!saving.idle) event.preventDefault(); });
makeButtons(commands.table);
bindKeys(commands.table);
$("help").addEventListener("click", () => $("keys").showModal());
await queue.start();
document.body.dataset.ready = "true";

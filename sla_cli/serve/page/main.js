// Starts both halves of the page, and asks for the token where one is needed.
import { health, setToken } from "./service.js";
import { startUpload } from "./upload.js";
import { startCamera } from "./camera.js";

const access = document.getElementById("access");
access.onsubmit = (event) => {
  event.preventDefault();
  setToken(document.getElementById("token").value.trim());
  say("");
};

function say(text) {
  const fault = document.getElementById("fault");
  fault.textContent = text;
  fault.hidden = !text;
}

addEventListener("refused", (event) => {
  if (event.detail.status === 401) access.hidden = false;
  say(event.detail.text);
});
addEventListener("begun", () => say(""));

startUpload();
startCamera();
health().then((found) => {
  const contact = document.getElementById("contact");
  contact.textContent = found?.contact ? `Who runs this service: ${found.contact}` : "";
  contact.hidden = !found?.contact;
}).finally(() => { document.body.dataset.ready = ""; });

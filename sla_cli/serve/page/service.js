// Asks the service; what it refuses is told to the page as the event "refused".
let token = "";

export function setToken(text) { token = text; }

const headers = () => (token ? { Authorization: `Bearer ${token}` } : {});

export class Refused extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers() });
  } catch {
    throw new Refused(0, "The service does not answer.");
  }
  if (!answer.ok) throw new Refused(answer.status, await sentence(answer));
  return answer;
}

async function sentence(answer) {
  const again = Number(answer.headers.get("Retry-After")); // a proxy may send none, or a date
  if (answer.status === 429) return `The service is busy. Try again ${again ? `in ${again} seconds` : "later"}.`;
  const fault = await answer.json().then((found) => found.error, () => "");
  return asSentence(fault) || `The service answers ${answer.status}.`;
}

export const asSentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "");

export function refused(error) {
  const status = error instanceof Refused ? error.status : 0;
  dispatchEvent(new CustomEvent("refused", { detail: { status, text: error.message } }));
}

// null if the service does not answer.
export const health = () => fetch("health").then((answer) => answer.json()).catch(() => null);

// Uploads with progress, which fetch does not tell. `progress` is called with the share that is sent.
export function send(file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "v1/transcripts");
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onerror = () => reject(new Refused(0, "The service does not answer, or the video is too large for it."));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onload = async () => {
      const answer = new Response(request.responseText, { status: request.status, headers: { "Retry-After": request.getResponseHeader("Retry-After") ?? "" } });
      if (request.status === 202 || request.status === 200) resolve(await answer.json());
      else reject(new Refused(request.status, await sentence(answer)));
    };
    signal.onabort = () => request.abort();
    request.send(file);
  });
}

export function socket() {
  const address = new URL("v1/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const bytes = new TextEncoder().encode(token);
  const hidden = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return new WebSocket(address, token ? [`sla.token.${hidden}`] : []);
}

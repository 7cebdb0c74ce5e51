// Requests to the server; addresses are below that of the page, which holds the secret.

export const sentences = ({ message, hint }) => `${message}. ${hint ?? ""}`.trim();

const get = async (path) => {
  const answer = await fetch(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(sentences(body));
  return body;
};

export const about = () => get("about");
export const queue = () => get("queue");
export const recording = (number) => get(`recordings/${number}`);
export const videoOf = (number) => `recordings/${number}/video`;

// The status of the answer and its body; it rejects if there is no answer.
export const operate = async (number, digest, operation) => {
  const answer = await fetch(`recordings/${number}/edit`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ digest, operation }),
  });
  const text = await answer.text();
  return { status: answer.status, body: answer.headers.get("Content-Type")?.startsWith("application/json") ? JSON.parse(text) : { message: text.trim() } };
};

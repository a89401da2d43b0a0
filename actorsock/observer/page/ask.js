// Questions to the program. The token stands behind the # of the address, which is never sent; it
// goes into a header that no other site can make the browser send.

const token = location.hash.slice(1);

export class NoAnswer extends Error {}

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, {
      ...options,
      headers: { Authorization: `Bearer ${token}`, ...options.headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new NoAnswer("the program does not answer");
  }
  if (response.ok) return response;
  let text = await response.text();
  try {
    text = JSON.parse(text).error;
  } catch {
    // A refusal is plain text.
  }
  throw new NoAnswer(text.trim());
}

async function fetched(path, options) {
  const response = await answered(path, { ...options, signal: AbortSignal.timeout(10000) });
  return response.json();
}

function address(question, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  return `/api/${question}?${query}`;
}

export function ask(question, parameters = {}) {
  return fetched(address(question, parameters), {});
}

// The lines of an answer as they come, each as JSON, until the signal is given.
export async function* lines(question, parameters, signal) {
  const response = await answered(address(question, parameters), { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

export function act(action, wanted = {}) {
  return fetched(`/api/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(wanted),
  });
}

// Questions to the program. The token stands behind the # of the address, which is never sent; it
// goes into a header that no other site can make the browser send.

const token = location.hash.slice(1);

export class NoAnswer extends Error {}

async function fetched(path, options) {
  let response;
  try {
    response = await fetch(path, {
      ...options,
      headers: { Authorization: `Bearer ${token}`, ...options.headers },
      signal: AbortSignal.timeout(10000),
    });
  } catch {
    throw new NoAnswer("the program does not answer");
  }
  if (response.ok) return response.json();
  let text = await response.text();
  try {
    text = JSON.parse(text).error;
  } catch {
    // A refusal is plain text.
  }
  throw new NoAnswer(text.trim());
}

export function ask(question, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  return fetched(`/api/${question}?${query}`, {});
}

export function act(action, wanted = {}) {
  return fetched(`/api/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(wanted),
  });
}

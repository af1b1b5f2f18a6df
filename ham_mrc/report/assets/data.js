// The packed blocks of the page back to data.

async function unpacked(id) {
  const block = document.getElementById(id);
  if (!block) return null;
  const text = atob(block.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  block.remove();
  return data;
}

// An element with text: the only way in which text of the data reaches the page.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const RIGHT = 1, WRONG = 0, UNKNOWN = -1;

// For each result the outcome of each question, from the one metric that decides.
function outcomesOf(data) {
  return data.scores.map((metrics) => {
    const found = new Int8Array(data.ids.length).fill(UNKNOWN);
    if (!data.right) return found;
    const [metric, least] = data.right;
    metrics[metric].forEach((score, i) => { if (score !== null) found[i] = score >= least ? RIGHT : WRONG; });
    return found;
  });
}

// Searches while one types, and shows what was found. A later search overtakes an earlier one.
const [form, input, grid, said] = ["search", "q", "grid", "said"].map((id) => document.getElementById(id));
let running = new AbortController();
let waiting = 0;

async function search() {
  running.abort();
  running = new AbortController();
  const parameters = new URLSearchParams({ q: input.value, top: "60" });
  try {
    const response = await fetch(`/api/v1/search?${parameters}`, { signal: running.signal });
    const answer = await response.json();
    said.textContent = response.ok ? answer.message ?? "" : answer.detail;
    grid.replaceChildren(...(answer.results ?? []).map(card));
  } catch (error) {
    if (error.name !== "AbortError") said.textContent = String(error);
  }
}

function card(result) {
  const item = document.createElement("li");
  const picture = document.createElement("img");
  picture.src = result.thumbnail;
  picture.alt = result.path.split("/").pop();
  picture.loading = "lazy";
  item.append(picture);
  return item;
}

input.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, 120);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
search();

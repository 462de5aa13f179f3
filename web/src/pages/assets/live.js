// Keeps a page fresh that says so, without moving what the reader looks at.
//
// An element with data-live is fetched again with its page and replaced when it differs. A page works without this.

const EVERY_MS = 2000;

async function freshen(parts) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh && !part.contains(document.activeElement) && fresh.innerHTML !== part.innerHTML) {
      part.replaceChildren(...fresh.childNodes);
    }
  }
}

const live = [...document.querySelectorAll("[data-live][id]")];
if (live.length > 0) {
  setInterval(() => {
    if (document.visibilityState === "visible") freshen(live).catch(() => {});
  }, EVERY_MS);
}

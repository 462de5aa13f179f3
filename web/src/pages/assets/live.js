// What a script adds to pages that read well without one: parts that stay fresh, and recordings that show where they are.

import { players } from "./player.js";

const EVERY_MS = 2000;

// A refused form came back at the address that it was sent to: the page stands elsewhere.
const stands = document.querySelector("link[rel=canonical]");
if (stands) history.replaceState(null, "", stands.href);

// An element with data-live is fetched again with its page and replaced when it differs; nothing that is in use moves.
async function freshen(parts) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    const busy = part.contains(document.activeElement) || part.querySelector("details[open]");
    if (fresh && !busy && fresh.innerHTML !== part.innerHTML) {
      part.replaceChildren(...fresh.childNodes);
      fresh.hasAttribute("data-live") || part.removeAttribute("data-live");
      hearAll(part);
    }
  }
}

let asking = false;
setInterval(() => {
  const live = [...document.querySelectorAll("[data-live][id]")];
  if (asking || live.length === 0 || document.visibilityState !== "visible") return;
  // A server that is slow is asked once at a time.
  asking = true;
  freshen(live).catch(() => {}).finally(() => (asking = false));
}, EVERY_MS);

// What a form has made is shown once, at the address of the page itself: loading that again makes nothing again.
const made = document.querySelector("[data-address]");
if (made) history.replaceState(null, "", made.dataset.address);

// A click on the picture of a recording plays from there.
function hearAll(within) {
  players(within);
  for (const figure of within.querySelectorAll(".sound")) {
    const [wave, audio] = [figure.querySelector(".wave"), figure.querySelector("audio")];
    if (!wave || !audio) continue;
    const line = wave.querySelector(".now");
    const long = () => (Number.isFinite(audio.duration) && audio.duration) || Number(wave.dataset.seconds);
    audio.addEventListener("timeupdate", () => {
      const x = (audio.currentTime / long()) * wave.viewBox.baseVal.width;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    });
    wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      audio.currentTime = ((event.clientX - box.left) / box.width) * long();
      audio.play().catch(() => {});
    });
  }
}
hearAll(document);

// The axis of a call: a click on it, or on a time of the journal, is heard where it was recorded; while something plays, the line
// on the axis and the line of the journal go along.
const soundAt = (time) =>
  [...document.querySelectorAll(".sound[data-from]")].find((figure) => {
    const audio = figure.querySelector("audio");
    const wave = figure.querySelector(".wave");
    const long = audio && ((Number.isFinite(audio.duration) && audio.duration) || Number(wave?.dataset.seconds) || Infinity);
    return audio && time >= Number(figure.dataset.from) && time < Number(figure.dataset.from) + long;
  });

function showTime(time) {
  const axis = document.querySelector(".axis");
  if (!axis) return;
  const at = `${(100 * time) / Number(axis.dataset.seconds)}%`;
  axis.classList.add("hears");
  axis.querySelector(".cursor").setAttribute("x1", at);
  axis.querySelector(".cursor").setAttribute("x2", at);
  const lines = [...document.querySelectorAll(".journal [data-at]")];
  const last = lines.findLast((line) => Number(line.dataset.at) <= time);
  document.querySelector(".journal tr.now")?.classList.remove("now");
  last?.closest("tr").classList.add("now");
}

function hear(time) {
  if (!document.querySelector(".sound")) return;
  const figure = soundAt(time);
  showTime(time);
  const told = document.getElementById("heard");
  told.textContent = figure ? `Plays from ${time.toFixed(1)} s.` : `Nothing was recorded at ${time.toFixed(1)} s.`;
  document.querySelectorAll(".sound audio").forEach((audio) => audio.pause());
  if (!figure) return;
  const audio = figure.querySelector("audio");
  audio.currentTime = time - Number(figure.dataset.from);
  audio.play().catch((error) => (told.textContent = error.message));
}

document.addEventListener("click", (event) => {
  const axis = event.target.closest(".axis");
  const line = event.target.closest("[data-at]");
  if (line) return hear(Number(line.dataset.at));
  if (!axis || event.target.closest("a")) return;
  const box = axis.getBoundingClientRect();
  hear(((event.clientX - box.left) / box.width) * Number(axis.dataset.seconds));
});
document.addEventListener("timeupdate", ({ target }) => {
  const figure = target.closest(".sound[data-from]");
  if (figure && !target.paused) showTime(Number(figure.dataset.from) + target.currentTime);
}, true);

// A prompt in a list is heard where it stands; without a script the link is the sound.
const heard = new Audio();
let hearing = null;
function quiet() {
  hearing?.setAttribute("aria-pressed", "false");
  hearing = null;
}
for (const end of ["ended", "error", "pause"]) heard.addEventListener(end, quiet);
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-hear]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const again = link === hearing;
  heard.pause();
  quiet();
  if (again) return;
  heard.src = link.href;
  heard.play().then(() => ((hearing = link), link.setAttribute("aria-pressed", "true"))).catch(() => {});
});

// An export tells how far it is, and may be stopped; without a script the link is the file.
async function bring(link) {
  const [box, stop] = [document.getElementById("export"), new AbortController()];
  const told = box.querySelector("[role=status]");
  box.hidden = false;
  box.querySelector("button").hidden = false;
  box.querySelector("button").onclick = () => stop.abort();
  let [lines, bytes, parts] = [0, 0, []];
  try {
    const answer = await fetch(link.href, { signal: stop.signal });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const reader = answer.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      bytes += part.value.length;
      for (const byte of part.value) lines += byte === 10;
      told.textContent = `${Math.max(lines - 1, 0).toLocaleString()} calls, ${(bytes / 1e6).toFixed(1)} MB so far …`;
    }
    const file = URL.createObjectURL(new Blob(parts, { type: answer.headers.get("content-type") }));
    Object.assign(document.createElement("a"), { href: file, download: link.dataset.export }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60000);
    told.textContent = `${link.dataset.export}: ${Math.max(lines - 1, 0).toLocaleString()} calls, ${(bytes / 1e6).toFixed(1)} MB.`;
  } catch (error) {
    told.textContent = stop.signal.aborted ? "Stopped; nothing was kept." : `The export broke off: ${error.message}`;
  }
  box.querySelector("button").hidden = true;
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-export]");
  if (link) event.preventDefault(), bring(link);
});

// On a narrow screen the row of pages scrolls: the page that is shown stands in sight.
const row = document.querySelector(".row");
const here = row?.querySelector("[aria-current]");
const intoSight = () => here && (row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2);
intoSight();
addEventListener("resize", intoSight);

// Keys: / goes to the first field, that of the records where a page has none, j and k from one line to the next.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "/") {
    const field = document.querySelector("form[role=search] input");
    event.preventDefault();
    field ? field.focus() : location.assign("/records#find");
  }
  if (event.key === "j" || event.key === "k") {
    const lines = [...document.querySelectorAll(".calls .whole")];
    const at = lines.indexOf(document.activeElement);
    const next = lines[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
    next && next.focus();
  }
});
if (location.hash === "#find") document.querySelector("form[role=search] input")?.focus();

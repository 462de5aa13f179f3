// A room as it is now: who talks and how loud, told by the server as it changes. What people do with it are the forms of the page.

const SILENCE = 60; // decibels below the loudest at which a bar is empty
const HISTORY_MS = 5000; // how often the lines of who spoke grow

const room = document.querySelector("[data-room]");
const state = document.getElementById("room-state");
const parts = ["room-head", "seats", "room-history"];
let newer = false;

// The server draws; a part in which somebody works stays as it is until he is done.
async function redraw() {
  const answer = await fetch(location.href);
  if (answer.status === 404) return over();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  newer = false;
  for (const id of parts) {
    const [part, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (!part || !fresh) continue;
    const works = part.querySelector("details[open]") || (part.contains(document.activeElement) && document.activeElement.matches("input, select"));
    if (works) newer = true;
    else part.replaceChildren(...fresh.childNodes);
  }
  hear(levels);
}

let levels = { talking: [], floor: null };
function hear(told) {
  levels = told;
  const talking = new Map(told.talking.map((one) => [String(one.member), one.level ?? SILENCE]));
  for (const seat of room.querySelectorAll("[data-member]")) {
    const id = seat.dataset.member;
    seat.classList.toggle("talks", talking.has(id));
    seat.classList.toggle("floor", String(told.floor) === id);
    seat.querySelector("meter").value = talking.has(id) ? Math.max(0, 1 - talking.get(id) / SILENCE) : 0;
  }
}

function over() {
  source.close();
  state.textContent = "The room is over. What is left of it stands under Rooms.";
  room.querySelectorAll("form, meter").forEach((part) => part.remove());
}

const source = new EventSource(`/api/v1/rooms/${encodeURIComponent(room.dataset.room)}/events`);
source.addEventListener("room", () => redraw().catch(() => (newer = true)));
source.addEventListener("levels", ({ data }) => hear(JSON.parse(data)));
source.addEventListener("over", over);
source.onerror = () => (state.textContent = source.readyState === EventSource.CLOSED ? "The server says no more; load the page again." : "Connecting again …");
source.onopen = () => (state.textContent = "");
setInterval(() => {
  const talks = levels.talking.length > 0;
  if ((talks || newer) && document.visibilityState === "visible" && source.readyState === EventSource.OPEN) redraw().catch(() => (newer = true));
}, HISTORY_MS);

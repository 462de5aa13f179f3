// A room as it is now: who talks and how loud, told by the server as it changes. What people do with it are the forms of the page.

const SILENCE = 60; // decibels below the loudest at which a bar is empty
const HISTORY_MS = 5000; // how often the lines of who spoke grow

const room = document.querySelector("[data-room]");
const state = document.getElementById("room-state");
const parts = ["room-head", "room-sound", "seats", "room-history"];
let newer = false;

// One drawing at a time, or an older one might come last.
let [drawing, again] = [false, false];
async function redraw() {
  again = drawing;
  if (drawing) return;
  drawing = true;
  await draw().catch(() => (newer = true));
  drawing = false;
  if (again) redraw();
}

// The server draws; where somebody works it stays as it is until he is done.
async function draw() {
  const answer = await fetch(location.href);
  if (answer.status === 404) return over();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  newer = false;
  for (const id of parts) {
    const [part, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (!part || !fresh) continue;
    if (id === "seats") take(part, [...fresh.children]);
    else if (isBusy(part)) newer = true;
    else part.replaceChildren(...fresh.childNodes);
  }
  hear(levels);
}

function isBusy(part) {
  return part.querySelector("details[open]") || (part.contains(document.activeElement) && document.activeElement.matches("input, select"));
}

// Seats come, go and change one by one: an open one keeps what is being chosen in it, and nobody else waits for that.
function take(seats, fresh) {
  const there = new Set(fresh.map((seat) => seat.dataset.member));
  let at = seats.firstElementChild;
  const drop = () => ([at] = [at.nextElementSibling, at.remove()]);
  for (const seat of fresh) {
    while (at && !there.has(at.dataset.member)) drop();
    if (!at || at.dataset.member !== seat.dataset.member) seats.insertBefore(seat, at);
    else if (isBusy(at)) at = stays(at, seat).nextElementSibling;
    else [at] = [at.nextElementSibling, at.replaceWith(seat)];
  }
  while (at) drop();
}

// All of a seat is drawn anew but for what somebody has opened in it.
function stays(seat, fresh) {
  newer = true;
  seat.querySelector(".name").replaceWith(fresh.querySelector(".name"));
  const [more, next] = [seat.querySelector("details"), fresh.querySelector("details")];
  if (!more || !next) return seat;
  seat.querySelectorAll(".deeds > form").forEach((form) => form.remove());
  more.before(...[...next.parentElement.children].filter((form) => form !== next));
  return seat;
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
source.addEventListener("room", redraw);
source.addEventListener("levels", ({ data }) => hear(JSON.parse(data)));
source.addEventListener("over", over);
source.onerror = () => (state.textContent = source.readyState === EventSource.CLOSED ? "The server says no more; load the page again." : "Connecting again …");
source.onopen = () => (state.textContent = "");
setInterval(() => {
  const talks = levels.talking.length > 0;
  if ((talks || newer) && document.visibilityState === "visible" && source.readyState === EventSource.OPEN) redraw();
}, HISTORY_MS);

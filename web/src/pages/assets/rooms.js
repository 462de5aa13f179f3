// A room as it is now: who talks and how loud, several times a second. What people do with it are the forms of the page.

const EVERY_MS = 400;
const SILENCE = 60; // decibels below the loudest at which a bar is empty

const room = document.querySelector("[data-room]");

async function look() {
  const answer = await fetch(`/api/v1/rooms/${encodeURIComponent(room.dataset.room)}`);
  if (answer.status === 404) return location.reload();
  if (!answer.ok) return;
  const now = await answer.json();
  // Somebody came, went or was changed: the server draws the page.
  const seats = now.members.map((m) => [m.member, m.state, m.muted, m.deaf, m.role, m.gain_db, m.hand_ms !== null].join()).join(";");
  const same = `${seats}|${now.locked}|${now.recording}`;
  if (room.dataset.seats !== same && !room.contains(document.activeElement?.closest("input, select"))) {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const fresh = page.querySelector("[data-room]");
    if (!fresh) return location.reload();
    room.dataset.seats = fresh.dataset.seats;
    room.replaceChildren(...fresh.childNodes);
  }
  for (const member of now.members) {
    const seat = room.querySelector(`[data-member="${member.member}"]`);
    if (!seat) continue;
    seat.classList.toggle("talks", member.talks);
    seat.classList.toggle("floor", now.floor === member.member);
    const level = member.talks ? Math.max(0, 1 - (member.level ?? SILENCE) / SILENCE) : 0;
    seat.querySelector("meter").value = level;
  }
}

if (room) setInterval(() => document.visibilityState === "visible" && look().catch(() => {}), EVERY_MS);

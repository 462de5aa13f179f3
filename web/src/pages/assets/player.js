// A player that says how long a recording is before anybody has heard it: a browser's own would have to ask for the recording, and
// that counts as listening. Without a script the browser's own stands there.

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// The two signs of its button.
const PLAY = "M3 1.5v9l7-4.5z";
const PAUSE = "M2.5 1.5h2.5v9H2.5zM7 1.5h2.5v9H7z";

function make(audio) {
  const bar = document.createElement("div");
  const name = audio.getAttribute("aria-label");
  bar.className = "player";
  bar.innerHTML =
    '<button type="button" class="hear"><svg viewBox="0 0 12 12" aria-hidden="true"><path/></svg></button>' +
    '<input type="range" min="0" step="0.1" value="0"><span class="small nowrap"></span>';
  const [button, place, told] = bar.children;
  const sign = button.querySelector("path");
  const long = () => (Number.isFinite(audio.duration) && audio.duration) || Number(audio.dataset.seconds);
  let held = false;
  const show = () => {
    place.max = long();
    if (!held) place.value = audio.currentTime;
    // Something that is there is a second long at least.
    const whole = clock(Math.max(Math.round(long()), 1));
    told.textContent = audio.error ? "cannot be played" : `${clock(audio.currentTime)} / ${whole}`;
    place.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${whole}`);
    sign.setAttribute("d", audio.paused ? PLAY : PAUSE);
    button.setAttribute("aria-pressed", String(!audio.paused));
    button.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"}: ${name}`);
  };
  place.setAttribute("aria-label", `Place in: ${name}`);
  button.addEventListener("click", () => (audio.paused ? audio.play().catch(show) : audio.pause()));
  place.addEventListener("input", () => (held = true));
  place.addEventListener("change", () => {
    held = false;
    audio.currentTime = Number(place.value);
    show();
  });
  for (const news of ["play", "pause", "ended", "timeupdate", "durationchange", "seeked", "error"]) audio.addEventListener(news, show);
  show();
  audio.controls = false;
  audio.after(bar);
}

// Of everything within that says how long it is.
export function players(within) {
  within.querySelectorAll("audio[controls][data-seconds]").forEach(make);
}

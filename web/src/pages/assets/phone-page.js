// The phone of the dashboard: what a person sees and presses, over the module that everybody may embed.

import { Patchcord } from "/phone.js";

const $ = (id) => document.getElementById(id);
const make = (tag, text = "", attributes = {}) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(text);
  return element;
};
const number = $("number");
const talks = $("talks");
const nobody = talks.firstElementChild;
const cards = new Map();
const WORDS = { calling: "calls", ringing: "rings", early: "rings", talking: "talks", held: "on hold", ended: "over" };
let phone;

function complain(text) {
  $("phone-wrong").textContent = text;
  $("phone-wrong").hidden = !text;
}

function stand(text, kind) {
  $("phone-state").textContent = text;
  $("phone-state").className = `badge ${kind}`;
}

// A card for each talk.
function card(talk) {
  const box = make("section", "", { className: "card talk" });
  const who = make("strong", talk.name ? `${talk.name} (${talk.other})` : talk.other || "hidden number");
  const state = make("span", "", { className: "badge live" });
  const time = make("span", "", { className: "muted clock" });
  const head = make("div", "", { className: "head" });
  const elsewhere = make("span", "on hold by the other side", { className: "badge warn" });
  head.append(who, state, elsewhere, time);
  const meters = make("div", "", { className: "meters" });
  const heard = make("meter", "", { max: 1, title: "what is heard" });
  const said = make("meter", "", { max: 1, title: "what is said" });
  meters.append(make("span", "heard"), heard, make("span", "said"), said);
  const quality = make("p", "", { className: "small muted quality" });
  const buttons = make("div", "", { className: "buttons" });
  const button = (text, act, className = "") => {
    const made = make("button", text, { type: "button", className });
    made.addEventListener("click", () => Promise.resolve(act()).catch((error) => complain(error.message)));
    buttons.append(made);
    return made;
  };
  const answer = button("Answer", () => talk.answer(), "primary");
  const mute = button("Mute", () => talk.mute(!talk.muted));
  const hold = button("Hold", () => (talk.onHold ? talk.resume() : talk.hold()));
  const move = button("Transfer", () => transfer(talk, where));
  const end = button("Hang up", () => talk.hangup(), "danger");
  // Where it should go, for whom nothing stands in the field of the dial pad.
  const where = make("form", "", { className: "where", hidden: true, autocomplete: "off" });
  const field = make("input", "", { placeholder: "Number or name", maxLength: 64, autocapitalize: "none", spellcheck: false });
  field.setAttribute("aria-label", "Transfer to");
  field.inputMode = "tel";
  where.append(field, make("button", "Transfer there", { type: "submit", className: "primary" }));
  where.addEventListener("submit", (event) => {
    event.preventDefault();
    const to = field.value.trim();
    if (to) talk.transfer(to).catch((error) => complain(error.message));
    else field.focus();
  });
  box.append(head, meters, quality, buttons, where);
  cards.set(talk, { box, draw, measure });
  talks.append(box);

  function draw() {
    const rings = talk.direction === "in" && talk.state === "ringing";
    const stands = talk.state === "talking" || talk.state === "held";
    state.textContent = rings ? "calls you" : WORDS[talk.state];
    elsewhere.hidden = !(stands && talk.isHeld);
    box.dataset.state = talk.state;
    answer.hidden = !rings;
    mute.hidden = hold.hidden = move.hidden = meters.hidden = !stands;
    where.hidden ||= !stands;
    end.textContent = rings ? "Refuse" : "Hang up";
    mute.textContent = talk.muted ? "Unmute" : "Mute";
    hold.textContent = talk.onHold ? "Resume" : "Hold";
    end.hidden = talk.state === "ended";
    if (talk.state === "ended") {
      quality.textContent = talk.why.reason;
      setTimeout(() => leave(talk), 4000);
    }
  }

  async function measure() {
    if (talk.state !== "talking" && talk.state !== "held") return;
    const told = await talk.quality();
    const seconds = Math.floor((Date.now() - talk.began) / 1000);
    time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    heard.value = talk.levels.heard;
    said.value = talk.levels.said;
    const words = [];
    // Where nothing was heard yet there is nothing to judge.
    if (told.mos) words.push(`${told.codec ? `${told.codec}, ` : ""}quality ${told.mos.toFixed(1)} of 4.5, ${(100 * told.loss).toFixed(1)} % lost, ${Math.round(1000 * told.rtt)} ms there and back`);
    else words.push("nothing was heard yet");
    if (told.there) words.push(`you sound ${told.there.mos.toFixed(1)} of 4.5 there, ${(100 * told.there.loss).toFixed(1)} % lost`);
    quality.textContent = words.join("; ");
  }
  draw();
}

function leave(talk) {
  cards.get(talk)?.box.remove();
  cards.delete(talk);
  nobody.hidden = cards.size > 0;
}

// To the number that stands in the field, or to the other talk where there is one; else it is asked for.
async function transfer(talk, where) {
  const other = [...cards.keys()].find((one) => one !== talk && (one.state === "talking" || one.state === "held"));
  const to = number.value.trim() || other;
  if (!to) {
    where.hidden = !where.hidden;
    return where.hidden || where.firstElementChild.focus();
  }
  await talk.transfer(to);
  number.value = "";
}

function show(talk) {
  nobody.hidden = true;
  card(talk);
  for (const event of ["state", "held"]) talk.addEventListener(event, () => cards.get(talk)?.draw());
  talk.addEventListener("error", ({ detail }) => complain(detail.message));
}

// A ring that is made here, so that no file is needed: two tones, a second long, every three seconds.
let bell;
function ring() {
  const rings = [...cards.keys()].some((talk) => talk.direction === "in" && talk.state === "ringing");
  if (!rings || !$("ringer").checked) return;
  bell ??= new AudioContext();
  const loud = bell.createGain();
  loud.gain.setValueAtTime(0.12, bell.currentTime);
  loud.gain.setValueAtTime(0, bell.currentTime + 1);
  loud.connect(bell.destination);
  for (const pitch of [425, 480]) {
    const tone = bell.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(loud);
    tone.start();
    tone.stop(bell.currentTime + 1);
  }
}

async function call(to) {
  complain("");
  const talk = await phone.dial(to);
  cards.has(talk) || show(talk);
}

async function fill() {
  const { microphones, speakers } = await phone.devices();
  for (const [id, known] of [["microphone", microphones], ["speaker", speakers]]) {
    const list = $(id);
    const chosen = list.value;
    list.replaceChildren(list.firstElementChild, ...known.filter((one) => one.id && one.label).map((one) => make("option", one.label, { value: one.id })));
    list.value = chosen;
  }
}

$("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  const to = number.value.trim();
  if (!to) return number.focus();
  call(to).then(() => (number.value = ""), (error) => complain(error.message));
});
for (const key of document.querySelectorAll("[data-key]")) {
  key.addEventListener("click", () => press(key.dataset.key));
}
function press(key) {
  const talking = [...cards.keys()].find((talk) => talk.state === "talking");
  if (talking) talking.press(key);
  number.value += key;
}
$("back").addEventListener("click", () => (number.value = number.value.slice(0, -1)));
$("lately").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-dial]");
  if (button) call(button.dataset.dial).catch((error) => complain(error.message));
});
$("microphone").addEventListener("change", ({ target }) => phone.useMicrophone(target.value).catch((error) => complain(error.message)));
$("speaker").addEventListener("change", ({ target }) => phone.useSpeaker(target.value).catch((error) => complain(error.message)));
setInterval(() => cards.forEach((one) => one.measure().catch(() => {})), 500);
setInterval(ring, 3000);

try {
  phone = await Patchcord.connect();
  // Whoever looks at the page from outside, a test or a person with the browser's console, finds it here.
  window.phone = phone;
  stand("ready", "good");
  phone.onring = (talk) => {
    show(talk);
    ring();
  };
  phone.onlost = () => stand("connecting again", "warn");
  phone.onconnected = () => stand("ready", "good");
  phone.onclosed = (error) => {
    stand("not connected", "bad");
    complain(error.message);
  };
  phone.onerror = (error) => complain(error.message);
  phone.onmessage = ({ from, text }) => complain(`${from} writes: ${text}`);
  await fill();
  navigator.mediaDevices?.addEventListener("devicechange", fill);
} catch (error) {
  stand("not connected", "bad");
  complain(error.message);
}

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
const connected = Patchcord.connect();
let phone;

const stands = (talk) => talk.state === "talking" || talk.state === "held";
const others = (talk) => [...cards.keys()].filter((one) => one !== talk && stands(one));
const nameOf = (talk) => talk.name || talk.other || "hidden number";
const join = (talk, other) => `Join ${nameOf(talk)} and ${nameOf(other)}`;
const drawAll = () => cards.forEach((one) => one.draw());

function complain(text) {
  $("phone-wrong").textContent = text;
  $("phone-wrong").hidden = !text;
}

function stand(text, kind) {
  $("phone-state").textContent = text;
  $("phone-state").className = `badge ${kind}`;
}

// One is talked with at a time, as with any phone: whoever else is talked with waits, and hears nothing of what is said.
const parting = new Set();
async function putAside(talk) {
  const before = others(talk).filter((one) => one.state === "talking" && !parting.has(one));
  const hold = async (one) => {
    parting.add(one);
    try {
      await one.hold();
    } catch (error) {
      // Whoever has gone meanwhile need not wait.
      if (stands(one)) throw new Error(`${nameOf(one)} cannot be put on hold: ${error.message}`);
    } finally {
      parting.delete(one);
    }
  };
  await Promise.all(before.map(hold));
  return before;
}

async function resume(talk) {
  await putAside(talk);
  await talk.resume();
}

async function answerIt(talk) {
  await putAside(talk);
  await talk.answer();
}

// A card for each talk.
function card(talk) {
  const box = make("section", "", { className: "card talk" });
  const who = make("strong");
  const state = make("span", "", { className: "badge live" });
  const time = make("span", "", { className: "muted clock" });
  const head = make("div", "", { className: "head" });
  const elsewhere = make("span", "on hold by the other side", { className: "badge warn" });
  head.append(who, state, elsewhere, time);
  head.addEventListener("click", () => talk.onHold && resume(talk).catch((error) => complain(error.message)));
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
  const answer = button("Answer", () => answerIt(talk), "primary");
  const mute = button("Mute", () => talk.mute(!talk.muted));
  const hold = button("Hold", () => (talk.onHold ? resume(talk) : talk.hold()));
  const handOn = button("Transfer", () => transfer(talk, where));
  const end = button("Hang up", () => talk.hangup(), "danger");
  // Where it should go, for whom nothing stands in the field of the dial pad.
  const where = make("form", "", { className: "where", hidden: true, autocomplete: "off" });
  const field = make("input", "", { placeholder: "Number or name", maxLength: 64, autocapitalize: "none", spellcheck: false });
  field.setAttribute("aria-label", "Transfer to");
  field.inputMode = "tel";
  const joins = make("div", "", { className: "buttons" });
  where.append(field, make("button", "Transfer there", { type: "submit", className: "primary" }), joins);
  where.addEventListener("submit", (event) => {
    event.preventDefault();
    const to = field.value.trim();
    if (to) move(talk, to);
    else field.focus();
  });
  box.append(head, meters, quality, buttons, where);
  cards.set(talk, { box, draw, measure });
  talks.append(box);

  function draw() {
    const rings = talk.direction === "in" && talk.state === "ringing";
    state.textContent = rings ? "calls you" : WORDS[talk.state];
    elsewhere.hidden = !(stands(talk) && talk.isHeld);
    box.dataset.state = talk.state;
    who.textContent = talk.name ? `${talk.name} (${talk.other})` : nameOf(talk);
    answer.hidden = !rings;
    mute.hidden = hold.hidden = handOn.hidden = meters.hidden = !stands(talk);
    // It says what a click does: nobody is joined or sent away unawares.
    const to = number.value.trim();
    const also = others(talk);
    handOn.textContent = to ? `Transfer to ${to}` : also.length === 1 ? join(talk, also[0]) : "Transfer";
    handOn.className = handOn.textContent === "Transfer" ? "" : "naming";
    const buttons = also.map((other) => make("button", join(talk, other), { type: "button", className: "naming", onclick: () => move(talk, other) }));
    joins.replaceChildren(...(also.length > 1 ? buttons : []));
    where.hidden ||= !stands(talk);
    end.textContent = rings ? "Refuse" : "Hang up";
    mute.textContent = talk.muted ? "Unmute" : "Mute";
    hold.textContent = talk.onHold ? "Resume" : "Hold";
    end.hidden = talk.state === "ended";
    if (talk.state === "ended") quality.textContent = talk.why.reason;
  }

  async function measure() {
    if (!stands(talk)) return;
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
function transfer(talk, where) {
  const also = others(talk);
  const to = number.value.trim() || (also.length === 1 && also[0]);
  if (to) return move(talk, to);
  where.hidden = !where.hidden;
  if (!where.hidden) where.firstElementChild.focus();
}

async function move(talk, to) {
  try {
    await talk.transfer(to);
    if (to === number.value.trim()) number.value = "";
    drawAll();
  } catch (error) {
    // A talk that is over says why.
    if (stands(talk)) complain(error.message);
  }
}

function show(talk) {
  nobody.hidden = true;
  card(talk);
  for (const event of ["state", "held", "other"]) talk.addEventListener(event, drawAll);
  talk.addEventListener("state", () => {
    // One that was dialled before another is answered while that one talks.
    if (talk.state === "talking" && !parting.has(talk)) putAside(talk).catch((error) => complain(error.message));
    if (talk.state === "ended") setTimeout(() => leave(talk), 4000);
  });
  talk.addEventListener("error", ({ detail }) => complain(detail.message));
  if (talk.state === "ended") setTimeout(() => leave(talk), 4000);
  drawAll();
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
  // Whoever is quicker than the connection waits for it.
  await connected;
  const aside = await putAside();
  try {
    const talk = await phone.dial(to);
    cards.has(talk) || show(talk);
  } catch (error) {
    await Promise.all(aside.map((one) => one.resume()));
    throw error;
  }
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
  call(to).then(
    () => {
      number.value = "";
      drawAll();
    },
    (error) => complain(error.message),
  );
});
for (const key of document.querySelectorAll("[data-key]")) {
  key.addEventListener("click", () => press(key.dataset.key));
}
function press(key) {
  const talking = [...cards.keys()].find((talk) => talk.state === "talking" && !parting.has(talk));
  if (talking) talking.press(key);
  number.value += key;
  drawAll();
}
$("back").addEventListener("click", () => {
  number.value = number.value.slice(0, -1);
  drawAll();
});
number.addEventListener("input", drawAll);
$("lately").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-dial]");
  if (button) call(button.dataset.dial).catch((error) => complain(error.message));
});
$("microphone").addEventListener("change", ({ target }) => phone.useMicrophone(target.value).catch((error) => complain(error.message)));
$("speaker").addEventListener("change", ({ target }) => phone.useSpeaker(target.value).catch((error) => complain(error.message)));
setInterval(() => cards.forEach((one) => one.measure().catch(() => {})), 500);
setInterval(ring, 3000);

try {
  phone = await connected;
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

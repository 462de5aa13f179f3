// Looks at each layer that a call from this page stands on, from the ground up, and names the first one that fails.

import { Patchcord } from "/phone.js";

const ECHO = "9196";
const PATIENCE_MS = 8000;
const begin = document.getElementById("begin");
const verdict = document.getElementById("verdict");

function say(layer, word, kind, text) {
  const line = document.querySelector(`[data-layer=${layer}]`);
  line.querySelector(".badge").textContent = word;
  line.querySelector(".badge").className = `badge ${kind}`;
  line.querySelector(".told").textContent = text;
}

const within = (what, promise) =>
  Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`${what} took longer than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS))]);

// A fact that is asked for until it holds.
async function until(what, fact) {
  const since = Date.now();
  for (;;) {
    const told = await fact();
    if (told) return told;
    if (Date.now() - since > PATIENCE_MS) throw new Error(`${what} did not come within ${PATIENCE_MS / 1000} s`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

// A tone instead of a voice, so that what comes back can be told from noise.
function tone() {
  const context = new AudioContext();
  const [source, sink] = [context.createOscillator(), context.createMediaStreamDestination()];
  source.frequency.value = 440;
  source.connect(sink);
  source.start();
  return { stream: sink.stream, stop: () => context.close() };
}

const REMEDIES = {
  page: "open the dashboard by https, or as http://localhost on the server itself",
  microphone: "allow the microphone for this site in the browser, and see that one is plugged in",
  socket: "a proxy in front of the server has to let WebSockets through to /phone/signal",
  login: "log in again; an admin ties people to endpoints under People",
  ice: "UDP does not reach the server: open the ports of [media], set [sip] advertise, or name a TURN server in [web] turn",
  dtls: "something on the way changes or stops packets of DTLS; a TURN server by TLS helps",
  sound: "the call stands and no sound comes back: look at this call under Records",
};

async function check() {
  let layer = "page";
  let phone;
  let voice;
  const good = (next, text = "") => {
    say(layer, "good", "good", text);
    layer = next;
    if (next) say(next, "looks", "warn", "");
  };
  try {
    if (!isSecureContext || !navigator.mediaDevices) throw new Error(`${location.origin} is not secure`);
    good("microphone", location.origin);
    const stream = await within("the microphone", navigator.mediaDevices.getUserMedia({ audio: true }));
    const label = stream.getAudioTracks()[0]?.label ?? "";
    stream.getTracks().forEach((track) => track.stop());
    good("socket", label);
    voice = tone();
    try {
      phone = await within("the socket", Patchcord.connect({ microphone: voice.stream, patience: 0 }));
    } catch (error) {
      if (error.code && error.code !== "lost") good("login");
      throw error;
    }
    good("login");
    good("ice", `as ${phone.you.number ?? phone.you.name}`);
    const talk = await phone.dial(ECHO);
    await until("an answer of the echo", () => {
      if (talk.state === "ended") throw new Error(talk.why.reason);
      return talk.state === "talking";
    });
    await until("a way for the sound", () => ["connected", "completed"].includes(talk.pc.iceConnectionState));
    const pair = [...(await talk.pc.getStats()).values()].find((one) => one.type === "candidate-pair" && one.nominated);
    good("dtls", pair ? `${Math.round(1000 * (pair.currentRoundTripTime ?? 0))} ms there and back` : "");
    await until("the keys", () => talk.pc.connectionState === "connected");
    good("sound");
    const heard = await until("the echo", async () => {
      const told = await talk.quality();
      return talk.levels.heard > 0.005 && told;
    });
    good(null, `${heard.codec}, quality ${heard.mos.toFixed(1)} of 4.5`);
    verdict.className = "flash good";
    verdict.textContent = "Everything works: what was said came back.";
  } catch (error) {
    say(layer, "fails", "bad", error.message);
    verdict.className = "flash bad";
    verdict.textContent = `${error.message}. What helps: ${REMEDIES[layer]}.`;
  } finally {
    phone?.close();
    voice?.stop();
  }
}

begin.addEventListener("click", async () => {
  begin.disabled = true;
  for (const line of document.querySelectorAll("[data-layer]")) say(line.dataset.layer, "waits", "", "");
  verdict.className = "flash";
  verdict.textContent = "…";
  await check();
  begin.disabled = false;
});

// Patchcord in a page: a phone in one module. `import { Patchcord } from "https://pbx.example.org/phone.js"`.
// What it says to the server stands in docs/browsers.md; what it may do is the server's to decide.

/** The version of what is said over the socket. */
export const VERSION = 1;

/** @typedef {"calling"|"ringing"|"early"|"talking"|"held"|"ended"} State */
/** @typedef {{code: string, reason: string, status?: number}} Why */
/** @typedef {{loss: number, jitter: number, rtt: number, mos: number, codec: string, received: number, sent: number, there: null|{loss: number, jitter: number, mos: number}}} Quality */
/** @typedef {{url?: string, token?: string, microphone?: MediaTrackConstraints|MediaStream, speaker?: string, audio?: HTMLAudioElement|false, rtc?: RTCConfiguration, patience?: number}} Options */

/** How long candidates are waited for before a description goes out: those that come later follow it. */
const GATHER_MS = 150;
const PING_MS = 15_000;
const COME_BACK_MS = 30_000;
const KEPT = 200;
const FINAL = new Set(["token", "login", "origin", "no_endpoint", "version", "too_fast", "too_large", "malformed"]);

/** Something that could not be done: `code` for programs, `message` for people. */
export class PhoneError extends Error {
  /** @param {string} code @param {string} reason */
  constructor(code, reason) {
    super(reason);
    this.name = "PhoneError";
    this.code = code;
  }
}

const fault = ({ code, reason }) => new PhoneError(code, reason);
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const tell = (who, event, ...what) => {
  try {
    who["on" + event]?.(...what);
  } catch (error) {
    console.error(error);
  }
  who.dispatchEvent(new CustomEvent(event, { detail: what[0] }));
};

/**
 * One talk. Events, as `talk.on…` and by `addEventListener`: `state`, `held` (whether the other side holds us now), `other` (with whom it is
 * from now on, after a transfer), `ended`, `transfer`, `message`, `error`.
 */
export class Talk extends EventTarget {
  name = "";
  muted = false;
  /** Whether we have put the other party on hold. */
  onHold = false;
  /** Whether the other party has put us on hold. */
  isHeld = false;
  /** @type {Why|null} */
  why = null;
  /** @type {Date|null} */
  began = null;
  levels = { heard: 0, said: 0 };
  _turn = Promise.resolve();

  /** @param {Phone} phone @param {string} id @param {string} other @param {"out"|"in"} direction */
  constructor(phone, id, other, direction) {
    super();
    this.phone = phone;
    this.id = id;
    /** Whom it is with. */
    this.other = other;
    this.direction = direction;
    /** @type {State} */
    this.state = direction === "in" ? "ringing" : "calling";
  }

  async _open() {
    const phone = this.phone;
    this.stream = await phone._microphone();
    const pc = (this.pc = new RTCPeerConnection({ iceServers: phone.iceServers, bundlePolicy: "max-bundle", ...phone.options.rtc }));
    for (const track of this.stream.getAudioTracks()) this.sender = pc.addTrack(track, this.stream);
    pc.ontrack = ({ track, streams }) => {
      this.remote = streams[0] ?? new MediaStream([track]);
      phone._play(this);
    };
    pc.onicecandidate = ({ candidate: one }) => this._late && one && this._say("candidate", { candidate: one.candidate });
    pc.oniceconnectionstatechange = () => {
      if (pc.iceConnectionState === "failed" && this._stands()) this.restart();
    };
  }

  _stands() {
    return this.state === "talking" || this.state === "held";
  }

  _say(type, more) {
    this.phone._say({ type, talk: this.id, ...more });
  }

  /** A description of ours, once its first candidates are there. */
  async _describe(made) {
    const pc = this.pc;
    await pc.setLocalDescription(await made);
    if (pc.iceGatheringState !== "complete") {
      this._late = false;
      const complete = new Promise((done) => (pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done()));
      await Promise.race([later(GATHER_MS), complete]);
      this._late = true;
    }
    return pc.localDescription.sdp;
  }

  _offer(options) {
    return this._describe(this.pc.createOffer(options));
  }

  async _answerTo(sdp) {
    await this.pc.setRemoteDescription({ type: "offer", sdp });
    // What others show is nothing that a page sees.
    for (const line of this.pc.getTransceivers()) if (line.receiver.track.kind === "video") line.stop();
    return this._describe(this.pc.createAnswer());
  }

  async _answered(sdp) {
    if (sdp && this.pc.signalingState === "have-local-offer") await this.pc.setRemoteDescription({ type: "answer", sdp });
  }

  /** What changes the description happens one after the other. */
  _next(act) {
    const done = this._turn.then(act);
    this._turn = done.catch(() => {});
    return done;
  }

  _become(state) {
    if (this.state === state || this.state === "ended") return;
    this.state = state;
    if (state === "talking" && !this.began) this.began = new Date();
    tell(this, "state", state);
    tell(this.phone, "state", this);
  }

  _end(why) {
    if (this.state === "ended") return;
    this.why = why;
    this._become("ended");
    this._pending?.fail(new PhoneError("ended", why.reason));
    this._moved?.(why, new PhoneError("ended", why.reason));
    // What is said by the socket comes first: a connection that closes is a hang-up, too, and the record would tell it as one that broke off.
    later(500).then(() => this.pc?.close());
    this.phone._release(this);
    tell(this, "ended", why);
    tell(this.phone, "ended", this);
  }

  /** Takes a call that rings. */
  async answer() {
    if (this.direction !== "in" || this.state !== "ringing") throw new PhoneError("wrong_state", "it does not ring");
    await this._next(async () => {
      await this._open();
      const sdp = this._sdp ? await this._answerTo(this._sdp) : await this._offer();
      this._say("answer", { sdp });
      this._become("talking");
    }).catch((error) => {
      this.hangup();
      throw error;
    });
  }

  /** Ends it; a call that rings is refused, as busy where `busy` is said. */
  hangup(busy = false) {
    if (this.state === "ended") return;
    this._say("hangup", { busy });
    this._end({ code: "hung_up", reason: "ended here" });
  }

  /** Presses keys, one after the other: with the sound, or beside it where the other side cannot hear them so. */
  press(keys) {
    const dtmf = this.sender?.dtmf;
    if (dtmf?.canInsertDTMF) return dtmf.insertDTMF((dtmf.toneBuffer ?? "") + keys, 160, 70);
    for (const key of keys.replace(/[^0-9*#A-Da-d]/g, "")) this._say("press", { key });
  }

  /** The other party hears nothing of us, and we hear it. */
  mute(muted = true) {
    this.muted = muted;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
    tell(this, "state", this.state);
  }

  /** The other party waits, and hears music where the house has some. */
  hold() {
    return this._direct(true);
  }

  /** It waits no longer. */
  resume() {
    return this._direct(false);
  }

  async _direct(held) {
    if (!this._stands()) throw new PhoneError("wrong_state", "the talk has not begun");
    for (const transceiver of this.pc.getTransceivers()) if (!transceiver.stopped) transceiver.direction = held ? "sendonly" : "sendrecv";
    await this._negotiate();
    this.onHold = held;
    this._become(held ? "held" : "talking");
  }

  /** Finds a new way for the sound, after the network has changed. */
  restart() {
    return this._negotiate({ iceRestart: true }).catch((error) => tell(this, "error", error));
  }

  /** Offers again, and again a little later where both sides offered at once. */
  _negotiate(options) {
    return this._next(async () => {
      for (let tries = 0; ; tries += 1) {
        if (!this._stands()) throw new PhoneError("wrong_state", "the talk is over");
        const sdp = await this._offer(options);
        const answer = new Promise((done, fail) => (this._pending = { done, fail }));
        this._say("offer", { sdp });
        try {
          return await this._answered(await answer);
        } catch (error) {
          if (this.pc.signalingState === "have-local-offer") await this.pc.setLocalDescription({ type: "rollback" });
          if (error.code !== "glare" || tries > 3) throw error;
          await later(300 + 1500 * Math.random());
        } finally {
          this._pending = null;
        }
      }
    });
  }

  /** Hands the other party on: to a number, or to the party of another talk. Settles when that has come out. @param {string|Talk} to */
  transfer(to) {
    return new Promise((done, fail) => {
      this._moved = (told, error) => {
        this._moved = null;
        if (error) fail(error);
        else done(told);
      };
      this._say("transfer", to instanceof Talk ? { with: to.id } : { to });
    });
  }

  /** Sends a text. */
  message(text) {
    this._say("message", { text });
  }

  /** How it sounds here (`mos` is 0 as long as nothing was heard), and `there` what the server says of how it hears us. @returns {Promise<Quality>} */
  async quality() {
    const told = { loss: 0, jitter: 0, rtt: 0, mos: 0, codec: "", received: 0, sent: 0, there: null };
    if (!this.pc) return told;
    const stats = [...(await this.pc.getStats()).values()];
    const of = (type) => stats.findLast((one) => one.type === type && one.kind === "audio");
    const heard = of("inbound-rtp");
    if (heard) {
      told.received = heard.packetsReceived;
      told.loss = Math.max(0, heard.packetsLost) / Math.max(1, told.received + heard.packetsLost);
      told.jitter = heard.jitter ?? 0;
      told.codec = stats.find((one) => one.id === heard.codecId)?.mimeType?.split("/")[1] ?? "";
      this.levels.heard = heard.audioLevel ?? this.levels.heard;
    }
    told.sent = of("outbound-rtp")?.packetsSent ?? 0;
    // Its reports come every few seconds.
    const there = of("remote-inbound-rtp");
    if (there) told.there = { loss: Math.max(0, there.fractionLost ?? 0), jitter: there.jitter ?? 0, mos: 0 };
    this.levels.said = this.muted ? 0 : (of("media-source")?.audioLevel ?? 0);
    told.rtt = stats.findLast((one) => one.type === "candidate-pair" && one.nominated)?.currentRoundTripTime ?? 0;
    // The E-model of ITU-T G.107, shortened to what is known here.
    for (const way of told.there ? [told, told.there] : [told]) {
      const delay = told.rtt * 500 + way.jitter * 2000 + 10;
      const r = 93.2 - delay / 40 - Math.max(0, delay - 177.3) * 0.11 - 30 * Math.log(1 + 15 * way.loss);
      way.mos = Math.min(4.5, Math.max(1, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r)));
    }
    if (!told.received) told.mos = 0;
    return told;
  }

  /** @param {any} told */
  async _hear(told) {
    switch (told.type) {
      case "progress":
        if (told.sdp) await this._answered(told.sdp);
        return this._become(told.state);
      case "answered":
        await this._answered(told.sdp);
        return this._become("talking");
      case "accept":
        if (this._pending) return this._pending.done(told.sdp);
        return this._answered(told.sdp);
      case "offer":
        return this._next(async () => this._say("accept", { sdp: await this._answerTo(told.sdp) })).catch(() =>
          this._say("refuse"),
        );
      case "held":
        return tell(this, "held", (this.isHeld = told.held));
      case "transfer":
        tell(this, "transfer", told);
        if (told.done) this._moved?.(told, told.status >= 300 && new PhoneError("refused", told.reason));
        return;
      case "other":
        [this.other, this.name] = [told.from, told.name ?? ""];
        return tell(this, "other", told.from);
      case "message":
        return tell(this, "message", told.text);
      case "ended":
        return this._end(told.why);
      case "error": {
        const error = fault(told.error);
        if (this._pending) return this._pending.fail(error);
        if (this._moved) this._moved(told, error);
        else if (this.state === "calling") this._end(told.error);
        return tell(this, "error", error);
      }
    }
  }
}

/**
 * A phone. Events, as `phone.on…` and by `addEventListener`: `ring` (a Talk), `connected`, `lost`, `closed` (a PhoneError), `message`,
 * `state` (a Talk), `ended` (a Talk), `error`.
 */
export class Phone extends EventTarget {
  /** @type {Map<string, Talk>} */
  talks = new Map();
  you = null;
  iceServers = [];
  connected = false;
  _said = 0;
  _heard = 0;
  _count = 0;
  _kept = [];

  /** @param {Options} options */
  constructor(options) {
    super();
    this.options = options;
    this._online = () => {
      this._socket?.close(4000, "network");
      for (const talk of this.talks.values()) if (talk._stands()) talk._restart = true;
    };
    globalThis.addEventListener?.("online", this._online);
  }

  _address() {
    const url = new URL(this.options.url ?? import.meta.url, globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (!url.pathname.endsWith("/phone/signal")) url.pathname = "/phone/signal";
    url.hash = url.search = "";
    return url.href;
  }

  /** Connects, or comes back. */
  _connect() {
    return new Promise((done, fail) => {
      const socket = (this._socket = new WebSocket(this._address()));
      let welcomed = false;
      socket.onopen = () => {
        const token = this.options.token || undefined;
        socket.send(JSON.stringify({ type: "hello", version: VERSION, heard: this._heard, token, resume: this._key }));
      };
      socket.onmessage = ({ data }) => {
        if (socket !== this._socket) return;
        const told = JSON.parse(data);
        if (told.type === "welcome") {
          welcomed = true;
          this._welcome(told);
          return done();
        }
        if (told.type === "error" && !told.n) over(fault(told.error));
        else this._hear(told);
      };
      // Whoever is sent away is told why, and does not wait until the socket has closed.
      const over = (error) => {
        if (socket !== this._socket) return;
        this._socket = null;
        socket.close();
        clearInterval(this._pings);
        if (!welcomed) return fail(error);
        this._lost(error);
      };
      socket.onclose = () => over(new PhoneError("lost", "the server cannot be reached"));
    });
  }

  _welcome(told) {
    this.you = told.you;
    this.iceServers = told.ice_servers;
    this._key = told.resume;
    if (told.resumed) {
      // What the server has not heard is said again.
      this._kept = this._kept.filter((words) => words.n > told.heard);
      for (const words of this._kept) this._send(words);
    } else {
      this._said = this._heard = 0;
      this._kept = [];
      this._lose("the connection was interrupted, and the talk ended with it");
    }
    this.connected = true;
    this._pings = setInterval(() => this._send({ type: "ping" }), PING_MS);
    for (const talk of this.talks.values()) {
      if (talk._restart) talk.restart();
      talk._restart = false;
    }
    tell(this, "connected", this.you);
  }

  async _lost(error) {
    this.connected = false;
    if (this._closing) return;
    if (FINAL.has(error.code)) return this._over(error);
    tell(this, "lost", error);
    const since = Date.now();
    for (let wait = 250; !this._closing; wait = Math.min(2 * wait, 10_000)) {
      try {
        return await this._connect();
      } catch (again) {
        if (FINAL.has(again.code) || Date.now() - since > this.options.patience) return this._over(again);
        if (again.code === "closed") this._key = undefined;
      }
      if (Date.now() - since > COME_BACK_MS) this._lose("the connection was lost for too long");
      await later(wait * (0.5 + Math.random()));
    }
  }

  _over(error) {
    this._closing = true;
    this._lose(error.message);
    tell(this, "closed", error);
  }

  _lose(reason) {
    for (const talk of this.talks.values()) talk._end({ code: "lost", reason });
  }

  _send(words) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(words));
  }

  _say(words) {
    const numbered = { ...words, n: (this._said += 1) };
    this._kept.push(numbered);
    if (this._kept.length > KEPT) this._kept.shift();
    if (this.connected) this._send(numbered);
  }

  _hear(told) {
    if (told.n !== undefined) {
      if (told.n <= this._heard) return;
      this._heard = told.n;
    }
    if (told.type === "ring") {
      const talk = new Talk(this, told.talk, told.from, "in");
      talk.name = told.name ?? "";
      talk._sdp = told.sdp;
      this.talks.set(talk.id, talk);
      return tell(this, "ring", talk);
    }
    const talk = told.talk && this.talks.get(told.talk);
    if (talk) return talk._hear(told).catch((error) => tell(talk, "error", error));
    if (told.type === "message") tell(this, "message", told);
    if (told.type === "error" && told.error.code !== "unknown_talk") tell(this, "error", fault(told.error));
  }

  /** Calls somebody. Settles when the call is on its way; what becomes of it is told by its state. @param {string} to @returns {Promise<Talk>} */
  async dial(to) {
    if (!this.you || this._closing) throw new PhoneError("closed", "the phone is not connected");
    const talk = new Talk(this, `out-${(this._count += 1)}-${Date.now().toString(36)}`, String(to), "out");
    this.talks.set(talk.id, talk);
    try {
      await talk._open();
      this._say({ type: "dial", talk: talk.id, to: String(to), sdp: await talk._offer() });
    } catch (error) {
      talk._end({ code: "failed", reason: error.message });
      throw error;
    }
    return talk;
  }

  /** Sends a text to a number. */
  message(to, text) {
    this._say({ type: "message", to, text });
  }

  async _microphone() {
    const wish = this.options.microphone;
    if (wish instanceof MediaStream) return wish.clone();
    if (!navigator.mediaDevices) throw new PhoneError("insecure", "browsers give the microphone to https pages and to localhost only");
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: wish ?? true });
    } catch (error) {
      throw new PhoneError("microphone", `no microphone: ${error.message}`);
    }
  }

  /** What can be heard with and spoken into. */
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const of = (kind) => all.filter((device) => device.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, label }));
    return { microphones: of("audioinput"), speakers: of("audiooutput") };
  }

  /** Speaks by that microphone from now on, also in talks that stand. */
  async useMicrophone(id) {
    this.options.microphone = id ? { deviceId: { exact: id } } : undefined;
    for (const talk of this.talks.values()) {
      if (!talk.sender) continue;
      const stream = await this._microphone();
      const [track] = stream.getAudioTracks();
      track.enabled = !talk.muted;
      await talk.sender.replaceTrack(track);
      for (const old of talk.stream.getTracks()) old.stop();
      talk.stream = stream;
    }
  }

  /** Is heard by that loudspeaker from now on. */
  async useSpeaker(id) {
    this.options.speaker = id;
    for (const talk of this.talks.values()) await talk._audio?.setSinkId?.(id);
  }

  _play(talk) {
    if (this.options.audio === false) return;
    const audio = (talk._audio ??= this.options.audio ?? new Audio());
    audio.autoplay = true;
    audio.srcObject = talk.remote;
    if (this.options.speaker) audio.setSinkId?.(this.options.speaker);
    audio.play?.().catch(() => {});
  }

  _release(talk) {
    this.talks.delete(talk.id);
    for (const track of talk.stream?.getTracks() ?? []) track.stop();
    if (talk._audio) talk._audio.srcObject = null;
  }

  /** Ends every talk and disconnects. */
  close() {
    for (const talk of this.talks.values()) talk.hangup();
    this._closing = true;
    clearInterval(this._pings);
    globalThis.removeEventListener?.("online", this._online);
    this._socket?.close(1000);
  }
}

export const Patchcord = {
  VERSION,
  Phone,
  Talk,
  PhoneError,
  /** Connects to a server. `url` is the server's, and this module's own where it is left out. @param {Options} [options] @returns {Promise<Phone>} */
  async connect(options = {}) {
    const phone = new Phone(options);
    await phone._connect();
    return phone;
  },
  /** One call with a connection of its own, which ends with it. @param {string} to @param {Options} [options] @returns {Promise<Talk>} */
  async call(to, options) {
    const phone = await this.connect(options);
    phone.addEventListener("ended", () => phone.close());
    return phone.dial(to);
  },
};

export default Patchcord;

// JsSIP behind the face that the scenarios drive: window.phone.

import JsSIP from "jssip";
import { Ear, camera, microphone, pictures, report } from "./sound.js";

const pcConfig = { iceServers: [] };

class Phone {
    state = "idle";
    reason = "";
    answers = true;
    texts = [];
    // Changes what is said of our sound.
    twist = (sdp) => sdp;

    async register({ server, user, password, domain }) {
        this.domain = domain;
        this.stream = await microphone();
        this.socket = new JsSIP.WebSocketInterface(server);
        const sockets = [this.socket];
        const uri = `sip:${user}@${domain}`;
        this.agent = new JsSIP.UA({ sockets, uri, password, session_timers: false, connection_recovery_min_interval: 1 });
        this.registrations = 0;
        this.agent.on("registered", () => (this.registrations += 1));
        this.agent.on("newMessage", ({ originator, request }) => {
            if (originator === "remote") this.texts.push(request.body);
        });
        this.agent.on("newRTCSession", ({ originator, session }) => {
            if (originator === "remote") this.ring(session);
        });
        const registered = new Promise((resolve, reject) => {
            this.agent.on("registered", () => resolve(true));
            this.agent.on("registrationFailed", ({ cause }) => reject(new Error(cause)));
        });
        this.agent.start();
        return registered;
    }

    dial(number) {
        this.state = "calling";
        const options = { mediaStream: this.stream, pcConfig };
        const session = this.agent.call(`sip:${number}@${this.domain}`, options);
        this.follow(session);
        this.listen(session.connection);
    }

    // Shows a picture, too, as far as the other side wants that.
    async show(number) {
        this.stream = await camera(this.stream);
        this.dial(number);
    }

    // Has a camera from now on, also for who calls.
    async film() {
        this.stream = await camera(this.stream);
    }

    // Shows a picture in the midst of a talk.
    async showNow() {
        await this.film();
        this.stream.getVideoTracks().forEach((track) => this.connection.addTrack(track, this.stream));
        return new Promise((resolve) => this.session.renegotiate({}, resolve));
    }

    // Has a look at what the other side shows.
    pictures() {
        return pictures(this.connection);
    }

    // Whether it was offered, and what the other side said to that.
    picture() {
        const { localDescription: ours, remoteDescription: theirs } = this.connection;
        const said = ({ sdp }) => /^m=video (\d+)/m.exec(sdp)?.[1] ?? "nothing";
        return `${said(ours) === "0" ? "not offered" : "offered"}, ${said(theirs) === "0" ? "refused" : "taken"}`;
    }

    ring(session) {
        this.state = "ringing";
        this.follow(session);
        session.on("peerconnection", ({ peerconnection }) => this.listen(peerconnection));
        if (this.answers) session.answer({ mediaStream: this.stream, pcConfig });
    }

    follow(session) {
        this.session = session;
        session.on("sdp", (told) => {
            if (told.originator === "local") told.sdp = this.twist(told.sdp);
        });
        session.on("confirmed", () => (this.state = "talking"));
        const over = ({ cause, originator }) => {
            this.state = "over";
            this.reason = `${originator}: ${cause}`;
        };
        session.on("failed", over);
        session.on("ended", over);
    }

    listen(connection) {
        this.connection = connection;
        connection.addEventListener("track", ({ track, streams }) => {
            this.ear = new Ear(streams[0] ?? new MediaStream([track]));
        });
    }

    level(hz) {
        return this.ear ? this.ear.level(hz) : -Infinity;
    }

    report() {
        return report(this.connection);
    }

    press(keys) {
        this.session.sendDTMF(keys, { transportType: "RFC2833" });
    }

    hold() {
        return this.session.hold();
    }

    resume() {
        return this.session.unhold();
    }

    mute(muted) {
        if (muted) this.session.mute({ audio: true });
        else this.session.unmute({ audio: true });
    }

    // Hands the other party on; gives the last status that it is told.
    transfer(number) {
        return this.refer((handlers) => this.session.refer(`sip:${number}@${this.domain}`, handlers));
    }

    // Leaves this talk aside; the next dial() is another one, to which the first may be handed on.
    aside() {
        this.first = this.session;
    }

    transferFirst() {
        const other = this.session;
        return this.refer((handlers) => this.first.refer(other.remote_identity.uri, { ...handlers, replaces: other }));
    }

    refer(begin) {
        return new Promise((resolve) => {
            begin({
                eventHandlers: {
                    accepted: ({ status_line }) => resolve(status_line.status_code),
                    failed: ({ status_line }) => resolve(status_line?.status_code ?? 0),
                    requestFailed: ({ cause }) => resolve(cause),
                },
            });
        });
    }

    text(number, words) {
        return new Promise((resolve) => {
            const eventHandlers = { succeeded: () => resolve(true), failed: ({ cause }) => resolve(cause) };
            this.agent.sendMessage(`sip:${number}@${this.domain}`, words, { eventHandlers });
        });
    }

    loseSocket() {
        this.socket._ws.close();
    }

    // Begins ICE anew, as after a change of the network.
    restart() {
        return this.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
    }

    hangUp() {
        this.session.terminate();
    }
}

window.phone = new Phone();

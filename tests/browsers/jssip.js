// JsSIP behind the face that the scenarios drive: window.phone.

import JsSIP from "jssip";
import { Ear, microphone, report } from "./sound.js";

const pcConfig = { iceServers: [] };

class Phone {
    state = "idle";
    reason = "";
    answers = true;
    // Changes what is said of our sound.
    twist = (sdp) => sdp;

    async register({ server, user, password, domain }) {
        this.domain = domain;
        this.stream = await microphone();
        const sockets = [new JsSIP.WebSocketInterface(server)];
        const uri = `sip:${user}@${domain}`;
        this.agent = new JsSIP.UA({ sockets, uri, password, session_timers: false });
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

    // Begins ICE anew, as after a change of the network.
    restart() {
        return this.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
    }

    hangUp() {
        this.session.terminate();
    }
}

window.phone = new Phone();

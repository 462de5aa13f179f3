// SIP.js behind the face that the scenarios drive: window.phone.

import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "sip.js";
import { Ear, microphone, report } from "./sound.js";

class Phone {
    state = "idle";
    reason = "";
    answers = true;

    async register({ server, user, password, domain }) {
        this.domain = domain;
        this.agent = new UserAgent({
            uri: UserAgent.makeURI(`sip:${user}@${domain}`),
            transportOptions: { server },
            authorizationUsername: user,
            authorizationPassword: password,
            logLevel: "warn",
            sessionDescriptionHandlerFactoryOptions: {
                iceGatheringTimeout: 500,
                peerConnectionConfiguration: { iceServers: [] },
            },
            delegate: { onInvite: (invitation) => this.ring(invitation) },
        });
        await this.agent.start();
        const registerer = new Registerer(this.agent);
        const registered = new Promise((resolve) => {
            registerer.stateChange.addListener((state) => state === RegistererState.Registered && resolve(true));
        });
        await registerer.register();
        return registered;
    }

    options(more = {}) {
        const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
        return { sessionDescriptionHandlerOptions: { constraints: { audio, video: false }, ...more } };
    }

    dial(number) {
        this.state = "calling";
        const session = new Inviter(this.agent, UserAgent.makeURI(`sip:${number}@${this.domain}`), this.options());
        this.follow(session);
        session.invite({ requestDelegate: { onReject: (answer) => (this.reason = answer.message.reasonPhrase) } });
    }

    ring(invitation) {
        this.state = "ringing";
        this.follow(invitation);
        if (this.answers) invitation.accept(this.options());
    }

    follow(session) {
        this.session = session;
        session.delegate = {
            onSessionDescriptionHandler: (handler) => this.listen(handler.peerConnection),
        };
        session.stateChange.addListener((state) => {
            if (state === SessionState.Established) this.state = "talking";
            if (state === SessionState.Terminated) this.state = "over";
        });
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
        this.session.sessionDescriptionHandler.sendDtmf(keys);
    }

    hold() {
        return this.session.invite(this.options({ hold: true }));
    }

    resume() {
        return this.session.invite(this.options({ hold: false }));
    }

    // Begins ICE anew, as after a change of the network.
    restart() {
        return this.session.invite(this.options({ offerOptions: { iceRestart: true } }));
    }

    hangUp() {
        if (this.session.state === SessionState.Established) return this.session.bye();
        return this.session instanceof Inviter ? this.session.cancel() : this.session.reject();
    }
}

window.phone = new Phone();

// SIP.js behind the face that the scenarios drive: window.phone.

import { Inviter, Messager, Registerer, RegistererState, SessionState, UserAgent } from "sip.js";
import { Ear, microphone, report } from "./sound.js";

class Phone {
    state = "idle";
    reason = "";
    answers = true;
    texts = [];
    registrations = 0;

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
            delegate: {
                onInvite: (invitation) => this.ring(invitation),
                onMessage: (message) => {
                    this.texts.push(message.request.body);
                    message.accept();
                },
                // Coming back is left to whoever uses the library.
                onDisconnect: (error) => error && this.agent.reconnect(),
                onConnect: () => this.registerer?.register(),
            },
        });
        await this.agent.start();
        const registerer = (this.registerer = new Registerer(this.agent));
        const registered = new Promise((resolve) => {
            registerer.stateChange.addListener((state) => state === RegistererState.Registered && resolve(true));
        });
        const count = { onAccept: () => (this.registrations += 1) };
        await registerer.register({ requestDelegate: count });
        this.registerer.register = () => Registerer.prototype.register.call(registerer, { requestDelegate: count });
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

    mute(muted) {
        for (const { track } of this.connection.getSenders()) if (track) track.enabled = !muted;
    }

    // Hands the other party on; gives the last status that it is told.
    transfer(number) {
        return this.refer(this.session, UserAgent.makeURI(`sip:${number}@${this.domain}`));
    }

    // Leaves this talk aside; the next dial() is another one, to which the first may be handed on.
    aside() {
        this.first = this.session;
    }

    transferFirst() {
        return this.refer(this.first, this.session);
    }

    refer(session, to) {
        return new Promise((resolve) => {
            const onNotify = (notification) => {
                notification.accept();
                const status = Number(/^SIP\/2.0 (\d+)/.exec(notification.request.body)?.[1]);
                if (status >= 200) resolve(status);
            };
            session.refer(to, { onNotify, requestDelegate: { onReject: ({ message }) => resolve(message.statusCode) } });
        });
    }

    text(number, words) {
        return new Promise((resolve) => {
            const messager = new Messager(this.agent, UserAgent.makeURI(`sip:${number}@${this.domain}`), words);
            const requestDelegate = { onAccept: () => resolve(true), onReject: ({ message }) => resolve(message.statusCode) };
            messager.message({ requestDelegate });
        });
    }

    loseSocket() {
        this.agent.transport._ws.close(4000);
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

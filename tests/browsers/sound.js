// What both phones share: a microphone that nobody filters, and an ear that says how loud a tone is.

export function microphone() {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return navigator.mediaDevices.getUserMedia({ audio });
}

// The same with a camera.
export async function camera(stream) {
    const video = await navigator.mediaDevices.getUserMedia({ video: true });
    return new MediaStream([...stream.getAudioTracks(), ...video.getVideoTracks()]);
}

export class Ear {
    constructor(stream) {
        // Without an element that plays it, Chromium hands a remote stream on as silence.
        this.element = new Audio();
        this.element.srcObject = stream;
        this.element.play();
        this.context = new AudioContext();
        this.analyser = this.context.createAnalyser();
        this.analyser.fftSize = 8192;
        this.analyser.smoothingTimeConstant = 0;
        this.context.createMediaStreamSource(stream).connect(this.analyser);
    }

    // How loud the tone is, in decibels below full scale.
    level(hz) {
        const bins = new Float32Array(this.analyser.frequencyBinCount);
        this.analyser.getFloatFrequencyData(bins);
        const bin = Math.round((hz * this.analyser.fftSize) / this.context.sampleRate);
        return Math.max(...bins.slice(bin - 2, bin + 3));
    }
}

// How many pictures came and could be shown, how large they are and of which codec; and how many went.
export async function pictures(connection) {
    const found = { seen: 0, width: 0, sent: 0, asked: 0, codec: "" };
    const stats = await connection.getStats();
    for (const entry of stats.values()) {
        if (entry.kind !== "video") continue;
        if (entry.type === "inbound-rtp") {
            found.seen += entry.framesDecoded;
            found.width = entry.frameWidth ?? 0;
            found.codec = stats.get(entry.codecId)?.mimeType ?? "";
        }
        if (entry.type === "outbound-rtp") {
            found.sent += entry.framesSent;
            found.asked += entry.pliCount + entry.firCount;
        }
    }
    return found;
}

// What getStats says of the sound that comes and goes.
export async function report(connection) {
    const found = { received: 0, sent: 0, codec: "", lost: 0, roundTrip: null, reports: 0 };
    const stats = await connection.getStats();
    for (const entry of stats.values()) {
        if (entry.kind === "video") continue;
        if (entry.type === "inbound-rtp") {
            found.received = entry.packetsReceived;
            found.lost = entry.packetsLost;
            found.codec = stats.get(entry.codecId)?.mimeType ?? "";
        }
        if (entry.type === "outbound-rtp") found.sent = entry.packetsSent;
        if (entry.type === "remote-inbound-rtp") {
            found.reports += 1;
            found.roundTrip = entry.roundTripTime ?? null;
        }
    }
    return found;
}

//! How long it takes from a click in Chromium until something is heard. Figures to be read, never judged: the machine decides.

use serde_json::Value;

use crate::page_phones::dashboard;
use crate::pages::house_of;
use crate::setup;

/// Says how often it is called; twice where it says nothing, which shows that the measuring works.
const CALLS: &str = "PATCHCORD_CALLS";

/// Gives `first(number)`: milliseconds from the call to the first sample that is no silence, and from the offer to its answer; and
/// `microphone()`: those of the page's own microphone, with nothing else.
const WATCH: &str = "window.context = new AudioContext();
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
        if (String(text).includes('\"dial\"')) window.offered = performance.now();
        return send.call(this, text);
    };
    phone._socket.addEventListener('message', (told) => {
        if (String(told.data).includes('\"answered\"')) window.answer = performance.now() - offered;
    });
    window.first = async (number) => {
        const began = performance.now();
        const dialled = phone.dial(number);
        const samples = new Float32Array(256);
        for (let ear; ; await new Promise((done) => setTimeout(done, 1))) {
            const talk = [...phone.talks.values()][0];
            if (talk?.remote && !ear) {
                ear = Object.assign(context.createAnalyser(), { fftSize: 256 });
                context.createMediaStreamSource(talk.remote).connect(ear);
            }
            ear?.getFloatTimeDomainData(samples);
            if (samples.some((sample) => Math.abs(sample) > 0.005)) break;
        }
        const took = performance.now() - began;
        const talk = await dialled;
        const over = new Promise((done) => (talk.onended = done));
        talk.hangup();
        await over;
        return [took, answer];
    };
    window.microphone = async () => {
        const began = performance.now();
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        const took = performance.now() - began;
        stream.getTracks().forEach((track) => track.stop());
        return took;
    };
    true";

fn median(mut all: Vec<f64>) -> (f64, f64, f64) {
    all.sort_by(f64::total_cmp);
    (all[0], all[all.len() / 2], all[all.len() - 1])
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("milliseconds")
}

#[tokio::test]
async fn from_the_click_to_the_first_sound() {
    let (_server, door) = house_of(setup()).await;
    let mut page = dashboard(&door).await;
    page.run(WATCH).await;
    let (mut sound, mut answer, mut microphone) = (Vec::new(), Vec::new(), Vec::new());
    let calls = std::env::var(CALLS).map_or(2, |calls| calls.parse().expect("a number of calls"));
    for _ in 0..calls {
        microphone.push(number(&page.run("microphone()").await));
        let told = page.run("first('9197')").await;
        sound.push(number(&told[0]));
        answer.push(number(&told[1]));
    }
    for (what, all) in [("click to sound", sound), ("offer to answer", answer), ("microphone alone", microphone)] {
        let (least, median, most) = median(all);
        println!("{what}: median {median:.0} ms of {calls} ({least:.0} to {most:.0})");
    }
}

//! A browser that is none of ours and no process either: what a page would say, and beneath it the `webrtc` crate, whose
//! descriptions, ICE, DTLS and SRTP are other people's. It has the mouth and the ear of the lab's phones.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use patchcord_media::codec::Kind;
use patchcord_media::dtmf::Key;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::shared::marshal::{Marshal, Unmarshal};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
};

use crate::clock;
use crate::sound::ear::Ear;
use crate::sound::hearing::Hearing;
use crate::sound::mouth::Mouth;
use crate::sound::speech::Speech;
use crate::sound::voice::Voice;
use crate::wait::{PATIENCE, eventually};

/// How long a key is pressed.
const PRESS: Duration = Duration::from_millis(100);

/// How long a piece of what is heard is looked at.
const PIECE: Duration = Duration::from_millis(200);

/// A frame of sound.
const FRAME: Duration = Duration::from_millis(20);

/// A tone that is louder than this is there.
const AUDIBLE_DBM0: f32 = -35.0;

/// One browser, connected as a page is, with one talk at a time.
pub struct Native {
    socket: WebSocketStream<TcpStream>,
    heard: VecDeque<Value>,
    voice: Voice,
    codec: Kind,
    talks: u32,
    talk: Option<Talk>,
}

/// A talk, and what carries it.
struct Talk {
    name: String,
    /// All that the crate does for this talk is done there, so that it can vanish at once.
    network: Option<Runtime>,
    connection: Arc<dyn PeerConnection>,
    ends: Arc<Ends>,
    gathered: watch::Receiver<bool>,
    state: watch::Receiver<RTCPeerConnectionState>,
    speaks: JoinHandle<()>,
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.speaks.abort();
        // Whatever runs there ends where it is, without a last word.
        if let Some(network) = self.network.take() {
            network.shutdown_background();
        }
    }
}

/// What speaks, and what hears.
struct Ends {
    mouth: Mutex<Mouth>,
    ear: Mutex<Ear>,
}

impl Ends {
    fn mouth(&self) -> MutexGuard<'_, Mouth> {
        self.mouth.lock().expect("nobody panics while it speaks")
    }

    fn ear(&self) -> MutexGuard<'_, Ear> {
        self.ear.lock().expect("nobody panics while it listens")
    }
}

/// What the connection tells of itself.
struct Teller {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    ends: Arc<Ends>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Teller {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let ends = Arc::clone(&self.ends);
        tokio::spawn(async move {
            let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                let bytes = packet.marshal().expect("a packet that was read can be written");
                ends.ear().hear(&bytes, nowhere, clock::now());
            }
        });
    }
}

impl Native {
    /// Connects to a server's pages as the person whose cookie that is, and says hello.
    pub async fn connect(web: SocketAddr, cookie: &str, voice: Voice, codec: Kind) -> Self {
        let stream = TcpStream::connect(web).await.expect("the door answers");
        let mut request = format!("ws://{web}/phone/signal").into_client_request().expect("an address");
        request.headers_mut().insert("cookie", cookie.parse().expect("a value"));
        let (socket, _) = client_async(request, stream).await.expect("upgraded");
        let mut browser = Self { socket, heard: VecDeque::new(), voice, codec, talks: 0, talk: None };
        browser.say(json!({ "type": "hello", "version": 1 })).await;
        browser.told("welcome").await;
        browser
    }

    /// The tone that it says.
    pub fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Calls, and waits until it is answered.
    pub async fn dial(&mut self, number: &str) {
        self.asks_for(number).await;
        let answered = self.told("answered").await;
        self.settle(text_of(&answered, "sdp")).await;
    }

    /// Calls a number that does not answer; the reason's code.
    pub async fn refused(&mut self, number: &str) -> String {
        self.asks_for(number).await;
        self.is_over().await
    }

    /// Waits for a ring and answers it; gives back who calls.
    pub async fn answers(&mut self) -> String {
        self.answers_with(|_| Vec::new()).await
    }

    /// The same at once and without its addresses, each of which follows as it is found.
    pub async fn answers_and_trickles(&mut self) -> String {
        let later = |answer: &mut String| {
            let (candidates, rest): (Vec<_>, Vec<_>) =
                answer.lines().partition(|line| line.starts_with("a=candidate:"));
            let candidates = candidates.iter().map(|line| line.trim_start_matches("a=").to_owned()).collect();
            let rest = rest.iter().filter(|line| !line.starts_with("a=end-of-candidates"));
            *answer = rest.map(|line| format!("{line}\r\n")).collect();
            candidates
        };
        self.answers_with(later).await
    }

    async fn answers_with(&mut self, later: impl FnOnce(&mut String) -> Vec<String>) -> String {
        let ring = self.told("ring").await;
        let name = text_of(&ring, "talk").to_owned();
        let talk = self.begin(name.clone()).await;
        let offer = with_keys_of(self.codec, text_of(&ring, "sdp"));
        let offer = RTCSessionDescription::offer(offer).expect("an offer that is understood");
        talk.connection.set_remote_description(offer).await.expect("an offer that can be taken");
        let answer = talk.connection.create_answer(None).await.expect("an answer");
        let mut answer = talk.describe(answer).await;
        talk.agree(&answer, self.codec);
        self.talk = Some(talk);
        let candidates = later(&mut answer);
        self.say(json!({ "type": "answer", "talk": name, "sdp": answer })).await;
        for candidate in candidates {
            self.say(json!({ "type": "candidate", "talk": name, "candidate": candidate })).await;
        }
        text_of(&ring, "from").to_owned()
    }

    /// Begins ICE anew in the middle of its talk, as after a change of its network.
    pub async fn restarts(&mut self) {
        let talk = self.talk();
        let options = RTCOfferOptions { ice_restart: true };
        let offer = talk.connection.create_offer(Some(options)).await.expect("another offer");
        let (name, offer) = (talk.name.clone(), talk.describe(offer).await);
        self.say(json!({ "type": "offer", "talk": name, "sdp": offer })).await;
        let accept = self.told("accept").await;
        self.settle(text_of(&accept, "sdp")).await;
    }

    /// Waits until ICE and DTLS have found and proved the other side.
    pub async fn is_connected(&mut self) {
        let mut state = self.talk().state.clone();
        let connected = state.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        let came = timeout(PATIENCE, connected).await;
        let last = *self.talk().state.borrow();
        assert!(came.is_ok_and(|came| came.is_ok()), "it never was connected, but {last}");
    }

    /// Waits until this tone is heard.
    pub async fn comes_to_hear(&mut self, hz: u32) {
        let ends = Arc::clone(&self.talk().ends);
        eventually(&format!("the native browser hears {hz} Hz"), async || {
            let heard = {
                let ear = ends.ear();
                let (tape, now) = (ear.tape(), clock::now());
                let (to, length) = (tape.place(now), u64::from(tape.rate().hz()) * PIECE.as_millis() as u64 / 1000);
                Hearing::new(tape.rate(), tape.stretch(to.saturating_sub(length), to), Vec::new())
            };
            (heard.tone(hz.into()) > AUDIBLE_DBM0).then_some(())
        })
        .await;
    }

    /// Presses keys, as events beside its sound.
    pub async fn presses(&mut self, keys: &str) {
        let keys: Vec<Key> = keys.chars().map(|key| Key::of_char(key).expect("a key of a telephone")).collect();
        self.talk().ends.mouth().press_events(&keys, PRESS);
    }

    /// The keys that the other side pressed, as events.
    pub async fn is_pressed(&mut self, keys: &str) {
        let ends = Arc::clone(&self.talk().ends);
        eventually(&format!("the native browser is pressed {keys}"), async || {
            let pressed: String = ends.ear().pressed.iter().map(|press| press.key.as_char()).collect();
            (pressed == keys).then_some(())
        })
        .await;
    }

    /// Loses its network for good, in the middle of its talk: no word, no sound and no check come from there any more. What it was
    /// told by the page's socket, it goes on to hear.
    pub fn vanishes(&mut self) {
        drop(self.talk.take().expect("it is in a talk"));
    }

    /// Ends its talk.
    pub async fn hangs_up(&mut self) {
        let talk = self.talk.take().expect("it is in a talk");
        self.say(json!({ "type": "hangup", "talk": talk.name })).await;
        talk.connection.close().await.expect("it closes");
        self.told("ended").await;
    }

    /// Waits until its talk was ended; the reason's code.
    pub async fn is_over(&mut self) -> String {
        let ended = self.told("ended").await;
        if let Some(talk) = self.talk.take() {
            talk.connection.close().await.expect("it closes");
        }
        text_of(&ended["why"], "code").to_owned()
    }

    fn talk(&self) -> &Talk {
        self.talk.as_ref().expect("it is in a talk")
    }

    async fn asks_for(&mut self, number: &str) {
        self.talks += 1;
        let name = format!("native{}", self.talks);
        let talk = self.begin(name.clone()).await;
        let offer = talk.connection.create_offer(None).await.expect("an offer");
        let offer = talk.describe(offer).await;
        self.talk = Some(talk);
        self.say(json!({ "type": "dial", "talk": name, "to": number, "sdp": offer })).await;
    }

    async fn settle(&mut self, answer: &str) {
        let talk = self.talk();
        let described = RTCSessionDescription::answer(answer.to_owned()).expect("an answer that is understood");
        talk.connection.set_remote_description(described).await.expect("an answer that fits");
        talk.agree(answer, self.codec);
    }

    async fn begin(&self, name: String) -> Talk {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("chance");
        let mut mouth = Mouth::new(Speech::Tone(self.voice.clone()), u64::from_ne_bytes(random));
        mouth.turn_to(Some(SocketAddr::from(([127, 0, 0, 1], 9))));
        let ssrc = mouth.ssrc();
        let ear = Ear::new(self.codec.rate(), clock::now());
        let ends = Arc::new(Ends { mouth: Mutex::new(mouth), ear: Mutex::new(ear) });
        let (gathered, is_gathered) = watch::channel(false);
        let (tells, state) = watch::channel(RTCPeerConnectionState::New);
        let teller = Teller { gathered, state: tells, ends: Arc::clone(&ends) };
        let building = PeerConnectionBuilder::new()
            .with_media_engine(engine(self.codec))
            .with_setting_engine(SettingEngineBuilder::new().with_include_loopback_candidate(true).build())
            .with_handler(Arc::new(teller))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build();
        // Twenty kilobytes of its own, which need not be part of all that waits for it.
        let network = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let connection = network.spawn(Box::pin(building)).await.expect("it is built").expect("a connection");
        let track = Arc::new(TrackLocalStaticRTP::new(microphone(self.codec, ssrc)));
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await.expect("a microphone");
        // A microphone of one codec would be described with that codec alone, and keys are another one.
        for transceiver in connection.get_transceivers().await {
            transceiver.set_codec_preferences(known(self.codec)).await.expect("codecs that the engine knows");
        }
        let speaks = tokio::spawn(speak(Arc::clone(&ends), track, state.clone()));
        Talk { name, network: Some(network), connection, ends, gathered: is_gathered, state, speaks }
    }

    async fn say(&mut self, words: Value) {
        self.socket.send(Message::text(words.to_string())).await.expect("said");
    }

    /// The next message of that kind; others wait.
    async fn told(&mut self, kind: &str) -> Value {
        if let Some(at) = self.heard.iter().position(|heard| heard["type"] == kind) {
            return self.heard.remove(at).expect("it is there");
        }
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await;
            let next = next.unwrap_or_else(|_| panic!("no {kind} came, but {:?}", self.heard));
            match next {
                Some(Ok(Message::Text(text))) => {
                    let heard: Value = serde_json::from_str(&text).expect("JSON");
                    if heard["type"] == kind {
                        return heard;
                    }
                    self.heard.push_back(heard);
                }
                Some(Ok(_)) => {}
                other => panic!("no {kind} came, but {:?} and {other:?}", self.heard),
            }
        }
    }
}

impl Talk {
    /// Makes a description of ours the one that holds, and gives it back with every candidate in it.
    async fn describe(&self, description: RTCSessionDescription) -> String {
        self.connection.set_local_description(description).await.expect("a description of its own");
        let mut gathered = self.gathered.clone();
        timeout(PATIENCE, gathered.wait_for(|whole| *whole)).await.expect("it finds its addresses").expect("it lives");
        self.connection.local_description().await.expect("it has described itself").sdp
    }

    /// Speaks and hears as an answer says.
    fn agree(&self, answer: &str, codec: Kind) {
        let sound = number(answer, name(codec), codec.clock_hz());
        let sound = sound.unwrap_or_else(|| panic!("{} was agreed on: {answer}", name(codec)));
        let keys = number(answer, "telephone-event", codec.clock_hz()).map(|number| (number, codec.clock_hz()));
        self.ends.mouth().agree(Some((sound, codec)), keys);
        self.ends.ear().agree(&[(sound, codec)], keys);
    }
}

/// Says what the mouth says, once there is somebody.
async fn speak(ends: Arc<Ends>, track: Arc<TrackLocalStaticRTP>, mut state: watch::Receiver<RTCPeerConnectionState>) {
    if state.wait_for(|state| *state == RTCPeerConnectionState::Connected).await.is_err() {
        return;
    }
    let (mut rhythm, mut bytes) = (interval(FRAME), Vec::new());
    loop {
        rhythm.tick().await;
        bytes.clear();
        if ends.mouth().frame(&mut bytes, clock::now()).is_none() {
            continue;
        }
        let packet = Packet::unmarshal(&mut bytes.as_slice()).expect("the lab writes packets");
        if track.write_rtp(packet).await.is_err() {
            return;
        }
    }
}

/// What it knows of codecs.
fn engine(codec: Kind) -> MediaEngine {
    let mut engine = MediaEngine::default();
    for codec in known(codec) {
        engine.register_codec(codec, RtpCodecKind::Audio).expect("a codec of sound");
    }
    engine
}

/// The codec that it is to speak, and keys under the same clock.
fn known(codec: Kind) -> Vec<RTCRtpCodecParameters> {
    let keys = RTCRtpCodec {
        mime_type: "audio/telephone-event".to_owned(),
        clock_rate: codec.clock_hz(),
        channels: 0,
        sdp_fmtp_line: "0-15".to_owned(),
        rtcp_feedback: Vec::new(),
    };
    let sound =
        RTCRtpCodecParameters { rtp_codec: described(codec), payload_type: if codec == Kind::Opus { 111 } else { 0 } };
    vec![sound, RTCRtpCodecParameters { rtp_codec: keys, payload_type: 110 }]
}

fn described(codec: Kind) -> RTCRtpCodec {
    let (channels, sdp_fmtp_line) =
        if codec == Kind::Opus { (2, "minptime=10;useinbandfec=1".to_owned()) } else { (0, String::new()) };
    let mime_type = format!("audio/{}", name(codec));
    RTCRtpCodec { mime_type, clock_rate: codec.clock_hz(), channels, sdp_fmtp_line, rtcp_feedback: Vec::new() }
}

fn microphone(codec: Kind, ssrc: u32) -> MediaStreamTrack {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: described(codec),
        ..Default::default()
    };
    let names = ["lab", "microphone", "microphone"].map(str::to_owned);
    let [stream, track, label] = names;
    MediaStreamTrack::new(stream, track, label, RtpCodecKind::Audio, vec![coding])
}

fn name(codec: Kind) -> &'static str {
    match codec {
        Kind::Opus => "opus",
        Kind::Pcmu => "PCMU",
        other => panic!("no browser speaks {other:?} here"),
    }
}

/// The payload type of a codec in a description.
fn number(description: &str, name: &str, clock_hz: u32) -> Option<u8> {
    description.lines().find_map(|line| {
        let (number, codec) = line.trim().strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let mut words = codec.split('/');
        let fits = words.next()?.eq_ignore_ascii_case(name) && words.next()?.parse() == Ok(clock_hz);
        fits.then(|| number.parse().ok()).flatten()
    })
}

/// An offer without the events of other clocks than the codec's: the crate tells events apart by their name alone, and would
/// answer with the first of them.
fn with_keys_of(codec: Kind, offer: &str) -> String {
    let fits = format!("telephone-event/{}", codec.clock_hz());
    let number_of = |line: &str| {
        let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        (name.starts_with("telephone-event/") && name.trim() != fits).then(|| number.to_owned())
    };
    let others: Vec<String> = offer.lines().filter_map(number_of).collect();
    let mut kept = String::new();
    for line in offer.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if line.starts_with("m=") {
            let formats = words.iter().skip(3).filter(|format| !others.iter().any(|other| other == *format));
            kept += &words.iter().take(3).chain(formats).copied().collect::<Vec<_>>().join(" ");
        } else if others.iter().any(|other| words[0].split(':').nth(1) == Some(other)) {
            continue;
        } else {
            kept += line;
        }
        kept += "\r\n";
    }
    kept
}

fn text_of<'a>(message: &'a Value, field: &str) -> &'a str {
    message[field].as_str().unwrap_or_else(|| panic!("no {field} in {message}"))
}

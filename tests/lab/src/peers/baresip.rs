//! baresip 1.0 without a sound card: an account in a folder of its own, watched until it says how registering went. One that
//! answers speaks a tone; one that calls keeps what it hears in a file as well.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use patchcord_media::frame::Rate;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Account, Verdict, pause};
use crate::call::Keypad;
use crate::process::{Ended, Process};
use crate::sound::{hearing::Hearing, wav};
use crate::wait::eventually;

/// Where distributions put its modules, the most usual first.
const MODULES: [&str; 2] = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
/// Between refreshes, as its account file says it; longer than any test.
const REFRESH_S: u32 = 600;
/// Bytes of a second of what it hears in G.711, as it writes it.
const SECOND: u64 = 16_000;

/// A running baresip.
pub struct Baresip {
    process: Process,
    /// Where it calls.
    server: SocketAddr,
    /// Calls that it has made.
    calls: usize,
    folder: TempDir,
}

impl Baresip {
    /// Starts it with this account; it registers by itself.
    pub fn start(account: &Account<'_>) -> Self {
        Self::start_with(account, "", "")
    }

    /// The same, answering each call by itself, speaking a tone of that frequency all the time.
    pub fn answering(account: &Account<'_>, hz: u32) -> Self {
        let sound = "module g711.so\nmodule ausine.so\nmodule aubridge.so\nausrc_srate 48000\nausrc_channels 2\n";
        let devices = format!("audio_source ausine,{hz}\naudio_player aubridge,nobody\n");
        Self::start_with(account, &(sound.to_owned() + &devices), ";answermode=auto")
    }

    /// The same, showing pictures of VP8 that it makes itself to whoever wants some.
    pub fn filming(account: &Account<'_>, hz: u32) -> Self {
        Self::filming_with(account, hz, "", "")
    }

    /// The same, taking only calls whose sound and pictures are protected by keys in the description.
    pub fn filming_safely(account: &Account<'_>, hz: u32) -> Self {
        Self::filming_with(account, hz, "module srtp.so\n", ";mediaenc=srtp-mand")
    }

    fn filming_with(account: &Account<'_>, hz: u32, more: &str, habits: &str) -> Self {
        let sound = "module g711.so\nmodule ausine.so\nmodule aubridge.so\nausrc_srate 48000\nausrc_channels 2\n";
        let pictures = "module vp8.so\nmodule fakevideo.so\nvideo_source fakevideo,nil\nvideo_display fakevideo,nil\n\
                        video_size 320x240\nvideo_fps 10\nvideo_bitrate 300000\n";
        let devices = format!("audio_source ausine,{hz}\naudio_player aubridge,nobody\n");
        Self::start_with(
            account,
            &(sound.to_owned() + pictures + more + &devices),
            &format!(";answermode=auto{habits}"),
        )
    }

    /// One that calls, pressing keys beside the sound or as INFO, speaks a tone of that frequency all the time and keeps what it
    /// hears.
    pub fn calling(account: &Account<'_>, hz: u32, keypad: Keypad) -> Self {
        let sound = "module stdio.so\nmodule g711.so\nmodule sndfile.so\nmodule ausine.so\nmodule aubridge.so\n\
                     ausrc_srate 48000\nausrc_channels 2\n";
        let devices = format!("audio_source ausine,{hz}\naudio_player aubridge,nobody\n");
        let keys = if keypad == Keypad::Events { ";dtmfmode=rtpevent" } else { ";dtmfmode=info" };
        Self::start_with(account, &(sound.to_owned() + &devices), keys)
    }

    fn start_with(account: &Account<'_>, sound: &str, habits: &str) -> Self {
        let folder = TempDir::with_prefix("baresip-").expect("a folder for baresip");
        let modules =
            MODULES.into_iter().find(|path| Path::new(path).is_dir()).expect("baresip's modules are installed");
        let listen = if account.server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        // No module for a sound card, no terminal: what is left registers and talks SIP. An account may only name what was loaded
        // before it.
        let heard = folder.path().display();
        let config = format!(
            "module_path {modules}\nsip_listen {listen}\nsnd_path {heard}\n{sound}module account.so\nmodule menu.so\n"
        );
        let Account { carrier, server, user, password } = account;
        let transport = carrier.name().to_lowercase();
        let line =
            format!("<sip:{user}@{server};transport={transport}>;auth_pass={password};regint={REFRESH_S}{habits}\n");
        for (name, text) in [("config", config), ("accounts", line), ("contacts", String::new())] {
            fs::write(folder.path().join(name), text).expect("a file in baresip's folder");
        }
        // Its output is a pipe here and would be kept back until it ends.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg("-eL").arg("baresip").arg("-f").arg(folder.path());
        command.arg(if server.is_ipv4() { "-4" } else { "-6" });
        Self { process: Process::start("baresip", &mut command), server: *server, calls: 0, folder }
    }

    /// Waits for what it says about its registration.
    pub async fn verdict(&mut self) -> Verdict {
        let question = |line: &str| match line {
            line if line.contains("} 200 OK") => Some(Verdict::Registered),
            // `reg: sip:alice@192.0.2.1:5060: 403 Forbidden ()`, or a word of the system in place of the status.
            line if line.contains("reg: sip:") => {
                let status = line.split(": ").find_map(|part| part.split(' ').next()?.parse().ok());
                Some(status.map_or(Verdict::Unreachable, Verdict::Refused))
            }
            _ => None,
        };
        self.process.line("whether it is registered", question).await
    }

    /// Calls a number, and waits until it is answered.
    pub async fn dial(&mut self, number: &str) {
        self.process.type_line(&format!("/dial sip:{number}@{};transport=udp", self.server)).await;
        self.calls += 1;
        let calls = self.calls;
        self.process.times("the call is answered", "Call established", calls).await;
    }

    /// Presses keys, one after the other.
    pub async fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.process.type_line(&format!("/sndcode {key}")).await;
            pause().await;
        }
    }

    /// Waits until it has heard two seconds of its call, whatever they are.
    pub async fn listens(&self) {
        eventually("baresip hears something", async || {
            let heard = fs::metadata(self.file()?).ok()?;
            (heard.len() > 2 * SECOND).then_some(())
        })
        .await;
    }

    /// Sends silence in place of its tone from now on, or its tone again.
    pub async fn turns_its_microphone_off_or_on(&mut self) {
        self.process.type_line("/mute").await;
    }

    /// Puts the other side on hold.
    pub async fn holds(&mut self) {
        self.process.type_line("/hold").await;
    }

    /// Takes it back.
    pub async fn resumes(&mut self) {
        self.process.type_line("/resume").await;
    }

    /// Has the other side call that number.
    pub async fn transfers_to(&mut self, number: &str) {
        self.process.type_line(&format!("/transfer sip:{number}@{}", self.server)).await;
    }

    /// What it hears in the half second that comes.
    pub async fn hears(&self) -> Hearing {
        let length = || self.file().and_then(|file| fs::metadata(file).ok()).map_or(0, |about| about.len());
        let before = length();
        eventually("baresip hears something", async || (length() > before + SECOND / 2).then_some(())).await;
        let bytes = self.file().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        // How long it is does not stand in its head yet.
        let sound = &bytes[bytes.len().saturating_sub(SECOND as usize / 2) & !1..];
        let samples = sound.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
        Hearing::new(Rate::Narrow, samples, Vec::new())
    }

    /// Ends its call; gives back what it heard in it.
    pub async fn hangs_up(&mut self) -> Hearing {
        self.process.type_line("/hangup").await;
        let calls = self.calls;
        self.process.times("the call is over", "terminated (duration", calls).await;
        // How long the file is stands in its head when it is closed.
        eventually("baresip has kept what it heard", async || {
            let heard = wav::read(&self.file()?, 0);
            (!heard.samples.is_empty()).then(|| Hearing::new(heard.rate, heard.samples, Vec::new()))
        })
        .await
    }

    /// Where it keeps what it hears in its last call: its files are named by the time.
    fn file(&self) -> Option<PathBuf> {
        let files = fs::read_dir(self.folder.path()).expect("baresip's folder").filter_map(Result::ok);
        files.map(|file| file.path()).filter(|path| path.to_string_lossy().ends_with("-dec.wav")).max()
    }

    /// Ends it as a person would; it takes its binding back first.
    pub async fn quit(self) -> Ended {
        self.process.signal("TERM").await;
        self.process.end().await
    }
}

//! linphone 5 without a sound card: its daemon is told to register and watched until its account changes state. What it says is
//! a file.

use std::{cell::Cell, f64::consts::TAU, fs, net::SocketAddr};

use patchcord_media::frame::Rate;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Account, Verdict, pause};
use crate::call::Keypad;
use crate::process::{Ended, Process};
use crate::sound::wav;

/// Ports chosen by the system, and certificates of nobody in particular accepted.
const CONFIG: &str = "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nverify_server_certs=0\n\
                      verify_server_cn=0\nguess_hostname=0\n";

/// How loud it speaks, of a full wave.
const LOUDNESS: f64 = 0.4;
/// How long it speaks, in seconds: longer than anybody listens.
const SPOKEN: u32 = 20;

/// A running linphone daemon.
pub struct Linphone {
    process: Process,
    /// Where it calls.
    server: SocketAddr,
    /// Calls that it has made.
    calls: usize,
    /// How often it has held one.
    holds: usize,
    folder: TempDir,
}

impl Linphone {
    /// Starts it and tells it to register with this account.
    pub async fn start(account: &Account<'_>) -> Self {
        Self::start_with_keys(account, Keypad::Events).await
    }

    /// The same, pressing keys beside the sound or as INFO.
    pub async fn start_with_keys(account: &Account<'_>, keypad: Keypad) -> Self {
        let folder = TempDir::with_prefix("linphone-").expect("a folder for linphone");
        // Without this folder its database cannot be opened, and then it never starts to work, silently.
        fs::create_dir_all(folder.path().join(".local/share/linphone")).expect("linphone's own folder");
        let config = folder.path().join("linphonerc");
        let keys = if keypad == Keypad::Events { "use_rfc2833=1\nuse_info=0\n" } else { "use_rfc2833=0\nuse_info=1\n" };
        fs::write(&config, format!("{CONFIG}{keys}")).expect("linphone's configuration");
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg("linphone-daemon").arg("--config").arg(&config).arg("--log").arg("/dev/stdout");
        command.env("HOME", folder.path()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        let mut process = Process::start("linphone", &mut command);
        let Account { carrier, server, user, password } = account;
        let transport = carrier.name().to_lowercase();
        let order = format!("register sip:{user}@{server} <sip:{server};transport={transport}> {password}");
        process.type_line(&order).await;
        Self { process, server: *server, calls: 0, holds: 0, folder }
    }

    /// Waits for what it says about its registration.
    pub async fn verdict(&mut self) -> Verdict {
        let last = Cell::new(Verdict::Unreachable);
        let question = |line: &str| match line {
            line if line.contains("to [LinphoneRegistrationOk]") => Some(Verdict::Registered),
            line if line.contains("to [LinphoneRegistrationFailed]") => Some(last.get()),
            // Its log shows each message; what decides is the last answer before its account changes state.
            line => {
                let status = line.strip_prefix("SIP/2.0 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
                last.set(status.map_or(last.get(), Verdict::Refused));
                None
            }
        };
        self.process.line("whether it is registered", question).await
    }

    /// Calls a number, and waits until it is answered.
    pub async fn dial(&mut self, number: &str) {
        self.process.type_line(&format!("call sip:{number}@{}", self.server)).await;
        self.calls += 1;
        let calls = self.calls;
        // Other changes name the same state: a call that ends, one that is held.
        self.process.times("the call is answered", "LinphoneCallConnected to LinphoneCallStreamsRunning", calls).await;
    }

    /// Presses keys, one after the other.
    pub async fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.process.type_line(&format!("dtmf {key}")).await;
            pause().await;
        }
    }

    /// Says a tone of that frequency in its call.
    pub async fn says(&mut self, hz: u32) {
        let path = self.folder.path().join("tone.wav");
        let sample = |number: u32| {
            let sine = (TAU * f64::from(hz) * f64::from(number) / f64::from(Rate::Narrow.hz())).sin();
            (sine * LOUDNESS * f64::from(i16::MAX)) as i16
        };
        wav::write(&path, Rate::Narrow, &(0..SPOKEN * Rate::Narrow.hz()).map(sample).collect::<Vec<_>>());
        self.process.type_line(&format!("incall-player-start {}", path.display())).await;
    }

    /// Puts the other side of its call on hold, and waits until it says that this is so.
    pub async fn holds(&mut self) {
        self.process.type_line("call-pause").await;
        self.holds += 1;
        self.process.times("it is held", "LinphoneCallPausing to LinphoneCallPaused", self.holds).await;
    }

    /// Takes it back; asked for anything before that is done, it refuses.
    pub async fn resumes(&mut self) {
        self.process.type_line(&format!("call-resume {}", self.calls)).await;
        let holds = self.holds;
        self.process.times("it goes on", "LinphoneCallResuming to LinphoneCallStreamsRunning", holds).await;
    }

    /// Has the other side call that number.
    pub async fn transfers_to(&mut self, number: &str) {
        self.process.type_line(&format!("call-transfer {} sip:{number}@{}", self.calls, self.server)).await;
    }

    /// Lets all that it talks with hear each other through it: its ears are theirs.
    pub async fn joins_its_calls(&mut self) {
        for call in 1..=self.calls {
            self.process.type_line(&format!("conference add {call}")).await;
            pause().await;
        }
    }

    /// Ends its only call; gives back how many packets of sound have come in it.
    pub async fn counts(&mut self) -> u64 {
        self.hangs_up().await;
        let question = |line: &str| line.split("received  ").nth(1)?.trim().strip_suffix(" packets")?.parse().ok();
        self.process.line("how many packets have come", question).await
    }

    /// Ends its last call.
    pub async fn hangs_up(&mut self) {
        self.process.type_line(&format!("terminate {}", self.calls)).await;
        let calls = self.calls;
        self.process.times("the call is over", "to LinphoneCallReleased", calls).await;
    }

    /// Ends it as a person would; it takes its binding back first.
    pub async fn quit(mut self) -> Ended {
        self.process.type_line("unregister ALL").await;
        let gone = |line: &str| line.contains("from state [LinphoneRegistrationOk] to").then_some(());
        self.process.line("that it has unregistered", gone).await;
        self.process.type_line("quit").await;
        self.process.end().await
    }
}

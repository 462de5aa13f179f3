//! SIPp as a crowd of phones: registers many accounts over UDP or TCP with MD5, and counts how it went.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::line::Carrier;
use crate::process::Process;

/// Ten thousand registrations at the rate below, and as long again.
const MOST: Duration = Duration::from_secs(60);
/// New registrations a second; a debug build on two cores answers that many and has time for others.
const RATE: u32 = 1000;

/// Where these phones say that they listen: not where they speak from, or their bindings would die with SIPp's connection.
const CONTACT_PORT: u16 = 5090;

/// What SIPp counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SippCount {
    /// Accounts that were answered 200.
    pub successful: usize,
    /// All others.
    pub failed: usize,
}

/// SIPp with a list of accounts.
pub struct Sipp {
    carrier: Carrier,
    server: SocketAddr,
    folder: TempDir,
    accounts: usize,
}

impl Sipp {
    /// Puts the accounts where SIPp finds them. It has no TLS in Debian.
    pub fn with_accounts(carrier: Carrier, server: SocketAddr, accounts: &[(String, String)]) -> Self {
        assert_ne!(carrier, Carrier::Tls, "Debian's SIPp is built without TLS");
        let folder = TempDir::with_prefix("sipp-").expect("a folder for SIPp");
        let mut list = String::from("SEQUENTIAL\n");
        for (user, password) in accounts {
            list += &format!("{user};[authentication username={user} password={password}]\n");
        }
        fs::write(folder.path().join("accounts.csv"), list).expect("SIPp's accounts");
        fs::write(folder.path().join("register.xml"), scenario()).expect("SIPp's scenario");
        Self { carrier, server, folder, accounts: accounts.len() }
    }

    /// Registers every account once. `round` keeps Call-IDs and CSeq of a refresh in order after the first.
    pub async fn register(&self, round: u32, seconds: u32) -> SippCount {
        let (errors, statistics) = (format!("errors-{round}.log"), format!("statistics-{round}.csv"));
        let transport = if self.carrier == Carrier::Udp { "u1" } else { "t1" };
        let mut command = Command::new("sipp");
        command.current_dir(self.folder.path());
        command.args([self.server.to_string().as_str(), "-sf", "register.xml", "-inf", "accounts.csv"]);
        // Left to itself it listens on 5060, where others on this machine may be called.
        command.args(["-p", &free_port(self.server).to_string()]);
        command.args(["-t", transport, "-i", &self.server.ip().to_string(), "-nostdin", "-nd"]);
        command.args(["-m", &self.accounts.to_string(), "-r", &RATE.to_string(), "-l", "500"]);
        // The n-th account keeps its Call-ID from round to round, as a phone does.
        command.args(["-cid_str", "%u@sipp.invalid", "-base_cseq", &(round * 10).to_string()]);
        command.args(["-key", "expires", &seconds.to_string(), "-timeout", "50s", "-timeout_error"]);
        command.args(["-trace_err", "-error_file", &errors, "-trace_stat", "-stf", &statistics]);
        let ended = Process::start("sipp", &mut command).end_within(MOST).await;
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let table = read(&statistics);
        let counted = |column| count(&table, column).unwrap_or_else(|| panic!("SIPp counted nothing: {ended:?}"));
        let count = SippCount { successful: counted("SuccessfulCall(C)"), failed: counted("FailedCall(C)") };
        if count.failed > 0 {
            eprintln!("SIPp's errors:\n{}", read(&errors));
        }
        count
    }
}

/// A port that nobody listens on at this moment.
pub(super) fn free_port(near: SocketAddr) -> u16 {
    let listener = TcpListener::bind((near.ip(), 0)).expect("a free port");
    listener.local_addr().expect("a bound listener").port()
}

/// The last row's value under a heading.
fn count(table: &str, heading: &str) -> Option<usize> {
    let mut rows = table.lines();
    let column = rows.next()?.split(';').position(|said| said == heading)?;
    rows.next_back()?.split(';').nth(column)?.parse().ok()
}

fn scenario() -> String {
    let request = |cseq: &str, proof: &str| {
        format!(
            "<send retrans=\"500\"><![CDATA[\n\
             REGISTER sip:[remote_ip]:[remote_port] SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n\
             Max-Forwards: 70\n\
             From: <sip:[field0]@[remote_ip]:[remote_port]>;tag=[call_number]\n\
             To: <sip:[field0]@[remote_ip]:[remote_port]>\n\
             Call-ID: [call_id]\n\
             CSeq: {cseq} REGISTER\n\
             Contact: <sip:[field0]@[local_ip]:{CONTACT_PORT};transport=[transport]>\n\
             Expires: [expires]\n{proof}\
             Content-Length: 0\n\n]]></send>\n"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"register\">\n\
         {}<recv response=\"401\" auth=\"true\"/>\n{}<recv response=\"200\"/>\n</scenario>\n",
        request("[cseq]", ""),
        request("[cseq+1]", "[field1]\n"),
    )
}

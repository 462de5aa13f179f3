//! SIPp on one side of a call: a flow said line by line, as RFC 3665 and its kind draw it. It signals and hears nothing.
//!
//! A flow ends well when everything came in its order and nothing else did. Requests that it sends carry CSeq numbers of its own
//! choice; what it answers it answers with what was asked.

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::process::Command;

use super::Account;
use super::sipp::free_port;
use crate::line::Carrier;
use crate::process::Process;
use crate::wait::eventually;

/// A description of sound that offers or answers G.711.
const SOUND: &str = "v=0\no=sipp 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n\
                     m=audio [media_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000\n";

/// How long a flow may take, in seconds, before SIPp gives up on it, unless it says otherwise.
const PATIENCE_S: u64 = 30;

/// One side of a call, in the order of its messages.
#[derive(Clone, Default)]
pub struct Flow {
    steps: String,
    /// The CSeq number of the INVITE that counts, and the last one used.
    invite: u32,
    cseq: u32,
    /// Steps before that INVITE.
    invited: usize,
    /// The password and name that requests are proved with.
    proof: String,
    number: String,
    user: String,
    /// How long it may take, where that is not the usual time.
    patience_s: Option<u64>,
}

impl Flow {
    /// Somebody who is called.
    #[must_use]
    pub fn called() -> Self {
        Self { user: "callee".into(), ..Self::default() }.recv_request("INVITE").kept()
    }

    /// The same, where the call carries this; another one is a fault.
    #[must_use]
    pub fn called_with(pattern: &str) -> Self {
        Self { user: "callee".into(), ..Self::default() }.is_asked_with("INVITE", pattern).kept()
    }

    /// Somebody who calls that number and proves to be this account.
    #[must_use]
    pub fn calls(account: &Account<'_>, number: &str) -> Self {
        Self::calls_with(account, number, "", SOUND)
    }

    /// The same with more headers, and with another body or none.
    #[must_use]
    pub fn calls_with(account: &Account<'_>, number: &str, headers: &str, body: &str) -> Self {
        let Account { user, password, .. } = account;
        let mut flow = Self { user: (*user).into(), number: number.into(), ..Self::default() };
        flow = flow.invite(headers, body).recv_with(401, "auth=\"true\"").ack();
        flow.proof = format!("[authentication username={user} password={password}]\n");
        flow.invite(headers, body)
    }

    /// An offer or answer of sound.
    #[must_use]
    pub fn sound() -> &'static str {
        SOUND
    }

    /// Waits for a response.
    #[must_use]
    pub fn hears(self, status: u16) -> Self {
        self.recv_with(status, "rrs=\"true\"")
    }

    /// A response that may come, and need not.
    #[must_use]
    pub fn may_hear(self, status: u16) -> Self {
        self.recv_with(status, "optional=\"true\"")
    }

    /// Waits for a request in the call.
    #[must_use]
    pub fn is_asked(self, method: &str) -> Self {
        self.recv_request(method)
    }

    /// The same, where it carries this; another one is a fault.
    #[must_use]
    pub fn is_asked_with(mut self, method: &str, pattern: &str) -> Self {
        self.steps += &format!(
            "<recv request=\"{method}\"><action><ereg regexp=\"{pattern}\" search_in=\"msg\" check_it=\"true\" \
             assign_to=\"seen\"/></action></recv>\n<Reference variables=\"seen\"/>\n"
        );
        self
    }

    /// The flow may take so long as a whole.
    #[must_use]
    pub fn lasting(self, seconds: u64) -> Self {
        Self { patience_s: Some(seconds), ..self }
    }

    /// Lets time pass.
    #[must_use]
    pub fn waits(mut self, milliseconds: u32) -> Self {
        self.steps += &format!("<pause milliseconds=\"{milliseconds}\"/>\n");
        self
    }

    /// Answers what was asked last, without a body.
    #[must_use]
    pub fn says(self, status: &str) -> Self {
        self.says_with(status, "", "")
    }

    /// The same with headers and a body.
    #[must_use]
    pub fn says_with(mut self, status: &str, headers: &str, body: &str) -> Self {
        let kind = kind_of(body);
        self.steps += &format!(
            "<send><![CDATA[\nSIP/2.0 {status}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n\
             [last_CSeq:]\nContact: <sip:{}@[local_ip]:[local_port];transport=[transport]>\n{headers}{kind}\
             Content-Length: [len]\n\n{body}\n]]></send>\n",
            self.user
        );
        self
    }

    /// Answers the INVITE with a tag of its own; what is asked from then on has it.
    #[must_use]
    pub fn answers(self, status: &str, headers: &str, body: &str) -> Self {
        let mut flow = self;
        flow.steps += &flow.clone().reply_tagged(status, headers, body);
        flow
    }

    /// Answers with an address of somebody else in place of its own.
    #[must_use]
    pub fn answers_to(self, status: &str, contact: &str) -> Self {
        let mut flow = self;
        let own = format!("<sip:{}@[local_ip]:[local_port];transport=[transport]>", flow.user);
        flow.steps += &flow.clone().reply_tagged(status, "", "").replace(&own, contact);
        flow
    }

    /// Refuses the INVITE after something else was asked.
    #[must_use]
    pub fn refuses_invite(mut self, status: &str) -> Self {
        self.steps += &format!(
            "<send><![CDATA[\nSIP/2.0 {status}\nVia:[$via]\nFrom:[$from]\nTo:[$to];tag=[pid]c[call_number]\nCall-ID: [call_id]\n\
             CSeq:[$cseq]\nContent-Length: 0\n\n]]></send>\n"
        );
        self
    }

    /// Waits for a response that carries this.
    #[must_use]
    pub fn hears_with(mut self, status: u16, pattern: &str) -> Self {
        self.steps += &format!(
            "<recv response=\"100\" optional=\"true\"/>\n<recv response=\"{status}\"><action>\
             <ereg regexp=\"{pattern}\" search_in=\"msg\" check_it=\"true\" assign_to=\"seen\"/></action></recv>\n\
             <Reference variables=\"seen\"/>\n"
        );
        self
    }

    /// Waits for a provisional response that wants a PRACK.
    #[must_use]
    pub fn hears_reliably(mut self, status: u16) -> Self {
        self.steps += &format!(
            "<recv response=\"100\" optional=\"true\"/>\n<recv response=\"{status}\" rrs=\"true\"><action>\
             <ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"RSeq:\" check_it=\"true\" assign_to=\"rseq\"/></action></recv>\n"
        );
        self
    }

    /// Says that it has heard it.
    #[must_use]
    pub fn prack(self) -> Self {
        let invite = self.invite;
        self.asks("PRACK", &format!("RAck: [$rseq] {invite} INVITE\n"), "")
    }

    /// Acknowledges the answer to its INVITE.
    #[must_use]
    pub fn ack(self) -> Self {
        self.ack_with("")
    }

    /// The same with the answer to an offer.
    #[must_use]
    pub fn ack_with(mut self, body: &str) -> Self {
        let uri = if self.proof.is_empty() { self.outside() } else { "[next_url]".to_owned() };
        self.steps += &format!(
            "<send><![CDATA[\nACK {uri} SIP/2.0\n{}CSeq: {} ACK\n{}Content-Length: [len]\n\n{body}\n]]></send>\n",
            self.head("[peer_tag_param]"),
            self.invite,
            kind_of(body),
        );
        self
    }

    /// Acknowledges a refusal of its INVITE.
    #[must_use]
    pub fn ack_refusal(mut self) -> Self {
        self.steps += &format!(
            "<send><![CDATA[\nACK {} SIP/2.0\n{}CSeq: {} ACK\nContent-Length: 0\n\n]]></send>\n",
            self.outside(),
            self.head("[peer_tag_param]"),
            self.invite
        );
        self
    }

    /// Gives up the INVITE that nobody has answered.
    #[must_use]
    pub fn cancels(mut self) -> Self {
        // [branch-N] is the branch of the step that was N before: the INVITE's.
        let since = self.count() - self.invited;
        self.steps += &format!(
            "<send retrans=\"500\"><![CDATA[\nCANCEL {} SIP/2.0\n{}CSeq: {} CANCEL\nContent-Length: 0\n\n]]></send>\n",
            self.outside(),
            self.head("").replace("[branch]", &format!("[branch-{since}]")),
            self.invite
        );
        self
    }

    /// Asks something within the call.
    #[must_use]
    pub fn asks(self, method: &str, headers: &str, body: &str) -> Self {
        let mut flow = self;
        flow.cseq += 1;
        if method == "INVITE" {
            flow.invite = flow.cseq;
        }
        let kind = kind_of(body);
        let request = format!(
            "<send retrans=\"500\"><![CDATA[\n{method} [next_url] SIP/2.0\n{}CSeq: {} {method}\n\
             Contact: <sip:{}@[local_ip]:[local_port];transport=[transport]>\n{headers}{kind}Content-Length: [len]\n\n{body}\n]]></send>\n",
            flow.head("[peer_tag_param]"),
            flow.cseq,
            flow.user,
        );
        flow.steps += &request;
        flow
    }

    /// Asks something within the call that it was called into.
    #[must_use]
    pub fn asks_back(mut self, method: &str, headers: &str, body: &str) -> Self {
        self.cseq += 1;
        let kind = kind_of(body);
        self.steps += &format!(
            "<send retrans=\"500\"><![CDATA[\n{method} [$uri] SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\nMax-Forwards: 70\n\
             From:[$to];tag=[pid]c[call_number]\nTo:[$from]\nCall-ID: [call_id]\nCSeq: {} {method}\n\
             Contact: <sip:{}@[local_ip]:[local_port];transport=[transport]>\n{headers}{kind}Content-Length: [len]\n\n{body}\n]]></send>\n",
            self.cseq, self.user
        );
        self
    }

    /// Hangs up, and is told that it has been heard.
    #[must_use]
    pub fn hangs_up(self) -> Self {
        self.asks("BYE", "", "").hears(200)
    }

    /// The same for somebody who was called.
    #[must_use]
    pub fn hangs_up_back(self) -> Self {
        self.asks_back("BYE", "", "").hears(200)
    }

    /// Is hung up on, and says that it has heard.
    #[must_use]
    pub fn is_hung_up(self) -> Self {
        self.is_asked("BYE").says("200 OK")
    }

    fn invite(mut self, headers: &str, body: &str) -> Self {
        self.cseq += 1;
        self.invite = self.cseq;
        self.invited = self.count();
        let kind = kind_of(body);
        self.steps += &format!(
            "<send retrans=\"500\"><![CDATA[\nINVITE {} SIP/2.0\n{}CSeq: {} INVITE\n\
             Contact: <sip:{}@[local_ip]:[local_port];transport=[transport]>\n{}{headers}{kind}Content-Length: [len]\n\n{body}\n]]></send>\n",
            self.outside(),
            self.head(""),
            self.invite,
            self.user,
            self.proof,
        );
        self
    }

    /// Steps until now.
    fn count(&self) -> usize {
        ["<send", "<recv", "<pause"].iter().map(|step| self.steps.matches(step).count()).sum()
    }

    fn outside(&self) -> String {
        format!("sip:{}@[remote_ip]:[remote_port]", self.number)
    }

    /// Via to Call-ID of a request of the caller.
    fn head(&self, tag: &str) -> String {
        format!(
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\nMax-Forwards: 70\n\
             From: <sip:{}@[remote_ip]:[remote_port]>;tag=[pid]f[call_number]\n\
             To: <sip:{}@[remote_ip]:[remote_port]>{tag}\nCall-ID: [call_id]\n",
            self.user, self.number
        )
    }

    fn recv_with(mut self, status: u16, how: &str) -> Self {
        // Whoever was challenged for an INVITE may be told meanwhile that it is tried.
        if status != 100 && !how.contains("optional") {
            self.steps += "<recv response=\"100\" optional=\"true\"/>\n";
        }
        self.steps += &format!("<recv response=\"{status}\" {how}/>\n");
        self
    }

    fn recv_request(mut self, method: &str) -> Self {
        self.steps += &format!("<recv request=\"{method}\" crlf=\"true\"/>\n");
        self
    }

    /// Keeps what requests back into the call are made of.
    fn kept(mut self) -> Self {
        let kept = "<recv request=\"INVITE\" crlf=\"true\"><action>\
                    <ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"from\"/>\
                    <ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"to\"/>\
                    <ereg regexp=\".*\" search_in=\"hdr\" header=\"Via:\" assign_to=\"via\"/>\
                    <ereg regexp=\".*\" search_in=\"hdr\" header=\"CSeq:\" assign_to=\"cseq\"/>\
                    <ereg regexp=\"sip:[^&gt;]*\" search_in=\"hdr\" header=\"Contact:\" assign_to=\"uri\"/>\
                    </action></recv>\n";
        self.steps = kept.to_owned();
        self
    }

    fn reply_tagged(self, status: &str, headers: &str, body: &str) -> String {
        let tagged = "[last_To:];tag=[pid]c[call_number]";
        let before = self.steps.len();
        let said = self.says_with(status, headers, body).steps[before..].to_owned();
        // A request in the call has the tag already; the INVITE has not.
        said.replace("[last_To:]", tagged)
    }

    fn text(&self) -> String {
        // SIPp objects to what is kept and never used.
        let kept = if self.number.is_empty() { "from,to,uri,via,cseq" } else { "" };
        let used = if kept.is_empty() { String::new() } else { format!("<Reference variables=\"{kept}\"/>\n") };
        format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"flow\">\n{}{used}</scenario>\n",
            self.steps
        )
    }
}

fn kind_of(body: &str) -> &'static str {
    if body.starts_with("v=0") { "Content-Type: application/sdp\n" } else { "" }
}

/// SIPp, playing a flow once.
pub struct Playing {
    process: Process,
    folder: TempDir,
}

/// A port at which flows are played, one after the other.
pub struct Place {
    carrier: Carrier,
    port: u16,
}

impl Place {
    /// Somewhere on loopback. Debian's SIPp has no TLS.
    #[must_use]
    pub fn on(carrier: Carrier) -> Self {
        assert_ne!(carrier, Carrier::Tls, "Debian's SIPp is built without TLS");
        Self { carrier, port: free_port(SocketAddr::from(([127, 0, 0, 1], 0))) }
    }

    /// As a server's configuration names it.
    #[must_use]
    pub fn uri(&self) -> String {
        let transport = if self.carrier == Carrier::Udp { "" } else { ";transport=tcp" };
        format!("sip:127.0.0.1:{}{transport}", self.port)
    }

    /// Waits to be called, by that server, and listens when this returns.
    pub async fn expects(&self, flow: &Flow, server: SocketAddr) -> Playing {
        let playing = self.plays(flow, server);
        let listens = async || self.is_taken().then_some(());
        eventually("SIPp listens", listens).await;
        playing
    }

    /// Begins with a flow, towards that server.
    #[must_use]
    pub fn plays(&self, flow: &Flow, server: SocketAddr) -> Playing {
        let folder = TempDir::with_prefix("flow-").expect("a folder for SIPp");
        std::fs::write(folder.path().join("flow.xml"), flow.text()).expect("SIPp's scenario");
        let mut command = Command::new("sipp");
        let transport = if self.carrier == Carrier::Udp { "u1" } else { "t1" };
        command.current_dir(folder.path()).args([server.to_string().as_str(), "-sf", "flow.xml", "-m", "1"]);
        command.args(["-i", &server.ip().to_string(), "-p", &self.port.to_string(), "-t", transport]);
        // Left to itself it proves itself for the server's address, whatever it asks for.
        command.args(["-auth_uri", &format!("{}@{server}", flow.number)]);
        let patience_s = flow.patience_s.unwrap_or(PATIENCE_S).to_string();
        command.args([
            "-nostdin",
            "-timeout",
            &patience_s,
            "-timeout_error",
            "-trace_err",
            "-error_file",
            "errors.log",
        ]);
        command.args(["-trace_msg", "-message_file", "messages.log"]);
        Playing { process: Process::start("sipp", &mut command), folder }
    }

    /// Asked of the kernel: whoever binds the port to see whether it is free takes it from SIPp at the wrong moment.
    fn is_taken(&self) -> bool {
        let table = if self.carrier == Carrier::Udp { "/proc/net/udp" } else { "/proc/net/tcp" };
        let at = format!(" 0100007F:{:04X} 00000000:0000 ", self.port);
        std::fs::read_to_string(table).expect("the kernel's table of sockets").contains(&at)
    }
}

impl Playing {
    /// Waits until its call is answered: the call, as Replaces names it.
    pub async fn dialog(&self) -> String {
        let answered = async || {
            let said = std::fs::read_to_string(self.folder.path().join("messages.log")).unwrap_or_default();
            let mut heard = said.split("message received").skip(1).filter_map(|message| message.split("-----").next());
            let answer = heard.find(|message| message.contains("SIP/2.0 200"))?;
            let header = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let tag = |name: &str| header(name)?.split(";tag=").nth(1);
            Some(format!("{};to-tag={};from-tag={}", header("Call-ID:")?, tag("To:")?, tag("From:")?))
        };
        eventually("SIPp hears an answer", answered).await
    }

    /// Waits for the end; panics with what SIPp complains of where something came otherwise.
    pub async fn ends_well(self) {
        let ended = self.process.end_within(std::time::Duration::from_secs(40)).await;
        if !ended.status.success() {
            let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            panic!("the flow went otherwise ({}):\n{}\n{}", ended.status, read("errors.log"), read("messages.log"));
        }
    }
}

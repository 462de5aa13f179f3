//! The floor: a bare loop that receives a datagram and replies to it, for the server to be measured beside.
//!
//! `floor [addr:port]`. One thread, one blocking socket, one buffer each way. An INVITE gets 200 with a tag and a small
//! session description, a BYE gets 200, a REGISTER gets 401 and, once it carries any credentials at all, 200. It finds
//! the lines that it must echo by the beginning of each line and copies them.
//!
//! What it leaves out is what makes a server: no check of anything, no transaction, so nothing is repeated when it is
//! lost and a repetition is a new call; no dialog, no passwords, no location, no timers, no other transport, no limits,
//! no compact or folded headers, and the same tag for everybody.

use std::io;
use std::net::UdpSocket;

const TAG: &[u8] = b";tag=floor";

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

const CHALLENGE: &[u8] = b"WWW-Authenticate: Digest realm=\"127.0.0.1\", nonce=\"7Vqj0xyRJbUAAAAAZzp1xwKe2v0sBm9e\", \
    algorithm=MD5, qop=\"auth\"\r\n";

fn main() -> io::Result<()> {
    let place = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let socket = UdpSocket::bind(place)?;
    let here = socket.local_addr()?.to_string();
    println!("{here}");
    let mut heard = vec![0; 65_536];
    let mut reply = Vec::with_capacity(2048);
    loop {
        let (length, peer) = socket.recv_from(&mut heard)?;
        reply.clear();
        answer(&heard[..length], &here, &mut reply);
        if !reply.is_empty() {
            socket.send_to(&reply, peer)?;
        }
    }
}

/// Writes the answer; nothing where there is none.
fn answer(request: &[u8], here: &str, reply: &mut Vec<u8>) {
    if request.starts_with(b"INVITE ") {
        echo(request, b"SIP/2.0 200 OK\r\n", TAG, reply);
        reply.extend_from_slice(b"Contact: <sip:");
        reply.extend_from_slice(here.as_bytes());
        reply.extend_from_slice(b">\r\nContent-Type: application/sdp\r\nContent-Length: ");
        reply.extend_from_slice(SDP.len().to_string().as_bytes());
        reply.extend_from_slice(b"\r\n\r\n");
        reply.extend_from_slice(SDP);
    } else if request.starts_with(b"BYE ") {
        echo(request, b"SIP/2.0 200 OK\r\n", b"", reply);
        reply.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    } else if request.starts_with(b"REGISTER ") {
        let credentials = lines(request).any(|line| line.starts_with(b"Authorization:"));
        if credentials {
            echo(request, b"SIP/2.0 200 OK\r\n", TAG, reply);
            for contact in lines(request).filter(|line| line.starts_with(b"Contact:")) {
                reply.extend_from_slice(contact);
                reply.extend_from_slice(b";expires=3600\r\n");
            }
        } else {
            echo(request, b"SIP/2.0 401 Unauthorized\r\n", TAG, reply);
            reply.extend_from_slice(CHALLENGE);
        }
        reply.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }
}

/// The first line, and what every answer repeats of its request.
fn echo(request: &[u8], status: &[u8], tag: &[u8], reply: &mut Vec<u8>) {
    reply.extend_from_slice(status);
    for line in lines(request) {
        let is_to = line.starts_with(b"To:");
        let repeats = [b"Via:".as_slice(), b"From:", b"Call-ID:", b"CSeq:", b"Record-Route:"];
        if is_to || repeats.iter().any(|name| line.starts_with(name)) {
            reply.extend_from_slice(line);
            if is_to {
                reply.extend_from_slice(tag);
            }
            reply.extend_from_slice(b"\r\n");
        }
    }
}

/// The lines of the head, without their ends.
fn lines(request: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = request.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.take_while(|line| !line.is_empty())
}

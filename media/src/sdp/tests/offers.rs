//! Offers in the style of well-known phones and browsers. Keys, addresses and names are made up.

use crate::sdp::Description;

/// Puts the line ends back.
pub fn wire(text: &str) -> Vec<u8> {
    text.trim_start().replace('\r', "").replace('\n', "\r\n").into_bytes()
}

/// Reads one of the offers below.
pub fn read(text: &str) -> Description {
    Description::parse(&wire(text)).expect("a description")
}

/// All, by name.
pub const ALL: [(&str, &str); 14] = [
    ("polycom", POLYCOM),
    ("linphone", LINPHONE),
    ("asterisk", ASTERISK),
    ("chromium", CHROMIUM),
    ("chromium-open", CHROMIUM_OPEN),
    ("firefox", FIREFOX),
    ("safari", SAFARI),
    ("twilio", TWILIO),
    ("baresip", BARESIP),
    ("snom", SNOM),
    ("fax", FAX),
    ("old", OLD),
    ("ims", IMS),
    ("max-bundle", MAX_BUNDLE),
];

pub const POLYCOM: &str = "
v=0
o=- 1718880001 1718880001 IN IP4 192.0.2.10
s=Polycom IP Phone
c=IN IP4 192.0.2.10
t=0 0
a=sendrecv
m=audio 2228 RTP/AVP 9 0 8 18 127
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:127 telephone-event/8000
";

pub const LINPHONE: &str = "
v=0
o=anna 1452 2231 IN IP4 192.0.2.20
s=Talk
c=IN IP4 192.0.2.20
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
m=audio 7078 RTP/SAVP 96 97 98 0 8 18 101 99 100
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=fmtp:98 vbr=on
a=fmtp:18 annexb=yes
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=rtcp:7079
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
a=crypto:2 AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=
a=rtcp-fb:* trr-int 5000
m=video 9078 RTP/SAVPF 96
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 ccm fir
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
";

pub const ASTERISK: &str = "
v=0
o=- 894207218 894207218 IN IP4 198.51.100.5
s=Asterisk
c=IN IP4 198.51.100.5
t=0 0
m=audio 18512 RTP/AVP 8 0 3 111 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:3 GSM/8000
a=rtpmap:111 opus/48000/2
a=fmtp:111 maxplaybackrate=16000;sprop-maxcapturerate=16000;minptime=20
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:140
a=sendrecv
";

pub const CHROMIUM: &str = "
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 3f2a
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:842163049 1 udp 2122260223 192.0.2.30 46154 typ host generation 0 network-id 1
a=candidate:842163050 1 udp 2122194687 5d3aef2a-55cd-4b2c-8b62-000000000001.local 46155 typ host generation 0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlig
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=sendrecv
a=msid:3f2a 8a1b
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
a=ssrc:3570614608 msid:3f2a 8a1b
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlig
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:1
a=sendrecv
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
";

/// The same browser's codecs without its transport.
pub const CHROMIUM_OPEN: &str = "
v=0
o=- 1 1 IN IP4 192.0.2.30
s=-
c=IN IP4 192.0.2.30
t=0 0
m=audio 9000 RTP/AVP 111 63 9 0 8 13 110 126
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
";

pub const FIREFOX: &str = "
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 6846259413468218473 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 1F:D4:8A:2C:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=sendrecv
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:e3baa26dd2fa5030d881d385f1e36cce
a=ice-ufrag:58b99ead
a=mid:0
a=msid:{5a990edd} {c1f2}
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2655508255 cname:{735484ea}
";

/// With sound and a screen that is shared, both in one group; the screen may travel with the sound only.
pub const SAFARI: &str = "
v=0
o=- 7614219274584779017 3 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 7b06a2
m=audio 49203 UDP/TLS/RTP/SAVPF 111 63 103 9 102 0 8 105 13 110 113 126
c=IN IP4 192.0.2.80
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 8f1c2f6e-0000-4000-8000-0000000000aa.local 49203 typ host generation 0 network-cost 999
a=candidate:2 1 udp 1677729535 192.0.2.80 49203 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999
a=ice-ufrag:Qx7+
a=ice-pwd:9kZq1v0a7bB+/cD3eF5gH7iJ
a=ice-options:trickle
a=fingerprint:sha-256 A0:A1:A2:A3:A4:A5:A6:A7:A8:A9:AA:AB:AC:AD:AE:AF:B0:B1:B2:B3:B4:B5:B6:B7:B8:B9:BA:BB:BC:BD:BE:BF
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:7b06a2 1d2c3b
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:103 ISAC/16000
a=rtpmap:9 G722/8000
a=rtpmap:102 ILBC/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:105 CN/16000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:113 telephone-event/16000
a=rtpmap:126 telephone-event/8000
a=ssrc:1402513441 cname:nQmP0w7kZ
a=ssrc:1402513441 msid:7b06a2 1d2c3b
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=bundle-only
a=ice-ufrag:Qx7+
a=ice-pwd:9kZq1v0a7bB+/cD3eF5gH7iJ
a=fingerprint:sha-256 A0:A1:A2:A3:A4:A5:A6:A7:A8:A9:AA:AB:AC:AD:AE:AF:B0:B1:B2:B3:B4:B5:B6:B7:B8:B9:BA:BB:BC:BD:BE:BF
a=setup:actpass
a=mid:1
a=sendonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
";

pub const TWILIO: &str = "
v=0
o=root 1234567890 1234567890 IN IP4 203.0.113.7
s=Media Gateway
c=IN IP4 203.0.113.7
t=0 0
m=audio 11234 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=silenceSupp:off - - - -
a=ptime:20
a=sendrecv
";

pub const BARESIP: &str = "
v=0
o=- 3844718223 1180290311 IN IP6 2001:db8::40
s=-
c=IN IP6 2001:db8::40
t=0 0
a=tool:baresip 3.1.0
m=audio 10020 RTP/AVP 96 0 8 97
b=AS:125
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 telephone-event/8000
a=fmtp:97 0-15
a=rtcp:10021
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:3028871412 cname:sip:bob@example.org
a=ptime:20
";

/// Open RTP with keys: SRTP if you can.
pub const SNOM: &str = "
v=0
o=root 55 55 IN IP4 192.0.2.50
s=call
c=IN IP4 192.0.2.50
t=0 0
m=audio 55000 RTP/AVP 9 8 0 101
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20.0
a=sendrecv
";

pub const FAX: &str = "
v=0
o=gw 77 2 IN IP4 203.0.113.9
s=-
c=IN IP4 203.0.113.9
t=0 0
m=audio 0 RTP/AVP 0
m=image 4402 udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxMaxBuffer:262
a=T38FaxMaxDatagram:200
a=T38FaxUdpEC:t38UDPRedundancy
";

/// No session name, no rtpmap, a lone line feed for a line end, held the old way.
pub const OLD: &str = "
v=0
o=gw 1 1 IN IP4 192.0.2.60
c=IN IP4 0.0.0.0
t=0 0
m=audio 5004 RTP/AVP 0 8 18
";

pub const IMS: &str = "
v=0
o=rue 3262464865 3262464868 IN IP6 2001:db8::99
s=-
i=a call
u=http://example.org/
e=nobody@example.org
p=+1 555 0100
c=IN IP6 2001:db8::99
b=AS:41
b=RR:0
b=RS:0
t=0 0
r=7d 1h 0 25h
a=curr:qos local none
m=audio 49152 RTP/AVP 97 98 99 100
b=AS:41
b=TIAS:38000
a=rtpmap:97 AMR-WB/16000/1
a=fmtp:97 octet-align=1; mode-change-capability=2; max-red=220
a=rtpmap:98 AMR/8000/1
a=fmtp:98 mode-change-capability=2
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=curr:qos local none
a=des:qos mandatory local sendrecv
a=ptime:20
a=maxptime:240
";

/// A browser that puts everything on one transport: the second part has no port of its own.
pub const MAX_BUNDLE: &str = "
v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE a b
a=ice-lite
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:a
a=rtpmap:96 VP8/90000
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33
a=setup:active
a=candidate:1 1 udp 2130706431 192.0.2.70 5000 typ host
a=end-of-candidates
a=rtcp-mux
m=audio 0 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=bundle-only
a=mid:b
a=rtpmap:111 opus/48000/2
a=rtcp-mux
";

//! Who sits on a shard and decides, and what they can do from there.
//!
//! A [`Desk`] hears what the transactions of its shard say and acts through its [`Wire`]. It never waits: whatever takes
//! time comes back as news. Desks of different shards share only what they were made to share.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use patchcord_media::prompt::{Loaded, Wish};
use patchcord_media::recording::{Control, Outcome, Plan, Tap};
use patchcord_media::shard::{Notice, Plane};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Draft, Response};
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{ClientId, Full, Heard, ServerId};

use super::errands::{ErrandTicket, NotSent};
use super::recordings::{NotRecorded, RecordTicket};
use super::sound::{NotAsked, PromptTicket, SOMEBODY, SoundAddress};
use super::stats::one_more;
use super::works::Works;
use crate::bell::Bell;
use crate::errand::Outside;
use crate::occasion::Asking;
use crate::originate::Origination;
use crate::routing::Voucher;

/// What sits on a shard and decides.
pub trait Desk: Any {
    /// The transactions of the shard have news. Requests sent by [`Wire::send_to`] are told by [`Desk::hear_sent`].
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>);

    /// News of a request that was sent by [`Wire::send_to`].
    fn hear_sent(&mut self, id: RequestId, news: News, wire: &mut Wire<'_>) {
        let _nobody_sent_any = (id, news, wire);
    }

    /// One of the ports and rooms that were opened for this shard tells something. Whoever opens none hears none; what is
    /// told to a desk that does not listen is counted.
    fn hear_sound(&mut self, notice: Notice, wire: &mut Wire<'_>) {
        let _unheard = notice;
        one_more(&wire.works.counters.unheard_notices);
    }

    /// What came of a prompt that was asked for by [`Wire::load`]: once for each, and never within that call.
    fn hear_prompt(&mut self, ticket: PromptTicket, loaded: Loaded, wire: &mut Wire<'_>) {
        let _unheard = (ticket, loaded);
        one_more(&wire.works.counters.unheard_prompts);
    }

    /// What came of a recording that was begun by [`Wire::record`], its path as it was named there: once for each, also where
    /// its file could not be made, and never within that call.
    fn hear_recording(&mut self, ticket: RecordTicket, outcome: Outcome, wire: &mut Wire<'_>) {
        let _unheard = (ticket, outcome);
        one_more(&wire.works.counters.unheard_recordings);
    }

    /// What came of an errand that was sent by [`Wire::send_errand`]: once for each, and never within that call.
    fn hear_errand(&mut self, ticket: ErrandTicket, answer: Result<String, String>, wire: &mut Wire<'_>) {
        let _unheard = (ticket, answer);
        one_more(&wire.works.counters.unheard_errands);
    }

    /// Somebody wants a call begun, and is told what came of it. A desk that begins none says so by letting it go.
    fn originate(&mut self, origination: Origination, wire: &mut Wire<'_>) {
        let _nobody_begins_any = (origination, wire);
    }

    /// A service is to be asked something, and whoever asks is told what came of it. A desk that has none says so by letting it go.
    fn ask(&mut self, asking: Asking, wire: &mut Wire<'_>) {
        let _nobody_answers = (asking, wire);
    }

    /// The shard lives: whoever rings this bell, from wherever, is heard by [`Desk::rung`].
    fn seated(&mut self, bell: &Arc<Bell>, wire: &mut Wire<'_>) {
        let _nobody_rings = (bell, wire);
    }

    /// Somebody has rung the bell, once or more often.
    fn rung(&mut self, wire: &mut Wire<'_>) {
        let _nobody_rings = wire;
    }

    /// A connection has closed; whoever was reached by it is reached no more. Told on every shard.
    fn flow_closed(&mut self, flow: FlowId, wire: &mut Wire<'_>);

    /// Whether a connection is to be kept though nothing is said over it, because somebody is reached by it.
    fn needs(&self, flow: FlowId) -> bool {
        let _nobody_is = flow;
        false
    }

    /// The server is stopping: what runs is ended now, in good order. What it takes is waited for, for a while.
    fn stop(&mut self, wire: &mut Wire<'_>) {
        let _nothing_runs = wire;
    }

    /// Whether nothing runs any more that [`Desk::stop`] has ended.
    fn is_quiet(&self) -> bool {
        true
    }

    /// The shard ends now. What is to be kept of what has ended, or could not end in time, is handed over.
    fn close(&mut self, wire: &mut Wire<'_>) {
        let _nothing_is_kept = wire;
    }

    /// When [`Desk::wake`] wants to be called; asked after everything that the desk was told.
    fn deadline(&self) -> Option<Instant>;

    /// The deadline has come.
    fn wake(&mut self, wire: &mut Wire<'_>);
}

/// A request sent by [`Wire::send_to`], over all the targets that it is tried at. Never used again on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(super) u64);

/// What became of a request that was sent by [`Wire::send_to`].
///
/// Any number of provisional responses, then one end: a final response or a failure. An INVITE that ended with a 2xx may
/// be followed by further ones of its fork, until `Ended`.
#[derive(Clone, Debug)]
pub enum News {
    /// It went out like this, to the first target or to a further one; or so did the CANCEL that ends it.
    Sent(Bytes),
    /// A response, provisional or final. A 503 is told only when no target is left.
    Response {
        /// The response.
        response: Response,
        /// Where it came from: the ACK of a 2xx without Contact goes there.
        hop: Hop,
    },
    /// Another 2xx to an INVITE: the same again, or of another branch of a fork.
    StrayResponse {
        /// The response.
        response: Response,
        /// Where it came from.
        hop: Hop,
    },
    /// Nobody answered.
    Failed(SendFault),
    /// No further 2xx is waited for.
    Ended,
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendFault {
    /// The address is none that SIP could be sent to.
    #[error("the address is not one that a SIP request can be sent to")]
    NoTarget,
    /// The name leads nowhere, or no name server answered.
    #[error("the name cannot be resolved")]
    Unresolved,
    /// No target answered in time.
    #[error("no answer came in time")]
    TimedOut,
    /// No target could be reached.
    #[error("no target can be reached")]
    Unreachable,
    /// As many requests are under way as the limits allow.
    #[error("too many requests are under way")]
    Full,
    /// It was cancelled before it had been sent anywhere.
    #[error("it was cancelled before it was sent")]
    Cancelled,
}

impl SendFault {
    /// The status that a caller is told when this ends a call (RFC 3261 §16.9, RFC 3263 §4.3).
    pub fn status(self) -> u16 {
        match self {
            Self::NoTarget => 416,
            Self::Unresolved => 404,
            Self::TimedOut => 408,
            Self::Unreachable | Self::Full => 503,
            Self::Cancelled => 487,
        }
    }
}

/// What a desk can do. Lives as long as one piece of news.
pub struct Wire<'a> {
    works: &'a mut Works,
}

impl<'a> Wire<'a> {
    pub(super) fn new(works: &'a mut Works) -> Self {
        Self { works }
    }

    /// The time at which the news came.
    pub fn now(&self) -> Instant {
        self.works.now
    }

    /// The time of day: for what is written down, never for timers.
    pub fn wall(&self) -> SystemTime {
        self.works.shared.clock.wall()
    }

    /// The number of this shard.
    pub fn shard(&self) -> usize {
        self.works.index
    }

    /// Words that nobody can guess.
    pub fn tokens(&mut self) -> &mut Tokens {
        &mut self.works.tokens
    }

    /// A Call-ID whose messages come to this shard.
    pub fn call_id(&mut self, host: &str) -> String {
        self.works.call_id(host)
    }

    /// A tag for our side of a dialog that lives on this shard.
    pub fn tag(&mut self) -> String {
        self.works.tag()
    }

    /// Another shard on which the dialog lives that has this tag of ours; `None` where it lives here, or is not ours.
    pub fn neighbour_of(&self, tag: &str) -> Option<usize> {
        let spread = self.works.shared.spread();
        let shard = spread.shard_of_tag(tag.as_bytes()).filter(|_| !spread.is_single());
        shard.filter(|shard| *shard != self.works.index)
    }

    /// Where another shard can be spoken to, by whichever of our own sockets is there.
    pub fn within(&self) -> Option<(Transport, SocketAddr)> {
        self.works.within()
    }

    /// The way there.
    pub fn hop_within(&mut self) -> Option<Hop> {
        let (transport, at) = self.works.within()?;
        self.works.hop_to(transport, at)
    }

    /// Whether the server is stopping: running things may end, nothing new should begin.
    pub fn is_stopping(&self) -> bool {
        self.works.is_stopping
    }

    /// Our address as a peer should see it, in Contact and in whatever else it sends to us by.
    pub fn contact_for(&self, peer: SocketAddr, transport: Transport) -> SocketAddr {
        self.works.contact_for(peer, transport)
    }

    /// The same for the peer of a hop, by the very address of ours that it used.
    pub fn contact_on(&self, hop: &Hop) -> SocketAddr {
        self.works.contact_on(hop)
    }

    /// The same for a peer that nothing was heard from yet; `None` for one whose address is not known, who is taken to be
    /// outside.
    pub fn contact_towards(&self, peer: Option<IpAddr>, transport: Transport) -> SocketAddr {
        self.works.contact_for(SocketAddr::new(peer.unwrap_or(SOMEBODY), 0), transport)
    }

    /// The way to an address: the connection that leads there, one that is made now, or the right UDP socket. `None` when
    /// there is no socket for it or no room for another connection. A connection that cannot be made is told later, as
    /// `Unreachable` of what was sent over it.
    pub fn hop_to(&mut self, transport: Transport, peer: SocketAddr) -> Option<Hop> {
        self.works.hop_to(transport, peer)
    }

    /// Whether a connection still stands; UDP sockets always do.
    pub fn is_open(&self, flow: FlowId) -> bool {
        self.works.is_open(flow)
    }

    /// Whom the peer of a hop speaks for, where somebody vouches for that; what it claims and proves otherwise counts for
    /// nothing then.
    pub fn vouched(&self, hop: &Hop) -> Option<Voucher> {
        self.works.vouched(hop)
    }

    /// Closes a connection when what waits there has been said.
    pub fn close(&mut self, flow: FlowId) {
        self.works.close(flow);
    }

    /// Answers a request.
    pub fn respond(&mut self, id: ServerId, status: u16, bytes: Bytes) {
        let now = self.works.now;
        self.works.transactions.respond(id, status, bytes, now);
    }

    /// Refuses an INVITE of which nothing is to be kept; the To tag is put on here. For whoever has proved nothing: the
    /// refusal is not repeated to an address that may be forged.
    pub fn refuse(&mut self, id: ServerId, reply: Draft) {
        self.works.transactions.refuse(id, reply);
    }

    /// Repeats a 2xx no longer, because its dialog has ended.
    pub fn stop_repeating(&mut self, id: ServerId) {
        let now = self.works.now;
        self.works.transactions.stop_repeating(id, now);
    }

    /// Sends a request along a known way; its news come by [`Desk::hear`]. It goes that way whatever its size: whoever knows
    /// the way to a phone behind a NAT knows the only one. [`Wire::send_to`] prefers TCP for large requests.
    pub fn request(&mut self, draft: Draft, hop: Hop) -> Result<ClientId, Full> {
        self.works.request(draft, hop)
    }

    /// A request of ours as it went out, while its transaction stands.
    pub fn sent_as(&mut self, id: ClientId) -> Option<Bytes> {
        self.works.transactions.sent_as(id)
    }

    /// Ends an INVITE of ours; `reason` is the value of the Reason header (RFC 3326).
    pub fn cancel(&mut self, id: ClientId, reason: Option<&str>) {
        let now = self.works.now;
        self.works.transactions.cancel(id, reason, now);
    }

    /// Sends the ACK of a 2xx; its bytes are for [`Wire::send_again`].
    pub fn send_ack(&mut self, draft: Draft, hop: Hop) -> Bytes {
        self.works.send_ack(draft, hop)
    }

    /// Sends an ACK of a 2xx again, because the 2xx came again.
    pub fn send_again(&mut self, ack: Bytes, hop: Hop) {
        self.works.transactions.send_again(ack, hop);
    }

    /// Sends a request to an address, wherever DNS says that is (RFC 3263), one target after the other until one answers.
    /// All news, also that of an address that leads nowhere, come by [`Desk::hear_sent`] after this call.
    pub fn send_to(&mut self, draft: Draft, uri: &str) -> RequestId {
        self.works.send_to(draft, uri)
    }

    /// Ends a request sent by [`Wire::send_to`]: no further target is tried, and an INVITE on its way is cancelled. The
    /// end is told as usual.
    pub fn cancel_sent(&mut self, id: RequestId, reason: Option<&str>) {
        self.works.cancel_sent(id, reason);
    }

    /// The media threads; `None` where the server was started without sound. Ports and rooms are opened for the listener
    /// [`Wire::listener`], and their notices come by [`Desk::hear_sound`].
    pub fn plane(&self) -> Option<&Plane> {
        self.works.sound.as_ref().map(|sound| &sound.plane)
    }

    /// Whom the notices of this desk's ports and rooms are for.
    pub fn listener(&self) -> usize {
        self.works.index
    }

    /// Gets a prompt ready; what came of it, also when it is known at once, comes by [`Desk::hear_prompt`] after this call.
    pub fn load(&mut self, wish: Wish) -> Result<PromptTicket, NotAsked> {
        let now = self.works.now;
        self.works.sound.as_mut().ok_or(NotAsked::NoSound)?.load(wish, now)
    }

    /// Begins a recording, whose path is within the folder of recordings: the tap is for a port, the control for whoever ends
    /// it. What came of it comes by [`Desk::hear_recording`].
    pub fn record(&mut self, plan: Plan) -> Result<(RecordTicket, Tap, Control), NotRecorded> {
        self.works.sound.as_mut().ok_or(NotRecorded::NoFolder)?.record(plan)
    }

    /// Throws away a recording whose end was told, by the path that it was told with.
    pub fn discard_recording(&self, path: &Path) {
        if let Some(sound) = &self.works.sound {
            sound.discard(path);
        }
    }

    /// Sends an errand into the world; what came of it comes by [`Desk::hear_errand`] after this call.
    pub fn send_errand(&mut self, errand: Outside) -> Result<ErrandTicket, NotSent> {
        self.works.world.as_mut().ok_or(NotSent::NoWorld)?.send(errand)
    }

    /// Where sound for the peer of a hop is taken, and the address that its description names.
    pub fn sound_on(&self, hop: &Hop) -> SoundAddress {
        self.works.sound_address(hop.peer.ip(), hop.transport, Some(hop.local))
    }

    /// The same for a peer that nothing was heard from yet; `None` for one whose address is not known, who is taken to be
    /// outside.
    pub fn sound_for(&self, peer: Option<IpAddr>) -> SoundAddress {
        self.works.sound_address(peer.unwrap_or(SOMEBODY), Transport::Udp, None)
    }

    /// How many kbit/s of pictures a leg may send; `None`: pictures do not pass.
    pub fn picture_kbit(&self) -> Option<u32> {
        self.works.sound.as_ref().and_then(|sound| sound.rules.picture_kbit)
    }

    /// After how long without a packet a party counts as silent; `None`: never.
    pub fn silence_after(&self) -> Option<Duration> {
        self.works.sound.as_ref().and_then(|sound| sound.rules.silence_after)
    }
}

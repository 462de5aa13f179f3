//! Pictures of a leg. They pass to another leg and from it, so that which formats there are, and whether anybody looks, is for
//! whoever knows both; what is said of them is said with the sound.

use std::sync::Arc;

use patchcord_media::sdp::Format;
use patchcord_media::sdp::agreed::Sound;
use patchcord_sip::message::{Method, Request};

use super::offers::{ShownAt, description, pictures_of};
use super::{Cx, Line, Stage};

impl Line {
    /// What the party would show and look at: what is agreed, or what it offers with the call that is not answered yet.
    #[must_use]
    pub fn pictures_offered(&self) -> &[Format] {
        match (self.offers.pictures(), &self.called) {
            (Some(pictures), _) => &pictures.send,
            (None, Some(called)) => &called.pictures,
            (None, None) => &[],
        }
    }

    /// What is agreed of pictures, or would be by what the party has said before its answer.
    #[must_use]
    pub fn pictures(&self) -> Option<&Arc<Sound>> {
        self.offers.pictures().or_else(|| self.calling.as_ref()?.shown.as_ref())
    }

    /// Offers and takes pictures of these formats, at most so many kbit/s, there.
    pub fn show(&mut self, formats: &[Format], kbit: u32, at: ShownAt, cx: &mut Cx<'_>) {
        self.offers.show(formats, kbit, at, cx.tokens);
    }

    /// Neither offers nor takes pictures, from the next offer or answer on.
    pub fn hide(&mut self) {
        self.offers.hide();
    }

    /// Says in an offer of its own what it wants of pictures.
    pub fn offer_pictures(&mut self, cx: &mut Cx<'_>) {
        if self.stage == Stage::Up {
            self.changes.pictures = true;
            self.go_on(cx);
        }
    }

    /// Whether somebody looks at the party's pictures and shows it some; it is told of a change.
    pub fn look(&mut self, look: bool, cx: &mut Cx<'_>) {
        if self.stage == Stage::Up && look == self.offers.is_unseen() && self.offers.look(look) {
            self.offer_pictures(cx);
        }
    }

    /// Whether a change of pictures is wanted or under way.
    #[must_use]
    pub fn is_changing_pictures(&self) -> bool {
        self.changes.pictures || self.is_asking_pictures()
    }

    /// What a request of the party would show that was not shown before: it has to be known what the other leg says before it
    /// can be answered. Empty where it changes nothing of that kind, or where it comes at the wrong moment.
    #[must_use]
    pub fn wants_to_show(&self, request: &Request) -> Vec<Format> {
        let is_free = self.stage == Stage::Up
            && self.unheard.is_none()
            && self.dialog.as_ref().is_some_and(|dialog| dialog.turns.may_invite());
        if *request.method() != Method::Invite || !is_free || self.offers.pictures().is_some() {
            return Vec::new();
        }
        description(request).ok().flatten().map(|offer| pictures_of(&offer)).unwrap_or_default()
    }
}

//! Why a call leads nowhere: the status, the phrase for the phone, and the sentence for the journal.

/// What a caller is answered who names nobody that there is.
pub const NO_SUCH_NAME: &str = "Nobody Of That Name";

/// Why a call leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No route takes the number of an endpoint's call.
    #[error("no route leads to {number}; write a [[route]] that takes it")]
    NoRoute {
        /// Whom it called.
        number: Box<str>,
    },
    /// No route takes the number of a carrier's call.
    #[error("no route leads from trunk {trunk} to {number}; write a [[route]] with from = \"trunk:{trunk}\"")]
    NoRouteIn {
        /// Whom it called, as we write it.
        number: Box<str>,
        /// By which trunk it came.
        trunk: Box<str>,
    },
    /// An emergency, and nothing leads outside.
    #[error("{number} is for emergencies, and there is neither a route nor a trunk that leads outside")]
    NoTrunk {
        /// Whom it called.
        number: Box<str>,
    },
    /// A route takes the number, for others.
    #[error("route {route} takes {number}, but only from {whom}")]
    ForOthers {
        /// Whom it called.
        number: Box<str>,
        /// The first such route, counted from one.
        route: usize,
        /// Whom that is for.
        whom: String,
    },
    /// No endpoint is called so.
    #[error("there is no endpoint {name}, and no route takes that name")]
    NoSuchName {
        /// Whom it called.
        name: Box<str>,
    },
    /// Somebody who has proved nothing calls something that is not for anyone.
    #[error("whoever is neither an endpoint nor a trunk may call only where a route says from = \"anyone\"")]
    Stranger,
    /// The trunk was taken away in the meantime.
    #[error("there is no trunk {trunk}")]
    UnknownTrunk {
        /// Which.
        trunk: Box<str>,
    },
    /// The address lies at a domain that is not ours.
    #[error("{host} is not our domain, and calls to others lead over trunks only")]
    OtherDomain {
        /// Where it called.
        host: Box<str>,
    },
    /// The address names nobody.
    #[error("the address names nobody")]
    Nobody,
    /// The number is longer than any.
    #[error("the number is longer than any number or name")]
    TooLong,
}

impl Denial {
    /// What the caller is answered.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoRoute { .. } | Self::ForOthers { .. } | Self::Stranger | Self::OtherDomain { .. } => 403,
            Self::NoRouteIn { .. } | Self::NoSuchName { .. } | Self::UnknownTrunk { .. } | Self::TooLong => 404,
            Self::Nobody => 484,
            Self::NoTrunk { .. } => 503,
        }
    }

    /// What stands behind the status.
    pub fn phrase(&self) -> &'static str {
        match self {
            Self::NoRoute { .. } => "No Route To That Number",
            Self::NoRouteIn { .. } => "No Route From Here To That Number",
            Self::NoTrunk { .. } => "No Trunk For Emergencies",
            Self::ForOthers { .. } => "That Number Is Not For You",
            Self::NoSuchName { .. } => NO_SUCH_NAME,
            Self::Stranger => "Calls From Strangers Are Not Taken",
            Self::UnknownTrunk { .. } => "Unknown Trunk",
            Self::OtherDomain { .. } => "Not Our Domain",
            Self::Nobody => "Address Names Nobody",
            Self::TooLong => "Number Too Long",
        }
    }
}

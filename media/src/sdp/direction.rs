//! Which way sound goes, seen from whoever says it.

/// What one side says of itself. Two sides' words meet by [`Direction::turned`] and [`Direction::and`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `sendrecv`: it sends and takes.
    #[default]
    Both,
    /// `sendonly`: it sends and takes nothing. Who is put on hold with music hears this.
    Send,
    /// `recvonly`: it takes and sends nothing.
    Receive,
    /// `inactive`: neither.
    Neither,
}

impl Direction {
    /// From what it sends and what it takes.
    #[must_use]
    pub const fn from_parts(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::Both,
            (true, false) => Self::Send,
            (false, true) => Self::Receive,
            (false, false) => Self::Neither,
        }
    }

    /// The attribute of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Both, Self::Send, Self::Receive, Self::Neither]
            .into_iter()
            .find(|direction| direction.text().eq_ignore_ascii_case(name))
    }

    /// The attribute's name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Both => "sendrecv",
            Self::Send => "sendonly",
            Self::Receive => "recvonly",
            Self::Neither => "inactive",
        }
    }

    /// Whether the side that says it sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::Both | Self::Send)
    }

    /// Whether the side that says it takes.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::Both | Self::Receive)
    }

    /// The same from the other side.
    #[must_use]
    pub const fn turned(self) -> Self {
        Self::from_parts(self.receives(), self.sends())
    }

    /// What both allow, seen from the same side.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::from_parts(self.sends() && other.sends(), self.receives() && other.receives())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_sends_the_other_takes() {
        assert_eq!(Direction::Send.turned(), Direction::Receive);
        assert_eq!(Direction::Both.and(Direction::Send.turned()), Direction::Receive);
        assert_eq!(Direction::Send.and(Direction::Receive), Direction::Neither);
        for direction in [Direction::Both, Direction::Send, Direction::Receive, Direction::Neither] {
            assert_eq!(direction.turned().turned(), direction);
            assert_eq!(Direction::of(direction.text()), Some(direction));
        }
    }
}

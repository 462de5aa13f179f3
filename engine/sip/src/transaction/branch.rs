//! The branches of our requests: they carry the place of their transaction.
//!
//! A response is found by reading its branch, with no table between. The place alone proves nothing, so 64 secret bits
//! stand beside it: nobody who has not seen the request can answer it.

use crate::message::BRANCH_COOKIE;

/// A branch of ours: cookie, eight digits of place, sixteen of secret.
const LENGTH: usize = BRANCH_COOKIE.len() + 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub index: u32,
    pub secret: u64,
}

impl Branch {
    /// Reads a branch of ours; `None` for anybody else's.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(BRANCH_COOKIE).filter(|_| text.len() == LENGTH)?;
        // `from_str_radix` would take a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let (index, secret) = digits.split_at(8);
        Some(Self { index: u32::from_str_radix(index, 16).ok()?, secret: u64::from_str_radix(secret, 16).ok()? })
    }
}

impl std::fmt::Display for Branch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{BRANCH_COOKIE}{:08x}{:016x}", self.index, self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_of_ours_is_read_as_it_was_written() {
        let branch = Branch { index: 77, secret: u64::MAX - 5 };
        assert_eq!(Branch::parse(&branch.to_string()), Some(branch));
    }

    #[test]
    fn a_branch_of_somebody_else_names_none_of_ours() {
        let others = [
            "z9hG4bK",
            "z9hG4bKkdjuw",
            "z9hG4bK+00000010000000000000001",
            "z9hG4bK0000000100000000000000010",
            "z9hG4bK0000ß0100000000000000001",
            "000000010000000000000001",
        ];
        assert_eq!(others.map(Branch::parse), [None; 6]);
    }
}

//! The statements that write calls, and the values that go with them.

/// A call's row: made, or changed while it stands open. What was noted later replaces what was noted earlier, and a closed
/// row stays as it is. Says which rows it changed.
pub const CALL: &str = "INSERT INTO calls (id, began_at, service, version, route, from_number, from_name, to_number, \
                        to_name, rang_us, answered_us, ended_us, talk_us, outcome, fault, ended_by, q850, sip, reason, \
                        place, tags, recordings, entries, hung_up, passed, length_class, worst_mos, parties) ";

/// What follows the values of [`CALL`].
pub const CALL_AGAIN: &str = " ON CONFLICT (id) DO UPDATE SET rang_us = excluded.rang_us, answered_us = \
                              excluded.answered_us, ended_us = excluded.ended_us, talk_us = excluded.talk_us, \
                              outcome = excluded.outcome, fault = excluded.fault, ended_by = excluded.ended_by, \
                              q850 = excluded.q850, sip = excluded.sip, reason = excluded.reason, \
                              place = excluded.place, tags = excluded.tags, recordings = excluded.recordings, \
                              entries = excluded.entries, hung_up = excluded.hung_up, passed = excluded.passed, \
                              length_class = excluded.length_class, worst_mos = excluded.worst_mos, \
                              parties = excluded.parties \
                              WHERE calls.outcome IS NULL AND excluded.entries >= calls.entries RETURNING id";

/// A leg's row.
pub const LEG: &str = "INSERT INTO legs (call_id, position, leg, parent, direction, account_kind, account, from_number, \
                       from_name, to_number, to_name, transport, peer, began_us, rang_us, early_media_us, answered_us, \
                       ended_us, talk_us, holds, ended_by, q850, sip, reason, place, quality, rooms, forwarded, \
                       told_recorded_us) ";

/// A piece of a journal.
pub const PIECE: &str = "INSERT INTO journal (call_id, first_entry, entries) ";

/// What follows the values of [`PIECE`].
pub const PIECE_AGAIN: &str = " ON CONFLICT (call_id, first_entry) DO NOTHING";

/// Binds these values one after the other.
macro_rules! bind {
    ($values:ident: $($value:expr),+ $(,)?) => {{
        $($values.push_bind($value);)+
    }};
}
pub(super) use bind;

/// The values of [`CALL`].
macro_rules! bind_call {
    ($values:ident, $row:ident) => {
        $crate::store::calls::statement::bind!($values: &$row.id, $row.began_at, &$row.service, &$row.version,
            &$row.route, &$row.from_number, &$row.from_name, &$row.to_number, &$row.to_name, $row.rang_us,
            $row.answered_us, $row.ended_us, $row.talk_us, &$row.outcome, &$row.fault, &$row.end.ended_by, $row.end.q850,
            $row.end.sip, &$row.end.reason, &$row.end.place, &$row.tags, &$row.recordings, $row.entries,
            $row.hung_up, &$row.passed, $row.length_class, $row.worst_mos, &$row.parties)
    };
}
pub(super) use bind_call;

/// The values of [`LEG`].
macro_rules! bind_leg {
    ($values:ident, $row:ident) => {
        $crate::store::calls::statement::bind!($values: &$row.call_id, $row.position, $row.leg, $row.parent,
            &$row.direction, &$row.account_kind, &$row.account, &$row.from_number, &$row.from_name, &$row.to_number,
            &$row.to_name, &$row.transport, &$row.peer, $row.began_us, $row.rang_us, $row.early_media_us,
            $row.answered_us, $row.ended_us, $row.talk_us, $row.holds, &$row.end.ended_by, $row.end.q850, $row.end.sip,
            &$row.end.reason, &$row.end.place, &$row.quality, &$row.rooms, &$row.forwarded, $row.told_recorded_us)
    };
}
pub(super) use bind_leg;

//! The functions of a script that the house calls, with what each is given: for whoever checks a script and whoever reads the reference.

/// Handlers, and how many values each takes.
pub const HANDLERS: &[(&str, usize, &str)] = &[
    ("on_invite", 1, "on_invite(caller): a call arrives for this service."),
    ("on_dtmf", 2, "on_dtmf(leg, key): a key that no gather took; key.digit, key.ms, key.via."),
    ("on_info", 2, "on_info(leg, info): SIP INFO that is no key; info.content_type, info.body."),
    (
        "on_refer",
        2,
        "on_refer(leg, req): a party asks to be transferred; req.to, req.replaces, req.accept(), req.reject(code).",
    ),
    ("on_hold", 2, "on_hold(leg, held): a party holds, or resumes."),
    (
        "on_message",
        2,
        "on_message(leg, msg): a text; msg.content_type, msg.body. Outside of any call leg is (), and there are msg.from, msg.to, msg.name, msg.endpoint, msg.trunk; it gives back what on_register does.",
    ),
    ("on_bye", 2, "on_bye(leg, why): once for each leg that ends; why.by, why.cause, why.sip, why.reason, why.at."),
    (
        "on_room",
        2,
        "on_room(leg, ev): something happens in the conference room of a leg; ev.kind (join, leave, talk_start, talk_stop, floor, hand, mute, lock, record, wait, denied), ev.on, ev.me, ev.member, ev.name, ev.number, ev.role, ev.members, ev.room.",
    ),
    ("on_error", 2, "on_error(leg, err): the script has failed; err.text."),
    (
        "on_web",
        1,
        "on_web(req): somebody asks /services/NAME over HTTP; req.method, req.query, req.headers, req.body, req.json, req.who. Gives back a text, a status, () or #{ status, headers, body, json }.",
    ),
    ("on_timer", 1, "on_timer(name): a moment that [timer] of the manifest names."),
    (
        "on_register",
        1,
        "on_register(reg): a phone registers, asked of the service of the house; reg.user, reg.number, reg.contact, reg.user_agent, reg.transport, reg.address. Gives back true or (), false, a status, or #{ status, reason }.",
    ),
];

/// Handlers that are given no leg.
pub(crate) const WITHOUT_PARTY: &[&str] = &["on_web", "on_timer", "on_register"];

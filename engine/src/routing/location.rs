//! The location service: which bindings each endpoint holds now.
//!
//! Shared by all shards, in stripes, each behind a short lock that is never held while anything waits. Reads leave
//! out what has lapsed; [`Location::sweep`] frees it a stripe at a time. Every change marks its endpoint as
//! unwritten, and whoever writes behind takes the marks with [`Location::take_changes`]: what waits to be written is
//! never more than one entry an endpoint, however often it changes.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Instant, SystemTime},
};

use patchcord_sip::hop::FlowId;

use super::{
    binding::{Binding, Reach},
    shelf::{BindingChange, BindingRow},
};

/// Stripes of the table: more than shards, so that two of them seldom meet; few, so that a sweep comes round soon.
const STRIPES: usize = 64;

/// A binding is shared with the answer that lists it, so that a REGISTER copies none of the words of others.
type Stripe = HashMap<Arc<str>, Vec<Arc<Binding>>>;

/// Where everybody is.
#[derive(Debug)]
pub struct Location {
    stripes: Vec<Mutex<Stripe>>,
    hasher: RandomState,
    /// Who is bound to which connection. Taken after a stripe, never before.
    flows: Mutex<HashMap<FlowId, HashSet<Arc<str>>>>,
    /// Whose bindings changed since they were last written. Taken after a stripe, never before.
    unwritten: Mutex<HashSet<Arc<str>>>,
    /// How many were taken to be written and are not yet known to be.
    being_written: AtomicUsize,
    next_sweep: AtomicUsize,
    endpoints: AtomicUsize,
    bindings: AtomicUsize,
}

impl Default for Location {
    fn default() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            flows: Mutex::default(),
            unwritten: Mutex::default(),
            being_written: AtomicUsize::new(0),
            next_sweep: AtomicUsize::new(0),
            endpoints: AtomicUsize::new(0),
            bindings: AtomicUsize::new(0),
        }
    }
}

impl Location {
    /// Everything that endpoint holds and that stands at `now`, the preferred first.
    pub fn bindings(&self, user: &str, now: Instant) -> Vec<Binding> {
        let stripe = self.stripe(user);
        let standing = stripe.get(user).into_iter().flatten().filter(|binding| binding.stands(now));
        let mut found: Vec<_> = standing.map(|binding| Binding::clone(binding)).collect();
        found.sort_by_key(|binding| std::cmp::Reverse(binding.q_thousandths));
        found
    }

    /// Whether that endpoint can be reached at `now`.
    pub fn is_reachable(&self, user: &str, now: Instant) -> bool {
        let stripe = self.stripe(user);
        stripe.get(user).is_some_and(|held| held.iter().any(|b| b.stands(now) && b.reachable()))
    }

    /// Whether somebody can be reached only over that connection.
    pub fn is_reached_by(&self, flow: FlowId) -> bool {
        lock(&self.flows).contains_key(&flow)
    }

    /// Whether somebody is bound to that address. Looks at all of them: for what happens seldom.
    pub fn is_reached_at(&self, address: IpAddr, now: Instant) -> bool {
        let there = |binding: &Arc<Binding>| binding.stands(now) && binding.hop.peer.ip().to_canonical() == address;
        self.stripes.iter().any(|stripe| lock(stripe).values().flatten().any(there))
    }

    /// Up to `most` endpoints with bindings, with what they hold, by name after `after`: for those who list them.
    pub fn page(&self, after: &str, most: usize, now: Instant) -> Vec<(Arc<str>, Vec<Binding>)> {
        let mut users: Vec<Arc<str>> = Vec::new();
        for stripe in &self.stripes {
            users.extend(lock(stripe).keys().filter(|user| &***user > after).cloned());
        }
        users.sort_unstable();
        let held = users.into_iter().map(|user| {
            let bindings = self.bindings(&user, now);
            (user, bindings)
        });
        held.filter(|(_, bindings)| !bindings.is_empty()).take(most).collect()
    }

    /// How many endpoints hold bindings; what has lapsed counts until it is swept.
    pub fn endpoints(&self) -> usize {
        self.endpoints.load(Relaxed)
    }

    /// How many bindings there are; what has lapsed counts until it is swept.
    pub fn count(&self) -> usize {
        self.bindings.load(Relaxed)
    }

    /// Lets `change` look at what an endpoint holds and change it, all or nothing: an `Err` changes nothing.
    /// What has lapsed is gone before `change` sees it.
    pub(super) fn update<T, E>(
        &self,
        user: &Arc<str>,
        now: Instant,
        change: impl FnOnce(&mut Vec<Arc<Binding>>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut stripe = self.stripe(user);
        let before = stripe.get(user).map_or(&[][..], Vec::as_slice);
        let mut held: Vec<_> = before.iter().filter(|binding| binding.stands(now)).cloned().collect();
        let result = change(&mut held)?;
        if held != before {
            self.settle(&mut stripe, user, held);
        }
        Ok(result)
    }

    /// Forgets all that an endpoint holds: it was removed, or its password changed.
    pub fn forget(&self, user: &str) {
        let mut stripe = self.stripe(user);
        if let Some((user, _)) = stripe.get_key_value(user) {
            let user = user.clone();
            self.settle(&mut stripe, &user, Vec::new());
        }
    }

    /// A connection has closed: the bindings that could only be reached over it are gone.
    pub fn flow_closed(&self, flow: FlowId) {
        let Some(users) = lock(&self.flows).remove(&flow) else { return };
        for user in users {
            let mut stripe = self.stripe(&user);
            let Some(held) = stripe.get(&user) else { continue };
            let dead = |binding: &Arc<Binding>| binding.reach == Reach::Flow && binding.hop.flow == flow;
            if held.iter().any(dead) {
                let rest = held.iter().filter(|binding| !dead(binding)).cloned().collect();
                self.settle(&mut stripe, &user, rest);
            }
        }
    }

    /// Frees what has lapsed in the next stripe; gives back how many bindings that were. Call it a few times a
    /// second, and the whole table is swept in half a minute at a cost that no call notices.
    pub fn sweep(&self, now: Instant) -> usize {
        let next = self.next_sweep.fetch_add(1, Relaxed) % STRIPES;
        let mut stripe = lock(&self.stripes[next]);
        let lapsed = |held: &[Arc<Binding>]| held.iter().any(|binding| !binding.stands(now));
        let users: Vec<_> = stripe.iter().filter(|(_, held)| lapsed(held)).map(|(user, _)| user.clone()).collect();
        let mut freed = 0;
        for user in users {
            let held = &stripe[&user];
            let rest: Vec<_> = held.iter().filter(|binding| binding.stands(now)).cloned().collect();
            freed += held.len() - rest.len();
            self.settle(&mut stripe, &user, rest);
        }
        freed
    }

    /// Takes what waits to be written, at most `most` endpoints of it, each with all that it holds now. Whoever takes
    /// it says with [`Self::written`] or [`Self::give_back`] what became of it.
    pub fn take_changes(&self, most: usize, now: Instant, wall: SystemTime) -> Vec<BindingChange> {
        let users: Vec<Arc<str>> = {
            let mut unwritten = lock(&self.unwritten);
            let users: Vec<_> = unwritten.iter().take(most).cloned().collect();
            for user in &users {
                unwritten.remove(user);
            }
            self.being_written.fetch_add(users.len(), Relaxed);
            users
        };
        let change = |user: Arc<str>| {
            let rows = self.bindings(&user, now).iter().map(|b| b.to_row(&user, now, wall)).collect();
            BindingChange { user: user.to_string(), rows }
        };
        users.into_iter().map(change).collect()
    }

    /// So many of what was taken are kept now.
    pub fn written(&self, endpoints: usize) {
        self.being_written.fetch_sub(endpoints, Relaxed);
    }

    /// Marks what was taken as unwritten again: the store was away.
    pub fn give_back<'a>(&self, users: impl Iterator<Item = &'a str>) {
        let mut unwritten = lock(&self.unwritten);
        for user in users {
            unwritten.insert(user.into());
            self.being_written.fetch_sub(1, Relaxed);
        }
    }

    /// How many endpoints wait to be written.
    pub fn unwritten(&self) -> usize {
        lock(&self.unwritten).len() + self.being_written.load(Relaxed)
    }

    /// Takes what the store kept over a restart; gives back how many bindings still stand.
    pub fn restore(&self, rows: Vec<BindingRow>, now: Instant, wall: SystemTime) -> usize {
        let mut restored = 0;
        for (user, binding) in rows.into_iter().filter_map(|row| Binding::from_row(row, now, wall)) {
            let mut stripe = self.stripe(&user);
            let mut held = stripe.get(&user).cloned().unwrap_or_default();
            held.push(Arc::new(binding));
            self.settle(&mut stripe, &user, held);
            lock(&self.unwritten).remove(&user);
            restored += 1;
        }
        restored
    }

    /// The one place where an endpoint's bindings are replaced: counts, flows and marks follow here.
    fn settle(&self, stripe: &mut Stripe, user: &Arc<str>, mut held: Vec<Arc<Binding>>) {
        held.shrink_to_fit();
        let before = stripe.get(user).map_or(&[][..], Vec::as_slice);
        self.bindings.fetch_add(held.len(), Relaxed);
        self.bindings.fetch_sub(before.len(), Relaxed);
        let flow_of = |binding: &Arc<Binding>| (binding.reach == Reach::Flow).then_some(binding.hop.flow);
        if before.iter().chain(&held).any(|binding| binding.reach == Reach::Flow) {
            let mut flows = lock(&self.flows);
            for flow in before.iter().filter_map(flow_of) {
                if let Some(users) = flows.get_mut(&flow) {
                    users.remove(user);
                    if users.is_empty() {
                        flows.remove(&flow);
                    }
                }
            }
            for flow in held.iter().filter_map(flow_of) {
                flows.entry(flow).or_default().insert(user.clone());
            }
        }
        match (before.is_empty(), held.is_empty()) {
            (true, false) => drop(self.endpoints.fetch_add(1, Relaxed)),
            (false, true) => drop(self.endpoints.fetch_sub(1, Relaxed)),
            _ => {}
        }
        if held.is_empty() {
            stripe.remove(user);
        } else {
            stripe.insert(user.clone(), held);
        }
        lock(&self.unwritten).insert(user.clone());
    }

    fn stripe(&self, user: &str) -> MutexGuard<'_, Stripe> {
        // The high bits: the table inside a stripe uses the low ones.
        let hash = self.hasher.hash_one(user);
        lock(&self.stripes[(hash >> 32) as usize % STRIPES])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding the location")
}

#[cfg(test)]
mod tests;

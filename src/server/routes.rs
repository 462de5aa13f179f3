//! Routes that are added while the server runs, joined with those of the file into one plan.
//!
//! ```text
//! file  ─┐
//!        ├─▶ joined ─▶ Plan          a number that the file has is the file's
//! store ─┘
//! ```
//!
//! Each is read by the code that reads `[[route]]`. One that does not go with the file any more stays in the store and out of
//! the plan, and says why. A change is written before it is in force; while the store is away there is none.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use hyper::StatusCode;
use patchcord_engine::{
    routing::{MAX_EXPRESSIONS, MAX_ROUTES, Pattern, PlanSettings, Route},
    runtime::clock,
};
use patchcord_web::{
    house::Answer,
    people::guard::away,
    problem::{Problem, chain},
    routes::{Added, Change, Kept, LONGEST_WRITTEN, MOST_ADDED, RouteBook, Written},
};

use super::house::Running;
use crate::config::{UnfitRoute, read_added_route};

/// Bytes of the name that one is given.
const DRAWN: usize = 6;

/// Those that are kept, and how each stands. Only who has the turn to change the plan changes them.
#[derive(Debug, Default)]
pub struct AddedRoutes(Mutex<Vec<Kept>>);

impl AddedRoutes {
    /// Those.
    pub fn new(kept: Vec<Kept>) -> Self {
        Self(Mutex::new(kept))
    }

    /// As they are kept, without how they stand.
    pub fn written(&self) -> Vec<Added> {
        self.all().iter().map(|kept| kept.added.clone()).collect()
    }

    /// From now on they are these.
    pub fn replace(&self, kept: Vec<Kept>) {
        *self.all() = kept;
    }

    /// Why some are not in force, in words.
    pub fn hindered(&self) -> Vec<String> {
        let told = |kept: &Kept| {
            let problem = kept.route.as_ref().err()?;
            Some(format!("added route {} is not in force: {}", kept.added.id, problem.detail))
        };
        self.all().iter().filter_map(told).collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().expect("nobody panics while holding the routes")
    }
}

/// The plan of the file with what was added, and how each of the added stands.
pub fn joined(file: &PlanSettings, added: Vec<Added>) -> (PlanSettings, Vec<Kept>) {
    let taken: HashSet<String> = file.routes.iter().map(|route| route.number.to_string()).collect();
    let mut plan = file.clone();
    let mut expressions = plan.routes.iter().filter(|route| is_expression(route)).count();
    let mut kept = Vec::new();
    for added in added {
        let route = read_added_route(&added.written, &file.trunks).map_err(unfit).and_then(|route| {
            expressions += usize::from(is_expression(&route));
            match () {
                () if taken.contains(&route.number.to_string()) => Err(the_files(&route)),
                () if expressions > MAX_EXPRESSIONS => Err(too_many(MAX_EXPRESSIONS, "routes with an expression")),
                () if plan.routes.len() >= MAX_ROUTES => Err(too_many(MAX_ROUTES, "routes")),
                () => Ok(route),
            }
        });
        plan.routes.extend(route.clone());
        kept.push(Kept { added, route });
    }
    (plan, kept)
}

fn is_expression(route: &Route) -> bool {
    matches!(route.number, Pattern::Expression(_))
}

/// The same words as for the file; 409 where it names a trunk that is not there, 422 where it cannot be right.
fn unfit(unfit: UnfitRoute) -> Problem {
    let status = if unfit.only_absent { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    let told: Vec<_> = unfit.problems.iter().map(|problem| format!("{}: {}", problem.key, problem.reason)).collect();
    let remedies: Vec<_> = unfit.problems.into_iter().map(|problem| problem.remedy).collect();
    Problem::new(status, told.join("; ")).remedy(remedies.join("; "))
}

fn the_files(route: &Route) -> Problem {
    let detail = format!("number: a route of the configuration has {}", route.number);
    Problem::new(StatusCode::CONFLICT, detail).remedy("change it there; what the file says wins over what is added")
}

fn too_many(most: usize, what: &str) -> Problem {
    let detail = format!("there are {most} {what} already");
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail).remedy("remove some, or have a service look the numbers up")
}

fn nobody(id: &str) -> Problem {
    let id: String = id.chars().take(60).collect();
    Problem::new(StatusCode::NOT_FOUND, format!("no route {id} was added"))
        .remedy("see /api/v1/routes; one without an id is changed in the configuration")
}

impl RouteBook for Running {
    fn kept(&self) -> Vec<Kept> {
        self.added_routes().all().clone()
    }

    fn change(&self, change: Change, by: String) -> Answer<'_, Result<Added, Problem>> {
        Box::pin(self.change_route(change, by))
    }
}

impl Running {
    async fn change_route(&self, change: Change, by: String) -> Result<Added, Problem> {
        let _turn = self.turn().lock().await;
        let (store, file) = (self.store(), self.config().plan.clone());
        let mut all = self.added_routes().written();
        let at = |all: &[Added], id: &str| all.iter().position(|added| added.id == id).ok_or_else(|| nobody(id));
        let changed = match change {
            Change::Add(written) => {
                if all.len() >= MOST_ADDED {
                    return Err(too_many(MOST_ADDED, "routes that were added"));
                }
                let added = Added { id: drawn()?, written, written_by: by, added_at: after(all.last(), clock::wall()) };
                all.push(added.clone());
                self.is_fit(&file, &all, &added)?;
                store.add_route(&added).await.map_err(|error| away(&error))?;
                added
            }
            Change::Put(id, written) => {
                let at = at(&all, &id)?;
                (all[at].written, all[at].written_by) = (written, by);
                let added = all[at].clone();
                self.is_fit(&file, &all, &added)?;
                if !store.change_route(&added).await.map_err(|error| away(&error))? {
                    return Err(nobody(&id));
                }
                added
            }
            Change::Remove(id) => {
                let removed = all.remove(at(&all, &id)?);
                store.remove_route(&id).await.map_err(|error| away(&error))?;
                removed
            }
        };
        let (plan, kept) = joined(&file, all);
        self.replan(plan)?;
        self.added_routes().replace(kept);
        Ok(changed)
    }

    /// Puts a plan in force.
    fn replan(&self, plan: PlanSettings) -> Result<(), Problem> {
        let replanned = self.board().replan(plan);
        replanned.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, chain(&error)))
    }

    /// Whether that one can be in force among all of them.
    fn is_fit(&self, file: &PlanSettings, all: &[Added], changed: &Added) -> Result<(), Problem> {
        is_short(&changed.written)?;
        let (_, kept) = joined(file, all.to_vec());
        let (own, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|kept| kept.added.id == changed.id);
        let own = own.into_iter().next().expect("it is among them").route?;
        let same = |other: &Route| (other.number.to_string(), whom(other)) == (own.number.to_string(), whom(&own));
        let twice = others.iter().find(|other| other.route.as_ref().is_ok_and(same));
        if let Some(twice) = twice {
            let detail = format!("number: route {} has {} for the same callers", twice.added.id, own.number);
            return Err(Problem::new(StatusCode::CONFLICT, detail).remedy("change that one, or say other callers"));
        }
        match self.services_missing(&own) {
            Some(service) => {
                let detail = format!("service: {service} is not there");
                let remedy = format!("write {service}.rhai, or name a service that is there");
                Err(Problem::new(StatusCode::CONFLICT, detail).remedy(remedy))
            }
            None => Ok(()),
        }
    }
}

/// Whom it is for, however that was ordered.
fn whom(route: &Route) -> Vec<String> {
    let mut whom: Vec<String> = route.from.iter().map(ToString::to_string).collect();
    whom.sort_unstable();
    whom.dedup();
    whom
}

fn is_short(written: &Written) -> Result<(), Problem> {
    let bytes = serde_json::to_string(written).map_or(usize::MAX, |text| text.len());
    match bytes <= LONGEST_WRITTEN {
        true => Ok(()),
        false => {
            let detail = format!("a route has at most {LONGEST_WRITTEN} bytes");
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).remedy("name fewer callers, or write several"))
        }
    }
}

/// Now, and behind the one before as the store counts: the order is kept over a restart.
fn after(last: Option<&Added>, now: SystemTime) -> SystemTime {
    last.map_or(now, |last| now.max(last.added_at + Duration::from_millis(1)))
}

/// A name that nobody has.
fn drawn() -> Result<String, Problem> {
    let mut drawn = [0; DRAWN];
    let without = |error: getrandom::Error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    getrandom::fill(&mut drawn).map_err(without)?;
    Ok(drawn.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use patchcord_engine::routing::{Origin, Target, Trunk};
    use serde_json::json;

    use super::*;

    fn added(id: usize, written: serde_json::Value) -> Added {
        let written = written.as_object().expect("an object").clone();
        Added { id: id.to_string(), written, written_by: "ada".into(), added_at: SystemTime::UNIX_EPOCH }
    }

    fn file(numbers: &[&str]) -> PlanSettings {
        let route = |number: &&str| Route {
            number: number.parse().expect("a pattern"),
            from: vec!["endpoints".parse().expect("a source")],
            target: Target::Service("echo".into()),
            rewrite: None,
            origin: Origin::File,
        };
        let trunks = vec![Trunk::new("north", vec!["sip:203.0.113.1".into()])];
        PlanSettings { routes: numbers.iter().map(route).collect(), trunks, ..PlanSettings::default() }
    }

    fn problem(kept: &Kept) -> (u16, String, String) {
        let problem = kept.route.clone().expect_err("it is not in force");
        (problem.status, problem.detail, problem.remedy.unwrap_or_default())
    }

    #[test]
    fn what_the_file_names_wins_and_what_was_added_waits_for_it_to_go() {
        let all = || vec![added(1, json!({ "number": "600", "service": "echo", "from": "anyone" }))];
        let (plan, kept) = joined(&file(&["600"]), all());
        assert_eq!((plan.routes.len(), problem(&kept[0]).0), (1, 409));
        assert!(problem(&kept[0]).1.contains("a route of the configuration has 600"));
        let (plan, kept) = joined(&file(&["6*"]), all());
        assert_eq!((plan.routes.len(), plan.routes[1].origin), (2, Origin::Store));
        assert!(kept[0].route.is_ok());
    }

    #[test]
    fn a_trunk_that_is_gone_takes_its_added_routes_out_of_the_plan_and_they_say_so() {
        let out = || vec![added(1, json!({ "number": "+*", "trunk": ["north", "south"] }))];
        let (plan, kept) = joined(&file(&[]), out());
        assert_eq!(plan.routes.len(), 0);
        let (status, detail, remedy) = problem(&kept[0]);
        assert_eq!((status, detail.as_str()), (409, "trunk: there is no trunk south"));
        assert!(remedy.contains("[[trunk]]"), "{remedy}");
    }

    #[test]
    fn a_mistake_has_the_words_that_it_has_in_the_file() {
        let told = |written| problem(&joined(&file(&[]), vec![added(1, written)]).1[0]);
        let (status, detail, remedy) = told(json!({ "number": "+*", "from": "anyone", "trunk": "north" }));
        assert_eq!((status, detail.as_str()), (422, "from: would let strangers call out at your cost"));
        assert!(remedy.contains("from = \"endpoints\""), "{remedy}");
        for (written, said) in [
            (json!({ "service": "echo" }), "number: is missing"),
            (json!({ "number": "1" }), "service: leads nowhere"),
            (json!({ "number": "1", "service": "a", "trunk": "north" }), "service: leads to more than one thing"),
            (json!({ "number": "a b", "service": "a" }), "number: \"a b\" is no number"),
            (json!({ "number": 600, "service": "a" }), "number: 600 is a number"),
            (json!({ "number": "1", "servise": "a" }), "servise: is unknown"),
            (json!({ "number": "1", "service": "a", "rewrite": { "strip": "x" } }), "rewrite.strip: \"x\" cannot"),
        ] {
            let (status, detail, remedy) = told(written);
            assert!(status == 422 && detail.contains(said) && !remedy.is_empty(), "{detail}: {remedy}");
        }
    }

    #[test]
    fn one_that_is_added_in_the_same_moment_stands_behind() {
        let first = added(1, json!({}));
        let second = after(Some(&first), SystemTime::UNIX_EPOCH);
        assert!(second > first.added_at);
        assert_eq!(after(None, SystemTime::UNIX_EPOCH), SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn a_number_of_the_file_is_never_led_elsewhere_by_what_was_added() {
        const NUMBERS: [&str; 4] = ["1", "12", "1*", "*"];
        for chosen in 0..1_u8 << NUMBERS.len() {
            let own: Vec<&str> = (0..).zip(NUMBERS).filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, it)| it).collect();
            let music = |at: usize| added(at, json!({ "number": NUMBERS[at], "service": "music", "from": "anyone" }));
            let (plan, kept) = joined(&file(&own), (0..NUMBERS.len()).map(music).collect());
            for (number, kept) in NUMBERS.iter().zip(&kept) {
                assert_eq!(kept.route.is_ok(), !own.contains(number), "{number} beside {own:?}");
            }
            let stored = plan.routes.iter().filter(|route| route.origin == Origin::Store).count();
            assert_eq!(stored, NUMBERS.len() - own.len());
        }
    }
}

//! What the doors ask of the running server. `main` answers, because only it has all the rooms.

use std::{future::Future, pin::Pin};

use patchcord_engine::{
    journal::CallId,
    occasion::{NoAnswer, Occasion},
    originate::{NotBegun, Wanted},
    routing::Voucher,
    runtime::{MessageSocket, NotAdopted},
};
use patchcord_sip::hop::Transport;
use serde::{Deserialize, Serialize};

use crate::{
    metrics::Exposition,
    phone::{Ice, Origins},
    problem::Problem,
    routes::RouteBook,
    serve::Ends,
    versions::Findings,
    workshop::Workshop,
};

/// An answer that may take its time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The running server, as its doors see it.
pub trait House: Send + Sync + 'static {
    /// How it is.
    fn status(&self) -> Status;
    /// What it counted.
    fn measure(&self, page: &mut Exposition);
    /// Why it cannot serve now; nothing when it can.
    fn hindrances(&self) -> Answer<'_, Vec<String>>;
    /// The scripts that are served.
    fn services(&self) -> Vec<Service> {
        Vec::new()
    }
    /// What is wrong with texts and manifests of services, by name.
    fn troubles(&self) -> Vec<Trouble> {
        Vec::new()
    }
    /// Whether calls for that service would be answered.
    fn is_served(&self, service: &str) -> bool {
        let _any = service;
        true
    }
    /// Who looks into the scripts, where there are any.
    fn workshop(&self) -> Option<&dyn Workshop> {
        None
    }
    /// Who keeps routes that are added while it runs, where anybody does.
    fn routes(&self) -> Option<&dyn RouteBook> {
        None
    }
    /// Takes over a connection that speaks SIP, and vouches for whom its peer speaks where that is known.
    fn adopt(
        &self,
        socket: Box<dyn MessageSocket>,
        transport: Transport,
        ends: Ends,
        vouched: Option<Voucher>,
    ) -> Result<(), NotAdopted> {
        let _closed = (socket, transport, ends, vouched);
        Err(NotAdopted::Busy)
    }
    /// Which pages of other sites may open sockets.
    fn origins(&self) -> Origins {
        Origins::default()
    }
    /// Has a call begun; gives its name.
    fn originate(&self, wanted: Wanted) -> Answer<'_, Result<CallId, NotBegun>> {
        let _nobody_begins_any = wanted;
        Box::pin(async { Err(NotBegun::Stopping) })
    }
    /// Whether somebody of that name can be called for the house, by the routes and endpoints that there are now.
    fn may_be_called(&self, target: &str) -> Result<(), NotBegun> {
        let _anybody = target;
        Ok(())
    }
    /// Makes a prompt ready; why it cannot be played, in words.
    fn prepare_prompt(&self, name: String) -> Answer<'_, Result<(), String>> {
        let _any = name;
        Box::pin(async { Ok(()) })
    }
    /// Asks a service something outside of any call; gives its answer as JSON.
    fn ask(&self, service: String, occasion: Occasion) -> Answer<'_, Result<String, NoAnswer>> {
        let _nobody_answers = (service, occasion);
        Box::pin(async { Err(NoAnswer::Stopping) })
    }
    /// Servers that browsers are told of.
    fn ice(&self) -> Ice {
        Ice::default()
    }
    /// Reads the configuration again and applies what can change while it runs.
    fn reload(&self) -> Answer<'_, Result<Reloaded, Problem>>;
}

/// A script that answers calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its version, as records name it.
    pub version: String,
    /// Where it lies.
    pub file: String,
    /// What it says.
    pub text: String,
    /// What was found of it last.
    #[serde(default)]
    pub findings: Option<Findings>,
    /// Whether it comes with the server.
    #[serde(default)]
    pub shipped: bool,
}

/// What is wrong with a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Its name.
    pub service: String,
    /// What it means for those who call.
    pub kind: TroubleKind,
    /// The version that is served; `None`: nothing is.
    pub served: Option<String>,
    /// Why, with file, line and column.
    pub why: String,
    /// Where, as far as that is known.
    pub place: Option<Spot>,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

/// What it means for those who call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The text is not served; what was served before goes on, where anything was.
    Refused,
    /// The same, and what goes on comes from the store: the server was started anew since.
    Restored,
    /// It is served all the same, because nothing was there before it.
    Served,
    /// The manifest cannot be read; what it said before holds.
    Manifest,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// Its line, counted from 1.
    pub line: u32,
    /// Its column, counted from 1.
    pub column: u32,
}

impl Spot {
    /// The place that a fault begins with, as in `ivr.rhai:3:1: …`.
    pub fn of(fault: &str) -> Option<Self> {
        let (place, _) = fault.split_once(": ")?;
        let mut parts = place.rsplitn(3, ':');
        let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { file: parts.next()?.into(), line, column })
    }
}

/// How the server is, as `patchcord status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the binary.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// The file that it was configured by.
    pub config: Option<String>,
    /// The data folder.
    pub data: String,
    /// The database, without its password.
    pub database: String,
    /// The domain; absent: whatever the phone says.
    pub domain: Option<String>,
    /// Where SIP is taken.
    pub listen: Vec<String>,
    /// Where HTTP is served.
    pub web: Vec<String>,
    /// How many endpoints may register.
    pub endpoints: usize,
    /// How many of them are registered.
    pub registered: usize,
    /// How many bindings they hold.
    pub bindings: usize,
    /// How many endpoints' bindings wait to be written to the store.
    pub unwritten: usize,
    /// How many calls there are.
    #[serde(default)]
    pub calls: u32,
    /// How many connections stand.
    pub flows: u64,
    /// How the media threads are.
    pub sound: Sound,
    /// Why it cannot serve now.
    pub hindrances: Vec<String>,
    /// What is not as it should be, and hinders nobody else: routes that lead nowhere, records that wait for the database.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// How the media threads are; what is counted is counted since the start, by all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sound {
    /// How many there are.
    pub threads: usize,
    /// Ports that are open.
    pub ports: u64,
    /// As many as may be.
    pub most_ports: usize,
    /// Rooms that are open.
    pub rooms: u64,
    /// Share of the last second that the busiest one worked, in thousandths.
    pub load_permille: u64,
    /// Ticks of 5 ms that were served late, or not at all.
    pub late_ticks: u64,
    /// Packets that came in time and had nowhere to go, or could not leave.
    pub dropped: u64,
    /// Prompts that are kept ready.
    pub prompts: usize,
    /// Bytes that they take.
    pub prompt_bytes: usize,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is as the file says now.
    pub applied: Vec<String>,
    /// What differs and waits for a restart.
    pub needs_restart: Vec<String>,
    /// Services that are broken, with file, line and column; what was served before goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
}

//! The log: its level, its format, and whether it shows people's numbers and addresses.
//!
//! Set up once, by the server. Level and redaction follow a reload; the format waits for a restart.

use std::io;

use patchcord_engine::redact;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    reload::{self, Handle},
    util::SubscriberInitExt,
};

use crate::config::{Format, Log};

/// Changes the level while the server runs.
pub struct Telemetry {
    level: Handle<EnvFilter, Registry>,
}

impl Telemetry {
    /// Logs to standard error from now on.
    pub fn start(log: &Log) -> Self {
        let (filter, level) = reload::Layer::new(filter(log));
        redact::show_in_full(!log.redact);
        tracing_subscriber::registry().with(filter).with(lines(log.format, io::stderr)).init();
        Self { level }
    }

    /// Applies what can change while the server runs.
    pub fn change(&self, log: &Log) {
        redact::show_in_full(!log.redact);
        self.level.reload(filter(log)).expect("the log lives as long as the process");
    }
}

fn filter(log: &Log) -> EnvFilter {
    // The configuration has checked each directive.
    EnvFilter::builder().parse_lossy(&log.level)
}

fn lines<S, W>(format: Format, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        Format::Text => fmt::layer().with_writer(writer).with_ansi(false).boxed(),
        Format::Json => fmt::layer().with_writer(writer).json().boxed(),
    }
}

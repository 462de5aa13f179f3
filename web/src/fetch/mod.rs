//! Prompts from elsewhere: from the web, and from a bucket of an object store.
//!
//! The loader of `media` has threads of its own and waits on them; what it waits for runs here, on one thread with a runtime
//! that nobody else uses, so that no slow web server is ever in the way of a call. Everything is bounded: time, bytes,
//! redirects, questions at once, connections kept. A script may have its addresses from a stranger, so only the public
//! internet is reached unless [`Reach`] says more.
//!
//! ```text
//! Loader ──Fetch──▶ web    ▶ worker ─▶ connect: look up ▶ judge by reach ▶ TCP ▶ TLS
//!              └──▶ store  ▶ worker ─▶ bucket ─▶ connect
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `web` | GET over HTTP, redirects, which version is known |
//! | `store`, `place` | names in a bucket or folder; how one is named |
//! | `bucket` | the object store's requests over our connections |
//! | `reply` | what of an answer's head and body is taken |
//! | `reach` | which addresses scripts may make us speak to |
//! | `connect` | a name into a connection that was judged |
//! | `worker` | the thread, and how long somebody waits for it |

mod bucket;
pub(crate) mod connect;
mod place;
mod reach;
pub(crate) mod reply;
mod store;
pub(crate) mod web;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;

use patchcord_media::prompt::Fetch;
use rustls::pki_types::CertificateDer;

pub use place::{Keys, Misplaced, Place};
pub use reach::{Reach, Withheld};

/// Where prompts may come from.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Which addresses scripts may make us speak to.
    pub reach: Reach,
    /// Authorities that are trusted beside those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What `store://` names; without it there is none.
    pub store: Option<Place>,
    /// How we show the store who we are; without them it is asked as anybody could.
    pub keys: Option<Keys>,
}

/// Why nothing can be fetched.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The system gives no thread or no event queue.
    #[error("prompts cannot be fetched from elsewhere: the system gives no thread for it")]
    NoThread(#[from] std::io::Error),
    /// TLS cannot be set up.
    #[error("prompts cannot be fetched from elsewhere: TLS does not start")]
    NoTls(#[from] rustls::Error),
    /// The store is named wrongly.
    #[error("the store of prompts cannot be opened")]
    NoStore(#[from] object_store::Error),
}

/// A bucket to write into, and what all names in it begin with; none where the place is a folder. Whoever configures it may have it in the
/// house: the limits of scripts are not its.
pub(crate) fn open_bucket(
    place: Place,
    keys: Option<Keys>,
    trusted: Vec<CertificateDer<'static>>,
) -> Result<Option<(object_store::aws::AmazonS3, String)>, Unopened> {
    let Place::Bucket { bucket, prefix, endpoint, region } = place else { return Ok(None) };
    let connect = connect::Connect::new(Reach::anywhere(), trusted)?;
    Ok(Some((bucket::open(&bucket, endpoint.as_deref(), &region, keys, connect)?, prefix)))
}

/// Who fetches what, by what stands before `://`, as a `Loader` wants it: `http` and `https`, `store` where one is named,
/// and `s3` where that is a bucket. The thread ends with the last of them.
///
/// # Errors
/// When the thread, TLS or the store cannot be had. Nothing is asked of the network here.
pub fn schemes(settings: Settings) -> Result<HashMap<String, Arc<dyn Fetch>>, Unopened> {
    let worker = Arc::new(worker::Worker::start()?);
    let connect = connect::Connect::new(settings.reach, settings.authorities)?;
    let mut schemes: HashMap<String, Arc<dyn Fetch>> = HashMap::new();
    if let Some(place) = settings.store {
        let bucket = matches!(place, Place::Bucket { .. });
        // Whoever configures the store may have it in the house: the limits of scripts are not its.
        let open = connect.with(Reach::anywhere());
        let store = Arc::new(store::Store::open(place, settings.keys, &worker, open)?);
        schemes.insert("store".into(), store.clone());
        if bucket {
            schemes.insert("s3".into(), store);
        }
    }
    let web = Arc::new(web::Web::new(worker, connect));
    schemes.insert("http".into(), web.clone());
    schemes.insert("https".into(), web);
    Ok(schemes)
}

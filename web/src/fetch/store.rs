//! Prompts in the store: a folder, or a bucket of an object store.
//!
//! `store://en/welcome` names a file in it; of a bucket, `s3://sounds/en/welcome.wav` as well, where that is the bucket that is
//! configured. The ending may be left away as on disk: then each is asked for in turn, and the one that was found is asked for
//! first the next time. A folder is read as every folder of prompts is: no link leads out of it.

use std::error::Error;
use std::sync::Arc;

use futures_util::TryStreamExt;
use http_body_util::StreamBody;
use hyper::body::Frame;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Attribute, GetOptions, ObjectStore};
use patchcord_media::prompt::{Bounds, Disk, ENDINGS, Fetch, Fetched, Unfetched, Version, shown};

use super::bucket;
use super::connect::{self, Connect};
use super::place::{Keys, Place};
use super::reply;
use super::web::Teller;
use super::worker::Worker;
use crate::problem::chain;

/// Longer names than this no store has.
const MAX_NAME: usize = 1024;
/// What is told of an error: stores answer in pages of XML.
const MAX_WHY: usize = 300;

/// Prompts in the store.
pub(super) struct Store(Kind);

enum Kind {
    Folder(Disk),
    Bucket { worker: Arc<Worker>, objects: Arc<AmazonS3>, bucket: String, prefix: String, place: String },
}

impl Store {
    pub(super) fn open(
        place: Place,
        keys: Option<Keys>,
        worker: &Arc<Worker>,
        connect: Connect,
    ) -> Result<Self, object_store::Error> {
        let told = place.to_string();
        let (bucket, prefix, endpoint, region) = match place {
            Place::Folder(path) => return Ok(Self(Kind::Folder(Disk::new(vec![path])))),
            Place::Bucket { bucket, prefix, endpoint, region } => (bucket, prefix, endpoint, region),
        };
        let objects = Arc::new(bucket::open(&bucket, endpoint.as_deref(), &region, keys, connect)?);
        Ok(Self(Kind::Bucket { worker: Arc::clone(worker), objects, bucket, prefix, place: told }))
    }
}

impl Fetch for Store {
    fn fetch(&self, name: &str, known: Option<&Version>, bounds: &Bounds) -> Result<Fetched, Unfetched> {
        match &self.0 {
            Kind::Folder(disk) => disk.fetch(name.strip_prefix("store://").unwrap_or(name), known, bounds),
            Kind::Bucket { worker, objects, bucket, prefix, place } => {
                let teller = Teller { name: shown(name), bounds: *bounds };
                let key = key(name, bucket, prefix).map_err(|why| teller.forbidden(why))?;
                let question = Question {
                    objects: Arc::clone(objects),
                    key,
                    known: known.and_then(Known::read),
                    place: place.clone(),
                    teller: teller.clone(),
                };
                worker.wait(bounds.time, question.ask()).unwrap_or_else(|undone| Err(teller.undone(undone)))
            }
        }
    }
}

/// The key of a name in the bucket, without its ending if it has none.
fn key(name: &str, bucket: &str, prefix: &str) -> Result<String, String> {
    if name.len() > MAX_NAME {
        return Err("it is no name of a file".into());
    }
    let (scheme, inner) = name.split_once("://").unwrap_or(("store", name));
    let key = if scheme == "s3" {
        let (named, key) = inner.split_once('/').unwrap_or((inner, ""));
        if named != bucket {
            return Err(format!("only the bucket {bucket} is configured"));
        }
        let below =
            if prefix.is_empty() { Some(key) } else { key.strip_prefix(prefix).and_then(|k| k.strip_prefix('/')) };
        below.ok_or_else(|| format!("only what lies under {prefix} is configured"))?
    } else {
        inner
    };
    let path = Path::parse(key).ok().filter(|path| path.as_ref() == key && !key.is_empty());
    path.ok_or("it is no name of a file")?;
    Ok(if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") })
}

/// The version that is known: which ending it had, and its mark.
struct Known {
    ending: String,
    tag: String,
}

impl Known {
    fn read(version: &Version) -> Option<Self> {
        let (ending, tag) = version.0.split_once('\n')?;
        (!tag.is_empty()).then(|| Self { ending: ending.to_owned(), tag: tag.to_owned() })
    }
}

/// One file that is wanted.
struct Question {
    objects: Arc<AmazonS3>,
    key: String,
    known: Option<Known>,
    place: String,
    teller: Teller,
}

/// What came of asking for one key.
enum Found {
    Fetched(Fetched),
    Nothing,
    /// A store that may not be listed says this of what is not there as well.
    Refused(String),
}

impl Question {
    async fn ask(self) -> Result<Fetched, Unfetched> {
        if let Some(known) = &self.known
            && let Found::Fetched(fetched) = self.get(&known.ending, Some(&known.tag)).await?
        {
            return Ok(fetched);
        }
        let ended = self.key.rsplit('/').next().is_some_and(|file| file.contains('.'));
        let endings = ENDINGS.iter().filter(|_| !ended).copied();
        let mut refused = None;
        for ending in std::iter::once("").chain(endings) {
            match self.get(ending, None).await? {
                Found::Fetched(fetched) => return Ok(fetched),
                Found::Nothing => {}
                Found::Refused(why) => refused = Some(why),
            }
        }
        Err(refused.map_or_else(|| self.teller.missing(&self.place), |why| self.teller.forbidden(why)))
    }

    async fn get(&self, ending: &str, tag: Option<&str>) -> Result<Found, Unfetched> {
        let dot = if ending.is_empty() { "" } else { "." };
        let path = Path::parse(format!("{}{dot}{ending}", self.key));
        let path = path.map_err(|_| self.teller.forbidden("it is no name of a file"))?;
        let options = GetOptions { if_none_match: tag.map(str::to_owned), ..GetOptions::default() };
        let answer = match self.objects.get_opts(&path, options).await {
            Ok(answer) => answer,
            Err(object_store::Error::NotModified { .. }) if tag.is_some() => return Ok(Found::Fetched(Fetched::Same)),
            Err(object_store::Error::NotFound { .. }) => return Ok(Found::Nothing),
            Err(
                object_store::Error::PermissionDenied { source, .. }
                | object_store::Error::Unauthenticated { source, .. },
            ) => return Ok(Found::Refused(format!("the store refuses it: {}", brief(&source.to_string())))),
            Err(error) => return Err(self.teller.unreachable(why(&error))),
        };
        if let Some(kind) =
            answer.attributes.get(&Attribute::ContentType).and_then(|kind| reply::plainly_no_sound(kind))
        {
            return Err(self.teller.wrong_kind(kind));
        }
        let mark = answer.meta.e_tag.clone().unwrap_or_default();
        let length = answer.meta.size;
        let body = StreamBody::new(answer.into_stream().map_ok(Frame::data));
        let taken = reply::all_of(body, Some(length), self.teller.bounds.bytes).await;
        let bytes = taken.map_err(|untaken| self.teller.untaken(untaken))?;
        let version = Version(format!("{ending}\n{mark}").into());
        Ok(Found::Fetched(Fetched::Bytes { bytes, version }))
    }
}

/// Why a store gave nothing, by the innermost cause that is ours.
fn why(error: &(dyn Error + 'static)) -> String {
    let ours = connect::failure(error);
    brief(&ours.map_or_else(|| error.to_string(), |unconnected| chain(unconnected)))
}

/// One line of an error, and not too long a one.
fn brief(told: &str) -> String {
    let mut line: String = told.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_WHY) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_key_below_the_prefix_and_nowhere_else() {
        let of = |name: &str| key(name, "sounds", "en").ok();
        assert_eq!(of("store://menu/welcome.wav").as_deref(), Some("en/menu/welcome.wav"));
        assert_eq!(of("welcome").as_deref(), Some("en/welcome"));
        assert_eq!(of("s3://sounds/en/welcome.wav").as_deref(), Some("en/welcome.wav"));
        let long = format!("store://{}", "x".repeat(MAX_NAME));
        for wrong in [
            "store://../secret",
            "store://a/../../b",
            "store:///a",
            "store://a//b",
            "store://",
            "s3://other/en/a.wav",
            "s3://sounds/secret.wav",
            "s3://sounds/enough.wav",
            "s3://sounds",
            "s3://sounds/en/",
            &long,
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(key("s3://sounds/a.wav", "sounds", "").as_deref(), Ok("a.wav"));
    }

    #[test]
    fn an_error_of_a_store_is_told_in_one_line() {
        assert_eq!(brief("a\n  b"), "a b");
        assert_eq!(brief(&"ä".repeat(400)).chars().count(), MAX_WHY + 1);
    }
}

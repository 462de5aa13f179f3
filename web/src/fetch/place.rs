//! Where the store of prompts is: a folder, or a bucket of an object store, by one line of the configuration.
//!
//! ```text
//! /var/lib/patchcord/prompts                    a folder
//! s3://sounds                                   a bucket of Amazon's
//! s3://sounds/en?region=eu-central-1            only what lies under en/ in it
//! s3://sounds?endpoint=http://10.0.0.5:9000     a bucket of another store that speaks the same
//! ```

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

/// The region of a store that has none.
const REGION: &str = "us-east-1";

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of a store that speaks S3.
    Bucket {
        /// Its name.
        bucket: String,
        /// What all names in it begin with; may be empty, and has no `/` at its ends.
        prefix: String,
        /// Where it is, unless it is Amazon's.
        endpoint: Option<String>,
        /// Which of its regions.
        region: String,
    },
}

/// What is wrong with the name of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// It is empty.
    #[error("a store of prompts is a folder or s3://bucket")]
    Empty,
    /// A kind of store that nobody here speaks to.
    #[error("{scheme}:// is no store of prompts that is known here: name a folder or s3://bucket")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// It cannot be read as an address.
    #[error(
        "the address of a store is s3://bucket/prefix?region=…&endpoint=https://…, each part but the bucket may be left away"
    )]
    Address,
    /// A word behind the question mark that means nothing.
    #[error("{word} says nothing about a store: region and endpoint are known")]
    Word {
        /// The word.
        word: String,
    },
    /// Keys do not belong into an address: addresses are told in logs.
    #[error("keys do not belong into the address of the store: give them apart from it")]
    Key,
}

impl Place {
    /// Reads the line of the configuration.
    ///
    /// # Errors
    /// When it names neither a folder nor a bucket.
    pub fn read(written: &str) -> Result<Self, Misplaced> {
        if written.trim().is_empty() {
            return Err(Misplaced::Empty);
        }
        match written.split_once("://") {
            None => Ok(Self::Folder(written.into())),
            Some(("file", path)) => Ok(Self::Folder(path.into())),
            Some(("s3", _)) => Self::bucket(&Url::parse(written).map_err(|_| Misplaced::Address)?),
            Some((scheme, _)) => Err(Misplaced::Scheme { scheme: scheme.to_owned() }),
        }
    }

    fn bucket(url: &Url) -> Result<Self, Misplaced> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Misplaced::Key);
        }
        let bucket = url.host_str().filter(|host| !host.is_empty());
        let bucket = bucket.filter(|_| url.port().is_none() && url.fragment().is_none());
        let bucket = bucket.ok_or(Misplaced::Address)?.to_owned();
        let prefix = percent_decode_str(url.path()).decode_utf8().map_err(|_| Misplaced::Address)?;
        let prefix = prefix.trim_matches('/').to_owned();
        let (mut endpoint, mut region) = (None, REGION.to_owned());
        for (word, value) in url.query_pairs() {
            match &*word {
                "region" if !value.is_empty() => region = value.into_owned(),
                "endpoint" => endpoint = Some(Self::endpoint(&value)?),
                _ => return Err(Misplaced::Word { word: word.into_owned() }),
            }
        }
        Ok(Self::Bucket { bucket, prefix, endpoint, region })
    }

    fn endpoint(value: &str) -> Result<String, Misplaced> {
        let url = Url::parse(value).map_err(|_| Misplaced::Address)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Misplaced::Key);
        }
        let fit = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
        fit.then(|| url.as_str().trim_end_matches('/').to_owned()).ok_or(Misplaced::Address)
    }
}

/// Shown without anything secret: there is none in it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// How we show a store who we are.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Which key.
    pub id: String,
    /// The key.
    pub secret: String,
}

/// The key is not shown, so that it never reaches a log.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(prefix: &str, endpoint: Option<&str>, region: &str) -> Result<Place, Misplaced> {
        let (prefix, endpoint, region) = (prefix.into(), endpoint.map(str::to_owned), region.into());
        Ok(Place::Bucket { bucket: "sounds".into(), prefix, endpoint, region })
    }

    #[test]
    fn a_store_is_a_folder_or_a_bucket() {
        assert_eq!(Place::read("/var/prompts"), Ok(Place::Folder("/var/prompts".into())));
        assert_eq!(Place::read("file:///var/prompts"), Ok(Place::Folder("/var/prompts".into())));
        assert_eq!(Place::read("s3://sounds"), bucket("", None, REGION));
        assert_eq!(Place::read("s3://sounds/en%20us/?region=eu-central-1"), bucket("en us", None, "eu-central-1"));
        let minio = Some("http://10.0.0.5:9000");
        assert_eq!(Place::read("s3://sounds?endpoint=http://10.0.0.5:9000/"), bucket("", minio, REGION));
    }

    #[test]
    fn what_is_no_store_is_told_with_its_reason() {
        for (written, told) in [
            (" ", Misplaced::Empty),
            ("gs://sounds", Misplaced::Scheme { scheme: "gs".into() }),
            ("s3://", Misplaced::Address),
            ("s3://sounds:9000/x", Misplaced::Address),
            ("s3://sounds?endpoint=minio", Misplaced::Address),
            ("s3://sounds?endpoint=ftp://minio", Misplaced::Address),
            ("s3://sounds?secret=1", Misplaced::Word { word: "secret".into() }),
            ("s3://id:secret@sounds", Misplaced::Key),
            ("s3://sounds?endpoint=http://id:secret@minio", Misplaced::Key),
        ] {
            assert_eq!(Place::read(written), Err(told), "{written}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let keys = Keys { id: "AKID".into(), secret: "hush".into() };
        assert_eq!(format!("{keys:?}"), "Keys(AKID)");
        assert_eq!(Place::read("s3://sounds/en?region=x").unwrap().to_string(), "s3://sounds/en");
    }
}

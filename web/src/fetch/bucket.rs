//! The object store's requests over our own connections.
//!
//! `object_store` signs requests and reads answers; how they travel is ours, so that it needs no client, no TLS and no pool of
//! its own. Redirects are not followed: a signature is good for one place. Answers that tell of an error are read up to a
//! limit, because their text is kept until somebody is told.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::header::{self, HeaderValue};
use hyper_util::client::legacy::{Client, Error};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::connect::Connect;
use super::place::Keys;

/// The longest text of an error.
const MAX_ERROR: usize = 64 * 1024;
/// A store that is busy is asked again, while the caller waits: twice, soon.
const RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// After this nothing is tried again; the limit of the whole question is the caller's.
const LAST_RETRY: Duration = Duration::from_secs(10);

/// Opens a bucket. Nothing is asked of the network.
pub(super) fn open(
    bucket: &str,
    endpoint: Option<&str>,
    region: &str,
    keys: Option<Keys>,
    connect: Connect,
) -> Result<AmazonS3, object_store::Error> {
    let backoff = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        // Not every store that speaks S3 takes many deletions in one request.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: LAST_RETRY })
        .with_http_connector(Way(connect));
    if let Some(endpoint) = endpoint {
        // What is asked in the open is for whoever configures it to decide.
        builder = builder.with_endpoint(endpoint).with_allow_http(true);
    }
    builder = match keys {
        Some(Keys { id, secret }) => builder.with_access_key_id(id).with_secret_access_key(secret),
        // Without this it would ask the cloud's services for keys that nobody gave us.
        None => builder.with_skip_signature(true),
    };
    builder.build()
}

/// Gives the object store its client.
struct Way(Connect);

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

impl HttpConnector for Way {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Requests { client: self.0.client(), connect: self.0.clone() }))
    }
}

/// Carries its requests.
struct Requests {
    client: Client<Connect, HttpRequestBody>,
    connect: Connect,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl HttpService for Requests {
    // As the attribute `async_trait` writes it.
    fn call<'me, 'answer>(
        &'me self,
        mut request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'answer>>
    where
        'me: 'answer,
        Self: 'answer,
    {
        if !self.connect.may_keep() {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Box::pin(async move {
            let answer = self.client.request(request).await.map_err(broken)?;
            let (head, body) = answer.into_parts();
            let cut = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            let body = if head.status.is_success() {
                HttpResponseBody::new(body.map_err(cut))
            } else {
                let limited = Limited::new(body, MAX_ERROR);
                HttpResponseBody::new(limited.map_err(|error| HttpError::new_boxed(HttpErrorKind::Decode, error)))
            };
            Ok(HttpResponse::from_parts(head, body))
        })
    }
}

fn broken(error: Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
    HttpError::new(kind, error)
}

//! A prompt that comes as a file in a form. The token of the session stands before the file, so that nothing of a stranger's is read.

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Request, State, multipart::MultipartError},
    http::StatusCode,
    response::Redirect,
};

use super::{
    super::{Guest, Rooms, wrong::Wrong},
    one,
};
use crate::{
    api::sounds as doors,
    people::{Asker, Right, guard::forged},
    problem::Problem,
    sounds::LARGEST,
};

/// Largest form: the file, and some lines around it.
pub const MAX_UPLOAD: usize = LARGEST + (64 << 10);

/// What a form of the page brings.
pub struct Uploaded {
    name: String,
    /// What it is called where it comes from, and what is in it.
    file: (Option<String>, Bytes),
}

impl<S: Send + Sync> FromRequest<S> for Uploaded {
    type Rejection = Wrong;

    async fn from_request(request: Request, state: &S) -> Result<Self, Wrong> {
        let asker = request.extensions().get::<Asker>().cloned().ok_or_else(forged)?;
        // Who may not is told before a byte of the file is read.
        Guest(asker.clone()).may(Right::ChangeSounds)?;
        let form = Multipart::from_request(request, state).await;
        let form = form.map_err(|wrong| Problem::new(wrong.status(), wrong.body_text()))?;
        read(form, &asker).await.map_err(|problem| Wrong::from(problem).to(&asker))
    }
}

async fn read(mut form: Multipart, asker: &Asker) -> Result<Uploaded, Problem> {
    let is_ours = |shown: &str| asker.session.as_ref().is_some_and(|session| session.is_csrf(shown));
    let (mut signed, mut name, mut file) = (false, None, None);
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name().unwrap_or_default() {
            "csrf" => signed = is_ours(&field.text().await.map_err(unreadable)?),
            _ if !signed => return Err(forged()),
            "name" => name = Some(field.text().await.map_err(unreadable)?.trim().to_owned()),
            "file" => {
                let called = field.file_name().map(str::to_owned);
                file = Some((called, field.bytes().await.map_err(unreadable)?));
            }
            _ => {}
        }
    }
    match (signed, name, file) {
        (false, ..) => Err(forged()),
        (true, Some(name), Some(file)) if !file.1.is_empty() => Ok(Uploaded { name, file }),
        _ => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a name or a file is missing").remedy("choose a file")),
    }
}

fn unreadable(error: MultipartError) -> Problem {
    let problem = Problem::new(error.status(), error.body_text());
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem.remedy(format!("a prompt has {} MB at most", LARGEST >> 20)),
        _ => problem,
    }
}

/// `POST /sounds`
pub async fn take(State(rooms): State<Rooms>, guest: Guest, uploaded: Uploaded) -> Result<Redirect, Wrong> {
    let here = one::address(&uploaded.name);
    let taken = doors::take(&rooms, &guest.0, uploaded.name, uploaded.file).await;
    taken.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to(&here))
}

//! `patchcord endpoint …`: asks the running server, or opens the store when none runs.

use std::{
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use hyper::Method;
use patchcord_engine::{
    routing::{Calling, Codec, Digests, Forward, Origin, plain},
    runtime::{Listen, clock},
};
use patchcord_web::{
    accounts::{
        Accounts, NewEndpoint,
        rules::{self, Unfit},
    },
    control::words::{Addition, Additions, CallWords, Endpoint, Endpoints, NewPassword},
    folder::Hold,
    house::Status,
    problem::{Problem, chain},
    store::Store,
};
use serde_json::json;

use super::{
    Context,
    client::Client,
    outcome::{Exit, Failure, Said},
    store::Opened,
    words::{Add, Password},
};
use crate::{
    config::Config,
    server::{blamed, open_accounts},
};

/// Largest input that is read: more endpoints than a server takes at once.
const MAX_INPUT: u64 = 16 << 20;

/// `patchcord endpoint add`
pub async fn add(context: Context, add: Add) -> Result<Said, Failure> {
    let (asked, headed) = additions(&add)?;
    let calling = calling(&add)?;
    let mut new = Vec::new();
    let mut made = Vec::new();
    for (user, password, number) in asked {
        let password = match password {
            Some(password) => password,
            None => {
                let password = make_password()?;
                made.push((user.clone(), password.clone()));
                password
            }
        };
        new.push(NewEndpoint { user, password, number, digests: add.digest, calling: calling.clone() });
    }
    let users: Vec<String> = new.iter().map(|new| new.user.clone()).collect();
    let way = Way::open(&context).await?;
    let via = way.name();
    let host = way.host(&context).await?;
    way.add(new).await?;

    let mut text = if headed { "The first line names the fields; it is skipped.\n".into() } else { String::new() };
    text += &match &users[..] {
        [user] => format!("Endpoint {user} is added.\n"),
        users => format!("{} endpoints are added.\n", users.len()),
    };
    for (user, password) in &made {
        text += &format!("  {user}  password {password}\n");
    }
    if !made.is_empty() {
        text += "A password is not shown again.\n";
    }
    if let [user] = &users[..] {
        text += &format!("A phone registers as sip:{user}@{host} with user name {user}.\n");
    }
    let passwords: serde_json::Map<_, _> = made.into_iter().map(|(user, made)| (user, made.into())).collect();
    let json = json!({ "added": users, "passwords": passwords, "via": via });
    Ok(Said::new(text + context.by_way(via).as_str(), json))
}

/// `patchcord endpoint list`
pub async fn list(context: Context) -> Result<Said, Failure> {
    let way = Way::open(&context).await?;
    let via = way.name();
    let Endpoints { endpoints } = way.list().await?;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let rows = endpoints.iter().map(|found| {
        let reachable = if found.reachable { "yes" } else { "no" };
        // Words that cannot be read are those of a newer server; the rest of the line is right all the same.
        let calls = Calling::try_from(found.calling.clone()).map_or_else(|_| "?".into(), |calling| calling.to_string());
        let calls = or_dash(&Some(calls).filter(|calls| !calls.is_empty()));
        let (number, digest) = (or_dash(&found.number), or_dash(&found.digest));
        [found.user.clone(), number, digest, found.source.clone(), reachable.into(), calls]
    });
    let mut text = table(["ENDPOINT", "NUMBER", "DIGEST", "SOURCE", "REACHABLE", "CALLS"], rows.collect());
    for (user, fault) in endpoints.iter().filter_map(|found| Some((&found.user, found.fault.as_ref()?))) {
        text += &format!("Endpoint {user} is left out: {fault}.\n");
    }
    Ok(Said::new(text + context.by_way(via).as_str(), json!({ "endpoints": endpoints, "via": via })))
}

/// `patchcord endpoint remove`
pub async fn remove(context: Context, user: String) -> Result<Said, Failure> {
    let way = Way::open(&context).await?;
    let via = way.name();
    way.remove(&user).await?;
    let text = format!("Endpoint {user} is removed.\n");
    Ok(Said::new(text + context.by_way(via).as_str(), json!({ "removed": user, "via": via })))
}

/// `patchcord endpoint password`
pub async fn password(context: Context, Password { user, password_stdin }: Password) -> Result<Said, Failure> {
    let way = Way::open(&context).await?;
    let via = way.name();
    let (password, made) = match password_stdin {
        true => (first_line(read_input(Path::new("-"))?), false),
        false => (make_password()?, true),
    };
    way.change_password(&user, password.clone()).await?;
    let shown = if made { format!("  {user}  password {password}\nIt is not shown again.\n") } else { String::new() };
    let text = format!("Endpoint {user} has another password.\n{shown}");
    let json = json!({ "changed": user, "password": made.then_some(password), "via": via });
    Ok(Said::new(text + context.by_way(via).as_str(), json))
}

impl Context {
    fn by_way(&self, via: &str) -> String {
        match (self.verbose, via) {
            (false, _) => String::new(),
            (true, "server") => "The running server did it.\n".into(),
            (true, _) => "No server runs; the store was opened directly.\n".into(),
        }
    }
}

/// Who does it.
enum Way {
    Server(Client),
    // The hold is kept until it is done, so that no server starts in the middle.
    Store { accounts: Arc<Accounts>, store: Store, config: Box<Config>, _hold: Hold },
}

impl Way {
    async fn open(context: &Context) -> Result<Self, Failure> {
        if let Some(client) = Client::connect(&context.data()?).await? {
            return Ok(Self::Server(client));
        }
        let Opened { config, store, hold } = Opened::by(context).await?;
        let file = blamed(config.file.as_ref());
        let opened = open_accounts(&config, &store).await;
        let (_, accounts) =
            opened.map_err(|error| Failure::blaming(&file, error.key(), &chain(&error), &error.remedy()))?;
        Ok(Self::Store { accounts, store, config: Box::new(config), _hold: hold })
    }

    /// What a phone writes behind the `@` and as its server: the domain, and the port when it is not the usual one.
    async fn host(&self, context: &Context) -> Result<String, Failure> {
        let (domain, listen) = match self {
            Self::Server(_) => {
                let status: Status = super::server::running(context).await?.get("/api/v1/status").await?;
                (status.domain, status.listen.iter().filter_map(|listen| listen.parse().ok()).collect())
            }
            Self::Store { config, .. } => (config.domain.clone(), config.runtime.listen.clone()),
        };
        Ok(domain.unwrap_or_else(|| "<this machine>".into()) + port(&listen).as_str())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Store { .. } => "database",
        }
    }

    async fn add(self, new: Vec<NewEndpoint>) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let endpoints = new.into_iter().map(|NewEndpoint { user, password, number, digests, calling }| {
                    let digest = digests.map(|digests| digests.to_string());
                    let CallWords { codecs, srtp, calls, caller_id, forward } = (&calling).into();
                    Addition { user, password, number, digest, codecs, srtp, calls, caller_id, forward }
                });
                let additions = Additions { endpoints: endpoints.collect() };
                client.tell(Method::POST, "/api/v1/endpoints", Some(&additions)).await
            }
            Self::Store { accounts, store, .. } => {
                let done = accounts.add(new, clock::wall()).await;
                store.close().await;
                done.map_err(|error| Problem::from(error).into())
            }
        }
    }

    async fn list(self) -> Result<Endpoints, Failure> {
        match self {
            Self::Server(client) => client.get("/api/v1/endpoints").await,
            Self::Store { accounts, store, .. } => {
                let endpoints = accounts.board().directory.list().into_iter().map(|found| Endpoint {
                    user: found.user.to_string(),
                    number: found.number.as_deref().map(Into::into),
                    digest: found.digests.map(|digests: Digests| digests.to_string()),
                    calling: (&*found.calling).into(),
                    source: if found.origin == Origin::File { "file".into() } else { "database".into() },
                    // Nobody runs who could reach it.
                    reachable: false,
                    fault: None,
                });
                let endpoints = endpoints.chain(accounts.damaged().into_iter().map(Endpoint::from)).collect();
                store.close().await;
                Ok(Endpoints { endpoints })
            }
        }
    }

    async fn remove(self, user: &str) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let path = format!("/api/v1/endpoints/{}", checked(user)?);
                client.tell::<()>(Method::DELETE, &path, None).await
            }
            Self::Store { accounts, store, .. } => {
                let done = accounts.remove(user).await;
                store.close().await;
                done.map_err(|error| Problem::from(error).into())
            }
        }
    }

    async fn change_password(self, user: &str, password: String) -> Result<(), Failure> {
        match self {
            Self::Server(client) => {
                let path = format!("/api/v1/endpoints/{}/password", checked(user)?);
                client.tell(Method::PUT, &path, Some(&NewPassword { password })).await
            }
            Self::Store { accounts, store, .. } => {
                let done = accounts.change_password(user, password, clock::wall()).await;
                store.close().await;
                done.map_err(|error| Problem::from(error).into())
            }
        }
    }
}

/// `:5070`, or nothing when a phone finds the server without it.
fn port(listen: &[Listen]) -> String {
    let usual = |one: &Listen| one.addr.port() == one.transport.default_port();
    match listen.first() {
        // Port 0 is any that is free at the start.
        Some(first) if !listen.iter().any(usual) && first.addr.port() != 0 => format!(":{}", first.addr.port()),
        _ => String::new(),
    }
}

/// A name that can stand in a path as it is; any other is nobody's.
fn checked(user: &str) -> Result<&str, Failure> {
    let fits = patchcord_web::accounts::rules::user(user);
    fits.map(|()| user).map_err(|unfit| Failure::new(Exit::Refused, unfit.to_string(), unfit.remedy()))
}

/// The call settings that the line asks for.
fn calling(add: &Add) -> Result<Calling, Failure> {
    let refused = |unfit: Unfit| Failure::new(Exit::Refused, unfit.to_string(), unfit.remedy());
    let usual = Calling::default();
    let codecs = add.codecs.as_deref().map(Codec::read).transpose().map_err(|wrong| refused(Unfit::Word(wrong)))?;
    let srtp = add.srtp.as_deref().map(str::parse).transpose().map_err(|wrong| refused(Unfit::Word(wrong)))?;
    let forward: Forward = add.forward.join(" ").parse().map_err(|wrong| refused(Unfit::Forward(wrong)))?;
    Ok(Calling {
        codecs: codecs.unwrap_or(usual.codecs),
        srtp: srtp.unwrap_or(usual.srtp),
        calls: add.calls,
        caller_id: add.caller_id.as_deref().map(|number| plain(number).into()),
        forward,
    })
}

/// User, password if one is given, number if there is one.
type Asked = (String, Option<String>, Option<String>);

/// What is asked for, and whether the first line of the file only named the fields.
fn additions(add: &Add) -> Result<(Vec<Asked>, bool), Failure> {
    let Some(file) = &add.from else {
        let password = match add.password_stdin {
            true => Some(first_line(read_input(Path::new("-"))?)),
            false => None,
        };
        return Ok((vec![(add.user.clone().unwrap_or_default(), password, add.number.clone())], false));
    };
    let text = read_input(file)?;
    let mut asked = Vec::new();
    let mut headed = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let given = |field: &str| (!field.is_empty()).then(|| field.to_owned());
        match line.split(',').map(str::trim).collect::<Vec<_>>()[..] {
            ref fields if asked.is_empty() && !headed && names_fields(fields) => headed = true,
            [user] => asked.push((user.into(), None, None)),
            [user, password] => asked.push((user.into(), given(password), None)),
            [user, password, number] => asked.push((user.into(), given(password), given(number))),
            _ => {
                let reason = format!("{}:{}: has more than three fields", file.display(), index + 1);
                return Err(Failure::new(
                    Exit::Refused,
                    reason,
                    "write user,password,number; the last two may be empty",
                ));
            }
        }
    }
    if asked.is_empty() {
        let reason = format!("{} names no endpoint", file.display());
        return Err(Failure::new(Exit::Refused, reason, "write user,password,number, one endpoint a line"));
    }
    Ok((asked, headed))
}

/// Whether a line is the head of a table: an account `user` whose password is "password" is nobody's wish.
fn names_fields(fields: &[&str]) -> bool {
    let is = |at: usize, names: &[&str]| {
        fields
            .get(at)
            .is_none_or(|field: &&str| names.iter().any(|name| field.trim_matches('"').eq_ignore_ascii_case(name)))
    };
    fields.len() > 1 && is(0, &["user", "username", "name", "endpoint"]) && is(1, &["password"]) && is(2, &["number"])
}

pub(super) fn read_input(from: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match from.to_str() {
        Some("-") => io::stdin().take(MAX_INPUT + 1).read_to_string(&mut text),
        _ => std::fs::File::open(from).and_then(|file| file.take(MAX_INPUT + 1).read_to_string(&mut text)),
    };
    match read {
        Ok(count) if count as u64 > MAX_INPUT => {
            let reason = format!("{} has more than {MAX_INPUT} bytes", from.display());
            Err(Failure::new(Exit::Refused, reason, "split it"))
        }
        Ok(_) => Ok(text),
        Err(error) => {
            let reason = format!("{} cannot be read: {error}", from.display());
            Err(Failure::new(Exit::Refused, reason, "name a text file that this user may read"))
        }
    }
}

pub(super) fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

pub(super) fn make_password() -> Result<String, Failure> {
    rules::make_password().map_err(|error| {
        let reason = format!("the system gives no random numbers: {error}");
        Failure::new(Exit::Unusable, reason, "give a password with --password-stdin")
    })
}

/// Columns as wide as their widest entry.
pub fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, field) in widths.iter_mut().zip(row) {
            *width = (*width).max(field.chars().count());
        }
    }
    let line = |fields: [&str; N]| {
        let fields: Vec<_> = fields.iter().zip(widths).map(|(field, width)| format!("{field:<width$}")).collect();
        format!("{}\n", fields.join("  ").trim_end())
    };
    let mut text = line(head);
    for row in &rows {
        text += &line(row.each_ref().map(String::as_str));
    }
    text
}

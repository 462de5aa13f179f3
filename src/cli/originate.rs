//! `patchcord originate`: has the running server begin a call.

use hyper::Method;
use patchcord_web::control::words::{BegunCall, NewCall};
use serde_json::{Map, Value, json};

use super::{
    Context,
    client::{Client, nobody},
    outcome::{Exit, Failure, Said},
    words::Originate,
};

/// `patchcord originate`
pub async fn originate(context: Context, wish: Originate) -> Result<Said, Failure> {
    let Originate { target, service, dial, caller_id, ring, vars } = wish;
    let vars = vars.iter().map(|pair| var(pair)).collect::<Result<Map<_, _>, _>>()?;
    let vars = Some(vars).filter(|vars| !vars.is_empty());
    let new = NewCall { target: target.clone(), service, dial, caller_id, ring_s: ring, vars };
    let data = context.data()?;
    let client = Client::connect(&data).await?.ok_or_else(|| nobody(&data))?;
    let begun: BegunCall = client.ask(Method::POST, "/api/v1/originate", &new).await?;
    let text = format!("Call {0} is begun, to {target}. `patchcord calls {0}` says what becomes of it.\n", begun.call);
    Ok(Said::new(text, json!(begun)))
}

/// `name=value`; a value that is JSON is taken as that, any other as text.
fn var(pair: &str) -> Result<(String, Value), Failure> {
    let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        let remedy = "write it as name=value, as in --var order=12";
        return Err(Failure::new(Exit::Unusable, format!("{pair:?} is no variable"), remedy));
    };
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_where_it_can_be_and_text_otherwise() {
        let of = |pair| var(pair).map_err(|failure| format!("{failure:?}"));
        assert_eq!(of("order=12"), Ok(("order".into(), json!(12))));
        assert_eq!(of("name=Ann Lee"), Ok(("name".into(), json!("Ann Lee"))));
        assert!(of("order").is_err() && of("=1").is_err());
    }
}

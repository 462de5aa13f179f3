//! Every door that the description names: it is there, it knows nobody who says nothing, and what the framework refuses is a
//! problem document like everything else.

use serde_json::Value;

use crate::lab::{Answered, Lab};

/// One operation of the description.
struct Operation {
    method: String,
    path: String,
    told: Value,
}

impl Operation {
    /// Its path, with that for each name.
    fn path(&self, name: &str) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { name } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Of what kind the body is that it takes.
    fn takes(&self) -> Option<&str> {
        self.told["requestBody"]["content"].as_object()?.keys().next().map(String::as_str)
    }
}

/// All of them.
async fn operations(lab: &Lab) -> Vec<Operation> {
    let document = lab.order("GET", "/api/v1/openapi.json", "").await.json();
    let paths = document["paths"].as_object().expect("paths").clone();
    let all = paths.into_iter().flat_map(|(path, doors)| {
        let doors = doors.as_object().expect("operations").clone();
        doors.into_iter().map(move |(method, told)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            told,
        })
    });
    all.collect()
}

#[tokio::test]
async fn every_door_that_is_described_is_there_and_asks_who_it_is() {
    let lab = Lab::new().await;
    let all = operations(&lab).await;
    assert!(all.len() > 50, "{} operations", all.len());
    for operation in &all {
        let answer = lab.ask("Sec-Fetch-Site: none\r\n", &operation.method, &operation.path("x"), "").await;
        let told = answer.problem(401);
        assert!(told.contains("nobody is logged in"), "{} {}: {told}", operation.method, operation.path);
    }
}

#[tokio::test]
async fn a_method_that_no_door_takes_is_refused_in_words_at_each() {
    let lab = Lab::new().await;
    for operation in operations(&lab).await {
        let answer = lab.order("PROPFIND", &operation.path("x"), "").await;
        assert!(answer.problem(405).contains("does not take this method"), "{}", operation.path);
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_in_words_at_each_door_that_has_one() {
    let lab = Lab::new().await;
    let varying = operations(&lab).await.into_iter().filter(|operation| operation.path.contains('{'));
    let mut asked = 0;
    for operation in varying {
        let answer = lab.order(&operation.method, &operation.path("%FF"), "{}").await;
        assert!(answer.problem(400).contains("UTF-8"), "{} {}", operation.method, operation.path);
        asked += 1;
    }
    assert!(asked > 20, "{asked} doors");
}

#[tokio::test]
async fn a_query_that_is_no_number_or_unknown_is_refused_in_words_at_each_door_that_has_one() {
    let lab = Lab::new().await;
    let mut asked = 0;
    for operation in operations(&lab).await {
        let parameters = operation.told["parameters"].as_array().expect("parameters");
        let numbers = parameters.iter().filter(|known| {
            let schema = &known["schema"];
            known["in"] == "query" && (schema["type"] == "integer" || schema["anyOf"][0]["type"] == "integer")
        });
        for name in numbers.map(|known| known["name"].as_str().expect("a name")) {
            let path = format!("{}?{name}=many", operation.path("00000000000000000000"));
            lab.order(&operation.method, &path, "").await.problem(400);
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked} queries");
}

#[tokio::test]
async fn bodies_that_are_broken_or_of_another_kind_or_too_large_are_refused_in_words_at_each_door_that_takes_one() {
    let lab = Lab::new().await;
    let refused = |answer: &Answered, status, operation: &Operation| {
        let told = answer.problem(status);
        assert!(!told.is_empty(), "{} {}", operation.method, operation.path);
    };
    let (mut json, mut others) = (0, 0);
    let large = "x".repeat(patchcord_web::control::MAX_BODY + 1);
    for operation in operations(&lab).await {
        let (method, path) = (&operation.method, operation.path("x"));
        match operation.takes() {
            None => continue,
            Some("application/json") => {
                json += 1;
                refused(&lab.order(method, &path, "{").await, 400, &operation);
                refused(&lab.order(method, &path, "\"no object\"").await, 422, &operation);
                let text = "Content-Type: text/plain\r\n";
                refused(&lab.order_as(text, method, &path, "{}").await, 415, &operation);
            }
            Some(_) => others += 1,
        }
        refused(&lab.order(method, &path, &large).await, 413, &operation);
    }
    assert!(json >= 10 && others >= 2, "{json} take JSON, {others} take something else");
}

//! Prompts over the API: uploaded, heard, replaced and put back; and nothing but prompts.

use patchcord_web::control::Token;

use crate::lab::Lab;

/// Less than a second of something.
pub fn tone() -> String {
    // A body of the lab is text, so this is a wav whose samples are letters.
    let samples = "aBcDeFgHiJ".repeat(1_600);
    let head = |bytes: u32| {
        let mut head = Vec::from(*b"RIFF");
        head.extend((36 + bytes).to_le_bytes());
        head.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        head.extend(11_025_u32.to_le_bytes());
        head.extend(22_050_u32.to_le_bytes());
        head.extend(b"\x02\0\x10\0data");
        head.extend(bytes.to_le_bytes());
        head
    };
    // Lengths and rates below are made of bytes that are ASCII.
    String::from_utf8(head(0x3e00)).expect("ASCII") + &samples[..0x3e00]
}

#[tokio::test]
async fn a_prompt_is_uploaded_heard_replaced_put_back_and_removed() {
    let lab = Lab::new().await;
    for times in 1..=2 {
        let taken = lab.order("PUT", "/api/v1/sounds/de%2Fmenu", &tone()).await;
        assert_eq!(taken.status, 201, "{times}: {taken:?}");
        assert!(taken.json()["seconds"].as_f64().is_some_and(|seconds| (0.6..0.8).contains(&seconds)), "{taken:?}");
    }
    let list = lab.order("GET", "/api/v1/sounds", "").await.json();
    let one = &list["sounds"][0];
    assert_eq!((&one["name"], &one["source"]), (&"de/menu".into(), &"file".into()), "{list}");
    let version = one["versions_ms"][0].as_u64().expect("a version");

    let back = format!(r#"{{"version_ms":{version}}}"#);
    assert_eq!(lab.order("POST", "/api/v1/sounds/de%2Fmenu/restore", &back).await.status, 204);
    assert_eq!(lab.order("POST", "/api/v1/sounds/de%2Fmenu/restore", r#"{"version_ms":1}"#).await.status, 404);
    let token = Token::read(lab.folder()).expect("the token");
    let header = format!("Authorization: Bearer {token}\r\nRange: bytes=0-3\r\n");
    let part = lab.order_with(&header, "GET", "/api/v1/sounds/de%2Fmenu", "").await;
    assert_eq!((part.status, &*part.kind, &*part.body), (206, "audio/wav", "RIFF"));
    assert_eq!(lab.order("DELETE", "/api/v1/sounds/de%2Fmenu", "").await.status, 204);
    assert_eq!(lab.order("GET", "/api/v1/sounds/de%2Fmenu", "").await.status, 404);
    let deeds = lab.order("GET", "/api/v1/audit", "").await.json();
    let said: Vec<_> = deeds["deeds"].as_array().expect("a list").iter().map(|deed| deed["deed"].clone()).collect();
    assert_eq!(said, ["removed sound", "put sound back", "uploaded sound", "uploaded sound"]);
}

#[tokio::test]
async fn what_is_no_prompt_is_refused_with_what_is_wrong() {
    let lab = Lab::new().await;
    for trick in ["..%2F..%2Fetc%2Fpasswd", "a.b", "versions%2Fx", "%00"] {
        let refused = lab.order("PUT", &format!("/api/v1/sounds/{trick}"), &tone()).await;
        assert!(refused.problem(422).contains("no name of a prompt"), "{trick}");
    }
    let told = lab.order("PUT", "/api/v1/sounds/menu", "no sound at all").await.problem(415);
    assert!(told.contains("your-file is no sound file"), "{told}");
    let empty = lab.order("PUT", "/api/v1/sounds/menu", "").await.problem(415);
    assert!(empty.contains("your-file is empty"), "{empty}");
    assert!(lab.order("GET", "/api/v1/sounds", "").await.json()["sounds"].as_array().is_some_and(Vec::is_empty));
}

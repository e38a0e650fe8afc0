//! Requests that are none (6.3, 6.5): case TR-08, each letter with all nine functions.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::lpa::{Authentication, Offer};
use serde_json::{Value, json};
use smdpp::profile::Profile;
use smdpp::server::Limits;
use smdpp::types::State;
use tokio::time::timeout;

use super::raw::Raw;
use crate::case::{Case, case};
use crate::house::{House, Wishes, bpp};
use crate::scene::{changed, with, without};
use crate::sockets;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("TR-08", "requests that are none, to each function", "5.2.6.2, 6.3; codes: choice", "")
            .part("a", "not JSON, or no object", "HTTP 400", || walk(not_json))
            .part("b", "JSON that is cut", "HTTP 400", || walk(cut))
            .part("c", "each member of a wrong JSON type", "1.6/2.1 (HandleNotification: HTTP 400)", || {
                walk(wrong_type)
            })
            .part("d", "each mandatory member missing", "1.6/2.2 (HandleNotification: HTTP 400)", || {
                walk(missing)
            })
            .part("e", "not base64", "1.6/2.1 (HandleNotification: HTTP 400)", || walk(no_base64))
            .part("f", "base64 of no DER", "1.6/2.1 (HandleNotification: HTTP 400)", || walk(no_der))
            .part("g", "DER with octets after it", "1.6/2.1 (HandleNotification: HTTP 400)", || walk(tail))
            .part("h", "another outer tag", "1.6/2.1 (HandleNotification: HTTP 400)", || walk(other_tag))
            .part("i", "euiccChallenge of 15 and of 17 octets", "1.6/2.1", || walk(challenge))
            .part("j", "a body over the limit, by one octet and by a mebibyte", "HTTP 413", || {
                walk(too_large)
            })
            .part("k", "a body that comes octet by octet, three seconds being allowed", SLOW, slow),
    ]
}

const SLOW: &str = "HTTP 408 when the time is over; a download meanwhile is not delayed";

/// One function with a right request.
struct Right<'a> {
    function: &'a str,
    request: &'a Value,
    /// Members in base64, and whether DER is in them.
    base64: &'a [(&'a str, bool)],
}

impl Right<'_> {
    fn text(&self) -> String {
        self.request.to_string()
    }

    fn der(&self) -> impl Iterator<Item = &str> {
        self.base64.iter().filter(|(_, der)| *der).map(|(name, _)| *name)
    }
}

/// Bodies, and what each is answered.
type Bent = Vec<(Vec<u8>, &'static str)>;
type Bend = fn(&Right<'_>) -> Bent;

fn invalid(requests: impl IntoIterator<Item = Value>) -> Bent {
    requests.into_iter().map(|request| (request.to_string().into_bytes(), "1.6/2.1")).collect()
}

fn not_json(_: &Right<'_>) -> Bent {
    let bodies: [&[u8]; 8] = [b"", b"no JSON", b"null", b"[]", b"\"text\"", b"7", b"{\xFF\xFE}", b"<a/>"];
    bodies.into_iter().map(|body| (body.to_vec(), "HTTP 400")).collect()
}

fn cut(right: &Right<'_>) -> Bent {
    let text = right.text().into_bytes();
    [1, 2, text.len() / 2, text.len() - 1].map(|length| (text[..length].to_vec(), "HTTP 400")).to_vec()
}

fn wrong_type(right: &Right<'_>) -> Bent {
    let members = right.request.as_object().unwrap().iter();
    invalid(members.flat_map(|(name, value)| {
        let wrong = [json!(7), json!([]), if value.is_object() { json!("text") } else { json!({}) }];
        wrong.map(|wrong| with(right.request, name, wrong))
    }))
}

fn missing(right: &Right<'_>) -> Bent {
    let code = |name: &str| match (right.function, name) {
        // One of two that could name the Profile.
        ("downloadOrder", "iccid") => "1.6/2.3",
        ("cancelOrder", "matchingId") => "8.2.6/2.3",
        _ => "1.6/2.2",
    };
    let members = right.request.as_object().unwrap().keys();
    members
        .flat_map(|name| {
            [without(right.request, name), with(right.request, name, Value::Null)]
                .map(|request| (request.to_string().into_bytes(), code(name)))
        })
        .collect()
}

fn no_base64(right: &Right<'_>) -> Bent {
    let members = right.base64.iter();
    invalid(members.flat_map(|(name, _)| {
        ["no base64!", "AAA", "_-_-", "AAAA\n"].map(|wrong| with(right.request, name, json!(wrong)))
    }))
}

fn no_der(right: &Right<'_>) -> Bent {
    invalid(right.der().flat_map(|name| {
        let none: [&[u8]; 4] =
            [&[], &[0xFF; 4], &[0xBF, 0x38, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &[0x30, 0x80, 0, 0]];
        none.map(|octets| with(right.request, name, json!(STANDARD.encode(octets))))
    }))
}

fn tail(right: &Right<'_>) -> Bent {
    invalid(right.der().flat_map(|name| {
        [&[0][..], &[5, 0]].map(|tail| changed(right.request, name, |octets| octets.extend(tail)))
    }))
}

fn other_tag(right: &Right<'_>) -> Bent {
    invalid(right.der().map(|name| changed(right.request, name, |octets| octets[0] ^= 0x02)))
}

fn challenge(right: &Right<'_>) -> Bent {
    if right.function != "initiateAuthentication" {
        return Vec::new();
    }
    let of = |length| changed(right.request, "euiccChallenge", |challenge| challenge.resize(length, 0));
    invalid([15, 17].map(of))
}

/// Right but for the white space after it.
fn too_large(right: &Right<'_>) -> Bent {
    let limit = Limits::default().request_bytes_max;
    [limit + 1, 1 << 20]
        .map(|length| {
            let mut body = right.text().into_bytes();
            body.resize(length, b' ');
            (body, "HTTP 413")
        })
        .to_vec()
}

struct Walk {
    house: House,
    iccid: String,
    bend: Bend,
}

impl Walk {
    async fn still(&self) -> (Profile, i64) {
        (self.house.profile(&self.iccid).await, self.house.verify_trail().await)
    }

    /// All bent requests are refused and move nothing; then the right one is served.
    async fn step(&self, right: &Right<'_>) -> Value {
        let before = self.still().await;
        let es2plus = right.request.get("header").is_some();
        for (body, expected) in (self.bend)(right) {
            let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            let answer = match es2plus {
                true => self.house.es2_raw(right.function, "acme", body).await,
                false => self.house.es9_raw(right.function, body).await,
            };
            // HandleNotification's answer has no place for a code.
            let expected = if right.function == "handleNotification" && expected.contains('/') {
                "HTTP 400"
            } else {
                expected
            };
            assert_eq!(answer.verdict(), expected, "{} {shown}", right.function);
        }
        assert_eq!(self.still().await, before, "{}", right.function);
        let body = right.text().into_bytes();
        let answer = match es2plus {
            true => self.house.es2_raw(right.function, "acme", body).await,
            false => self.house.es9_raw(right.function, body).await,
        };
        answer.ok()
    }

    /// ES2+, from stock to a released order; gives the MatchingID.
    async fn orders(&self) -> String {
        let header = json!({ "functionRequesterIdentifier": "acme", "functionCallIdentifier": "call" });
        let request = |more: Value| {
            let mut request = json!({ "header": header, "iccid": self.iccid });
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        let order = async |function: &str, more: Value| {
            self.step(&Right { function, request: &request(more), base64: &[] }).await
        };
        order("downloadOrder", json!({})).await;
        let body = order("confirmOrder", json!({ "releaseFlag": false })).await;
        let id = body["matchingId"].clone();
        order("cancelOrder", json!({ "matchingId": id, "finalProfileStatusIndicator": "Available" })).await;
        order("downloadOrder", json!({})).await;
        let body = order("confirmOrder", json!({ "releaseFlag": false })).await;
        order("releaseProfile", json!({})).await;
        body["matchingId"].as_str().unwrap().to_owned()
    }

    /// ES9+: a session that is postponed, and one to its end.
    async fn downloads(&self, id: &str) {
        for cancelled in [true, false] {
            let mut card = self.house.card(0);
            let request = self.house.initiate_request(&mut card);
            let base64 = [("euiccChallenge", false), ("euiccInfo1", true)];
            let right = Right { function: "initiateAuthentication", request: &request, base64: &base64 };
            let body = self.step(&right).await;
            let server = Authentication::read("initiateAuthentication", &body).unwrap();

            let request = self.house.authenticate_request(&mut card, &server, Some(id));
            let base64 = [("authenticateServerResponse", true)];
            let right = Right { function: "authenticateClient", request: &request, base64: &base64 };
            let body = self.step(&right).await;
            let offer = Offer::read("authenticateClient", &body).unwrap();

            if cancelled {
                let request = self.house.cancel_request(&mut card, &offer.transaction_id, 1);
                let base64 = [("cancelSessionResponse", true)];
                let right = Right { function: "cancelSession", request: &request, base64: &base64 };
                self.step(&right).await;
                continue;
            }
            let request = self.house.bind_request(&mut card, &offer, None);
            let base64 = [("prepareDownloadResponse", true)];
            let right = Right { function: "getBoundProfilePackage", request: &request, base64: &base64 };
            let body = self.step(&right).await;

            let result = card.load_bound_profile_package(&bpp(&body)).unwrap();
            let request = self.house.lpa.handle_notification_request(&result);
            let base64 = [("pendingNotification", true)];
            let right = Right { function: "handleNotification", request: &request, base64: &base64 };
            self.step(&right).await;
        }
        assert_eq!(self.house.state(&self.iccid).await, State::Installed);
    }
}

/// The life of an order, each request preceded by its malformations.
async fn walk(bend: Bend) {
    let house = sockets::house(Wishes::default()).await;
    let (iccid, _) = house.stock(1).await;
    let walk = Walk { house, iccid, bend };
    let id = walk.orders().await;
    walk.downloads(&id).await;
}

/// Twenty at once, four to each function of ES9+.
async fn slow() {
    let limits = Limits { body_ms: 3_000, ..Limits::default() };
    let (house, sockets) = sockets::opened_with(Wishes::default(), limits, |_| {}).await;
    let (iccid, _) = house.stock(1).await;
    let id = house.order(&iccid, json!({})).await;
    let functions = [
        "initiateAuthentication",
        "authenticateClient",
        "getBoundProfilePackage",
        "handleNotification",
        "cancelSession",
    ];
    let mut clients = Vec::new();
    for place in 0..20 {
        let path = format!("/gsma/rsp2/es9plus/{}", functions[place % functions.len()]);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: smdp.example.com\r\nContent-Length: 200\r\nConnection: close\r\n\r\n"
        );
        let mut raw = Raw::connect(&house, sockets.es9plus).await;
        assert!(raw.send(head.as_bytes()).await);
        clients.push(tokio::spawn(async move {
            for _ in 0..100 {
                if timeout(Duration::from_millis(100), raw.read()).await.is_ok() || !raw.send(b" ").await {
                    break;
                }
            }
            raw.reply().await.http
        }));
    }
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    card.load_bound_profile_package(&package).unwrap();
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed);
    assert!(clients.iter().all(|client| !client.is_finished()), "the slow ones were there all the time");
    for client in clients {
        assert_eq!(client.await.unwrap(), 408);
    }
}

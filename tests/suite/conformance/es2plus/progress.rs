//! HandleDownloadProgressInfo (5.3.5), which the server calls: cases PI, and what other cases say that is told.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rig::operator_endpoint::{Manner, OperatorEndpoint};
use serde_json::json;
use smdpp::errand::{Agreement, Errand, LaterLife, Point};
use smdpp::time::MINUTE_MS;
use smdpp::types::{OperatorId, State};
use tokio::time::{Instant, sleep};

use crate::case::{Case, case};
use crate::house::{House, Wishes};
use crate::office::{Office, is_whole};

/// A server whose operator acme agreed to these points.
pub(crate) fn agreed(points: &[Point]) -> Wishes {
    let acme = Agreement { points: points.iter().copied().collect(), later_life: LaterLife::default() };
    Wishes {
        agreements: [(OperatorId::parse("acme").unwrap(), acme)].into_iter().collect(),
        ..Wishes::default()
    }
}

/// Takes all that waits for the operator, in short: `2 Failed 8.2.7/3.8`.
pub(crate) async fn told(house: &House) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(head) = house.store.reader().errand_heads(house.now()).await.unwrap().into_iter().next() {
        house.store.delivered(&head.posted.call).await.unwrap();
        if let Errand::Progress(progress) = head.posted.errand {
            all.push(format!("{} {}", progress.point, progress.status));
        }
    }
    all
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("PI-01", "the operator hears of a download", "5.3.5, T32a", "").part(
            "",
            "a whole download; points 1 to 4 agreed",
            "a call each at 1, 3 and 4: mandatory members, timestamp with zone, eid; resultData at 4; CERT.DP.TLS shown",
            a_download,
        ),
        case("PI-02", "an operator that does not answer", "3.1.3 NOTE (v2.5); repetition: choice", "")
            .part("a", "its end point is down, then up", "ES9+ as ever; told in order when it is up", || {
                unheard(Trouble::Down)
            })
            .part("b", "it takes four seconds to answer", "ES9+ as ever; told in order", || {
                unheard(Trouble::Slow)
            })
            .part("c", "it answers 500, then 204", "ES9+ as ever; the same calls again", || {
                unheard(Trouble::Http500)
            }),
    ]
}

const A_DOWNLOAD: [&str; 3] = ["1 Executed-Success", "3 Executed-Success", "4 Executed-Success"];

async fn a_download() {
    let (mut scene, office) = Office::scene(Wishes::default(), json!({})).await;
    scene.install().await;
    assert_eq!(office.says(&scene.house).await, A_DOWNLOAD);
    let calls = office.endpoint.calls();
    for call in &calls {
        is_whole(&scene.house, call, &scene.iccid, scene.card.eid());
        let point = call.body["notificationPointId"].as_u64();
        assert_eq!(call.body.get("resultData").is_some(), point == Some(4));
    }
    let result = STANDARD.decode(calls[2].text("/resultData")).unwrap();
    assert_eq!((result[0], result[2]), (0xA2, 0xA0), "finalResult with successResult: {result:02X?}");
    let mut names: Vec<_> = calls.iter().map(|call| call.text("/header/functionCallIdentifier")).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3, "each call has its own name");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Down,
    Slow,
    Http500,
}

/// What waits is due at the next look of the courier.
async fn later(house: &House, endpoint: &OperatorEndpoint, until: usize) {
    let end = Instant::now() + Duration::from_secs(20);
    while endpoint.calls().len() < until {
        assert!(Instant::now() < end, "told {} times", endpoint.calls().len());
        house.advance_ms(MINUTE_MS);
        sleep(Duration::from_millis(100)).await;
    }
}

async fn unheard(trouble: Trouble) {
    let (mut scene, mut office) = Office::scene(Wishes::default(), json!({})).await;
    match trouble {
        Trouble::Down => office.endpoint.down().await,
        Trouble::Slow => office.endpoint.behave(Manner::AnswersLate(204, Duration::from_secs(4))),
        Trouble::Http500 => office.endpoint.behave(Manner::Answers(500)),
    }
    let begin = Instant::now();
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    let waiting = scene.house.store.reader().errands(None, 10).await.unwrap();
    assert_eq!(waiting.len(), 3, "nothing was acknowledged yet");
    let mut expected: Vec<&str> = A_DOWNLOAD.to_vec();
    match trouble {
        Trouble::Down => office.endpoint.up().await.unwrap(),
        Trouble::Slow => office.endpoint.wait_for(1, Duration::from_secs(5)).await.truncate(0),
        Trouble::Http500 => {
            later(&scene.house, &office.endpoint, 2).await;
            let calls = office.endpoint.calls();
            assert!(
                calls[1..].iter().all(|call| call.body == calls[0].body),
                "the repetition is the same call"
            );
            expected.splice(0..0, vec![A_DOWNLOAD[0]; calls.len()]);
        }
    }
    office.endpoint.behave(Manner::Answers(204));
    let told =
        tokio::join!(office.says(&scene.house), later(&scene.house, &office.endpoint, expected.len())).0;
    let (first, last) = told.split_at(told.len() - 3);
    assert_eq!(last, A_DOWNLOAD, "in the order in which it happened");
    assert!(first.iter().all(|say| say == A_DOWNLOAD[0]), "{told:?}");
    scene.house.verify_trail().await;
}

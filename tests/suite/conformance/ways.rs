//! The ways in which a device comes to its order (3.1.1, Table 6a).
use serde_json::{Value, json};
use smdpp::mint::SMDS_ADDRESS;

use crate::house::{House, Wishes};
use crate::scene::{CODE, Scene};
use crate::{smds, sockets};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Default SM-DP+: the EID is all there is; the MatchingID is empty.
    Default,
    /// Activation Code, for one EID.
    Code,
    /// Activation Code, for whoever has it.
    Anyone,
    /// Through an SM-DS, for one EID; the MatchingID is the EventID.
    Smds,
}

impl Way {
    /// What ConfirmOrder carries for the first card of the house.
    pub(crate) fn confirm(self, house: &House, code: Option<&str>) -> Value {
        let mut confirm = match self {
            Self::Default => json!({ "eid": house.eid(0), "matchingId": "" }),
            Self::Code => json!({ "eid": house.eid(0), "matchingId": "OURS-1" }),
            Self::Smds => json!({
                "eid": house.eid(0), "matchingId": "OURS-1", "smdsAddress": SMDS_ADDRESS,
            }),
            Self::Anyone => json!({ "matchingId": "OURS-1" }),
        };
        if let Some(code) = code {
            confirm["confirmationCode"] = json!(code);
        }
        confirm
    }

    /// A released order of this way, with a Confirmation Code or without.
    pub(crate) async fn released(self, guarded: bool) -> Scene {
        self.released_with(Wishes::default(), guarded).await
    }

    pub(crate) async fn released_with(self, wishes: Wishes, guarded: bool) -> Scene {
        let (wishes, watch) = if self == Self::Smds {
            let (wishes, watch) = smds::beside(wishes, &[]).await;
            (wishes, Some(watch))
        } else {
            (wishes, None)
        };
        let house = sockets::house(wishes).await;
        let confirm = self.confirm(&house, guarded.then_some(CODE));
        let scene = Scene::in_house(house, confirm).await;
        if let Some(watch) = watch {
            let ids: Vec<String> = watch.events().into_iter().map(|event| event.event_id).collect();
            assert_eq!(ids, ["OURS-1"], "the event is registered");
        }
        scene
    }
}

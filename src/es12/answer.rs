//! What an SM-DS answered to RegisterEvent or DeleteEvent, and what that means (SGP.22 5.9, 6.5.1.4).
use serde::Deserialize;

use crate::https::{Answer, CallError};
use crate::profile::Reply;

/// How a call to an SM-DS ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    Executed,
    /// Failed, with subject and reason code.
    Refused {
        subject: String,
        reason: String,
    },
    /// It is certain that the SM-DS heard nothing.
    Unreachable(String),
    /// It may have acted, or not.
    Silent(String),
}

#[derive(Deserialize)]
struct Body {
    header: Header,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    function_execution_status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    status_code_data: Option<Codes>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Codes {
    subject_code: String,
    reason_code: String,
}

/// A code is a few digits and dots; what else a peer sends there goes into no log.
const CODE_CHARACTERS_MAX: usize = 16;

impl Answered {
    pub(super) fn of(answer: Result<Answer, CallError>) -> Self {
        match answer {
            Ok(Answer { status: 200, body }) => Self::read(&body),
            Ok(Answer { status, .. }) => Self::Silent(format!("HTTP {status}")),
            Err(error) if error.may_have_acted() => Self::Silent(error.story()),
            Err(error) => Self::Unreachable(error.story()),
        }
    }

    fn read(body: &[u8]) -> Self {
        let Ok(Body { header }) = serde_json::from_slice(body) else {
            return Self::Silent("an answer that is no functionExecutionStatus".to_owned());
        };
        let Status { status, status_code_data } = header.function_execution_status;
        let Codes { subject_code, reason_code } = status_code_data.unwrap_or_default();
        match status.as_str() {
            "Executed-Success" | "Executed-WithWarning" => Self::Executed,
            "Failed" | "Expired" => {
                Self::Refused { subject: code(&subject_code), reason: code(&reason_code) }
            }
            _ => Self::Silent("a status that 6.5.1.4 does not have".to_owned()),
        }
    }

    /// What it means for RegisterEvent, and why, for the log.
    pub(super) fn registration(&self) -> (Reply, String) {
        match self {
            Self::Executed => (Reply::Registered, String::new()),
            Self::Refused { subject, reason } if subject == "8.9.5" && reason == "3.3" => {
                (Reply::Used, format!("{subject}/{reason}"))
            }
            Self::Refused { subject, reason } => (Reply::Refused, format!("{subject}/{reason}")),
            Self::Unreachable(why) => (Reply::Unreachable, why.clone()),
            Self::Silent(why) => (Reply::Silent, why.clone()),
        }
    }

    /// DeleteEvent reached its end: the SM-DS has deleted the event, or never had it (8.9.5/3.9).
    pub fn is_deleted(&self) -> bool {
        match self {
            Self::Executed => true,
            Self::Refused { subject, reason } => subject == "8.9.5" && reason == "3.9",
            Self::Unreachable(_) | Self::Silent(_) => false,
        }
    }

    /// Why it is not deleted, for people.
    pub fn why(&self) -> String {
        match self {
            Self::Executed => "executed".to_owned(),
            Self::Refused { subject, reason } => format!("the SM-DS refused it: {subject}/{reason}"),
            Self::Unreachable(why) | Self::Silent(why) => why.clone(),
        }
    }
}

fn code(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || *c == '.').take(CODE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Answered {
        Answered::of(Ok(Answer { status, body: body.as_bytes().to_vec() }))
    }

    fn failed(subject: &str, reason: &str) -> Answered {
        answered(
            200,
            &format!(
                r#"{{"header":{{"functionExecutionStatus":{{"status":"Failed","statusCodeData":{{"subjectCode":"{subject}","reasonCode":"{reason}"}}}}}}}}"#
            ),
        )
    }

    #[test]
    fn success_is_a_status_and_not_http_200() {
        let body = r#"{"header":{"functionExecutionStatus":{"status":"Executed-Success"}},"more":1}"#;
        assert_eq!(answered(200, body).registration().0, Reply::Registered);
        for (status, body) in [(500, body), (204, ""), (200, ""), (200, "{}"), (200, "[]"), (302, body)] {
            assert_eq!(answered(status, body).registration().0, Reply::Silent, "{status} {body}");
        }
    }

    #[test]
    fn an_event_id_in_use_is_told_apart_from_other_refusals() {
        assert_eq!(failed("8.9.5", "3.3").registration().0, Reply::Used);
        for (subject, reason) in [("8.9", "5.1"), ("8.9", "4.2"), ("8.9.5", "3.9"), ("", "")] {
            assert_eq!(failed(subject, reason).registration().0, Reply::Refused);
        }
    }

    #[test]
    fn what_is_not_there_is_deleted_and_what_was_not_heard_is_not() {
        assert!(failed("8.9.5", "3.9").is_deleted());
        assert!(!failed("8.9", "5.1").is_deleted());
        assert!(!answered(500, "").is_deleted());
    }

    #[test]
    fn a_peers_text_does_not_get_into_our_log() {
        assert_eq!(failed("8.9\\nevil", "4.2").registration().1, "8.9/4.2");
    }
}

//! The ASN.1 binding of ES9+: one path for all functions, told apart by the tag in the envelope (SGP.22 6.6).
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;

use super::{AuthenticateClient, CancelSession, GetBoundProfilePackage, HandleNotification};
use super::{InitiateAuthentication, Lpa, run};
use crate::asn1::Es9Plus;
use crate::call::{Function, Smdp};
use crate::types::StatusCode;
use crate::wire;

pub(super) const PATH: &str = "/gsma/rsp2/asn1";

/// undefinedError. InitiateAuthentication has it from version 3 on; its INTEGER may hold it before.
const UNDEFINED: u8 = 127;

/// A function in the ASN.1 binding.
pub(super) trait Asn1: Function<Caller = Lpa> {
    const FUNCTION: Es9Plus;

    /// The status codes that have an error of their own in the function's response; all others are undefinedError.
    /// `None`: its answer has no place for an error, so the refusal must be HTTP's.
    const ERRORS: Option<&'static [(StatusCode, u8)]>;

    fn decode(content: &[u8]) -> Result<Self::Request, StatusCode>;

    /// The members of the output. `None`: acknowledged without a body.
    fn encode(response: Self::Response) -> Option<Vec<u8>>;
}

pub(super) async fn serve(State(smdp): State<Arc<Smdp>>, body: Bytes) -> Response<Body> {
    let Ok((function, content)) = Es9Plus::called(&body) else { return wire::unreadable() };
    let content = body.slice_ref(content);
    drop(body);
    match function {
        Es9Plus::InitiateAuthentication => answer::<InitiateAuthentication>(&smdp, content).await,
        Es9Plus::AuthenticateClient => answer::<AuthenticateClient>(&smdp, content).await,
        Es9Plus::GetBoundProfilePackage => answer::<GetBoundProfilePackage>(&smdp, content).await,
        Es9Plus::HandleNotification => answer::<HandleNotification>(&smdp, content).await,
        Es9Plus::CancelSession => answer::<CancelSession>(&smdp, content).await,
    }
}

/// Every ES9+ function is served by these lines.
async fn answer<F: Asn1>(smdp: &Smdp, content: Bytes) -> Response<Body> {
    let request = match F::decode(&content) {
        Ok(request) => request,
        Err(status) => return refused::<F>(status),
    };
    // What was read is enough; the rest need not wait for the database with us.
    drop(content);
    run::<F>(smdp, &request, executed::<F>, refused::<F>).await
}

fn executed<F: Asn1>(response: F::Response) -> Response<Body> {
    let members = F::encode(response);
    members.map_or_else(wire::acknowledged, |members| wire::asn1(F::FUNCTION.executed(&members)))
}

fn refused<F: Asn1>(status: StatusCode) -> Response<Body> {
    let Some(errors) = F::ERRORS else { return wire::unreadable() };
    let own = errors.iter().find(|(known, _)| known.is(status));
    wire::asn1(F::FUNCTION.refused(own.map_or(UNDEFINED, |(_, error)| *error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The errors of a function by its own table, in the order of their numbers.
    fn errors<F: Asn1>() -> Vec<(u8, String)> {
        let own = F::ERRORS.unwrap().iter();
        let mut all: Vec<_> =
            own.map(|(code, error)| (*error, format!("{}/{}", code.subject, code.reason))).collect();
        all.sort();
        all
    }

    fn expected(rows: &[(u8, &str)]) -> Vec<(u8, String)> {
        rows.iter().map(|(error, code)| (*error, (*code).to_owned())).collect()
    }

    #[test]
    fn each_function_has_the_errors_that_annex_h_names() {
        let initiate = [(1, "8.8.1/3.8"), (2, "8.8.3/3.1"), (3, "8.8.2/3.1"), (3, "8.8.4/3.7")];
        assert_eq!(errors::<InitiateAuthentication>(), expected(&initiate));
        let client = [
            (1, "8.1.2/6.1"),
            (2, "8.1.2/6.3"),
            (3, "8.1.3/6.1"),
            (4, "8.1.3/6.3"),
            (5, "8.1/6.1"),
            (6, "8.2.6/3.8"),
            (7, "8.1.1/3.8"),
            (8, "8.2.5/4.3"),
            (9, "8.11.1/3.9"),
            (10, "8.10.1/3.9"),
            (11, "8.1/4.8"),
            (18, "8.8.5/4.10"),
        ];
        assert_eq!(errors::<AuthenticateClient>(), expected(&client));
        let package = [
            (1, "8.1/6.1"),
            (2, "8.2.7/2.2"),
            (3, "8.2.7/3.8"),
            (4, "8.2.7/6.4"),
            (5, "8.2/3.7"),
            (6, "8.8.5/4.10"),
            (95, "8.10.1/3.9"),
        ];
        assert_eq!(errors::<GetBoundProfilePackage>(), expected(&package));
        let cancel = [(1, "8.10.1/3.9"), (2, "8.1/6.1")];
        assert_eq!(errors::<CancelSession>(), expected(&cancel));
        assert!(HandleNotification::ERRORS.is_none());
    }
}

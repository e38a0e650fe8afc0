//! The five functions of ES9+: each as a request not yet sent, and sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answers::{octets, success};
use super::{Answer, Authentication, Lpa, LpaError, Offer};
use crate::card::Card;
use crate::faults::Fault;
use crate::hex;

pub const INITIATE_AUTHENTICATION: &str = "initiateAuthentication";
pub const AUTHENTICATE_CLIENT: &str = "authenticateClient";
pub const GET_BOUND_PROFILE_PACKAGE: &str = "getBoundProfilePackage";
pub const HANDLE_NOTIFICATION: &str = "handleNotification";
pub const CANCEL_SESSION: &str = "cancelSession";

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

impl Lpa {
    /// Begins a session on the card.
    pub fn initiate_authentication_request(&self, card: &mut Card) -> Result<Value, LpaError> {
        Ok(json!({
            "euiccChallenge": base64(&card.get_euicc_challenge()?),
            "euiccInfo1": base64(&card.euicc_info1()),
            "smdpAddress": self.address(),
        }))
    }

    pub async fn initiate_authentication(&self, card: &mut Card) -> Result<Authentication, LpaError> {
        let request = self.initiate_authentication_request(card)?;
        let body = self.succeed(card, INITIATE_AUTHENTICATION, request).await?;
        Authentication::read(INITIATE_AUTHENTICATION, &body)
    }

    /// Asks the card; what it says, consent or refusal, goes into the request.
    pub fn authenticate_client_request(
        &self,
        card: &mut Card,
        server: &Authentication,
        matching_id: Option<&str>,
    ) -> Result<Value, LpaError> {
        let response = card.authenticate_server(
            &server.server_signed1,
            &server.server_signature1,
            &server.ci_pk_id,
            &server.server_certificate,
            matching_id,
            &self.device,
        )?;
        Ok(json!({
            "transactionId": server.transaction_id,
            "authenticateServerResponse": base64(&response),
        }))
    }

    pub async fn authenticate_client(
        &self,
        card: &mut Card,
        server: &Authentication,
        matching_id: Option<&str>,
    ) -> Result<Offer, LpaError> {
        let request = self.authenticate_client_request(card, server, matching_id)?;
        let body = self.succeed(card, AUTHENTICATE_CLIENT, request).await?;
        Offer::read(AUTHENTICATE_CLIENT, &body)
    }

    /// Asks the card; what it says, consent or refusal, goes into the request.
    pub fn get_bound_profile_package_request(
        &self,
        card: &mut Card,
        offer: &Offer,
        confirmation_code: Option<&str>,
    ) -> Result<Value, LpaError> {
        let response = card.prepare_download(
            &offer.smdp_signed2,
            &offer.smdp_signature2,
            &offer.smdp_certificate,
            confirmation_code,
        )?;
        Ok(json!({ "transactionId": offer.transaction_id, "prepareDownloadResponse": base64(&response) }))
    }

    /// Gives the package `BF36…`.
    pub async fn get_bound_profile_package(
        &self,
        card: &mut Card,
        offer: &Offer,
        confirmation_code: Option<&str>,
    ) -> Result<Vec<u8>, LpaError> {
        let request = self.get_bound_profile_package_request(card, offer, confirmation_code)?;
        let body = self.succeed(card, GET_BOUND_PROFILE_PACKAGE, request).await?;
        octets(GET_BOUND_PROFILE_PACKAGE, &body, "boundProfilePackage")
    }

    pub fn handle_notification_request(&self, pending_notification: &[u8]) -> Value {
        json!({ "pendingNotification": base64(pending_notification) })
    }

    /// Delivers one notification; the server must say 204.
    pub async fn handle_notification(
        &self,
        card: &Card,
        pending_notification: &[u8],
    ) -> Result<(), LpaError> {
        let request = self.handle_notification_request(pending_notification);
        match self.exchange(card, HANDLE_NOTIFICATION, request).await? {
            Answer { status: 204, .. } => Ok(()),
            Answer { status, .. } => Err(LpaError::Status { function: HANDLE_NOTIFICATION.into(), status }),
        }
    }

    pub fn cancel_session_request(
        &self,
        card: &mut Card,
        transaction_id: &str,
        reason: u8,
    ) -> Result<Value, LpaError> {
        let octets = hex::decode(transaction_id)
            .ok_or_else(|| LpaError::malformed(CANCEL_SESSION, "transactionId is not hexadecimal"))?;
        let response = card.cancel_session(&octets, reason)?;
        Ok(json!({ "transactionId": transaction_id, "cancelSessionResponse": base64(&response) }))
    }

    pub async fn cancel_session(
        &self,
        card: &mut Card,
        transaction_id: &str,
        reason: u8,
    ) -> Result<(), LpaError> {
        let request = self.cancel_session_request(card, transaction_id, reason)?;
        self.succeed(card, CANCEL_SESSION, request).await.map(|_| ())
    }

    /// Sends a request and gives the body of a success.
    pub async fn succeed(&self, card: &Card, function: &str, request: Value) -> Result<Value, LpaError> {
        success(function, self.exchange(card, function, request).await?)
    }

    async fn exchange(&self, card: &Card, function: &str, request: Value) -> Result<Answer, LpaError> {
        if card.faults.has(Fault::SendTwice) {
            self.call(function, request.clone()).await?;
        }
        self.call(function, request).await
    }
}

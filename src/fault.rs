//! The house could not answer. A refusal is an answer; a fault is not.
use std::error::Error;

/// Something this server depends on failed. Logged and counted here, never shown to a peer.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    what: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    pub fn new(what: &'static str) -> Self {
        Self { what, source: None }
    }

    /// For `map_err`: names what failed and keeps the cause.
    pub fn caused<E: Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self { what, source: Some(Box::new(cause)) }
    }

    /// The whole story on one line, for a log: what failed, and each cause below it.
    pub fn story(&self) -> String {
        story(self)
    }
}

/// What an error says, and each cause below it, on one line for a log.
pub fn story(error: &dyn Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story.push_str(": ");
        story.push_str(&error.to_string());
        cause = error.source();
    }
    story
}

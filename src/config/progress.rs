//! `[operator.progress]`: where an operator hears of its Profiles, and what was agreed about it (SGP.22 5.3.5).
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use crate::errand::{Agreement, LaterLife, Point};

/// The path of the standard, for a URL without one (6.5.2).
const PATH: &str = "/gsma/rsp2/es2plus/handleDownloadProgressInfo";

/// Numbers below are the standard's own, or kept by it for later (5.3.5).
const PRIVATE_POINT_MIN: u32 = 100;

/// The operator's HTTPS endpoint, and which notification points it wants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    pub url: Url,
    /// Who issues the operator's server certificate.
    pub ca: PathBuf,
    #[serde(default)]
    pub points: Points,
    pub install_point: Option<PrivatePoint>,
    pub enable_point: Option<PrivatePoint>,
    pub disable_point: Option<PrivatePoint>,
    pub delete_point: Option<PrivatePoint>,
}

impl Progress {
    pub fn agreement(&self) -> Agreement {
        let number = |point: Option<PrivatePoint>| point.map(|PrivatePoint(number)| number);
        let later_life = LaterLife {
            install: number(self.install_point),
            enable: number(self.enable_point),
            disable: number(self.disable_point),
            delete: number(self.delete_point),
        };
        Agreement { points: self.points.0.clone(), later_life }
    }
}

/// `https://host`, with a port and a path if they are not the usual ones.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url {
    pub host: String,
    pub port: u16,
    pub path: String,
}

impl TryFrom<String> for Url {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const HELP: &str = "url is https:// and a host name, such as \"https://esim.operator.example\"; \
                            a port and a path may follow";
        let rest = text.strip_prefix("https://").ok_or(HELP)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or(HELP)?),
            None => (authority, 443),
        };
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(named) || !path.bytes().all(plain) {
            return Err(HELP);
        }
        let path = if path.is_empty() { PATH.to_owned() } else { format!("/{path}") };
        Ok(Self { host: host.to_owned(), port, path })
    }
}

/// The notification points that were agreed; what must be told is told without.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PointsText")]
pub struct Points(pub BTreeSet<Point>);

impl Default for Points {
    fn default() -> Self {
        Self([Point::ConfirmationFailure, Point::BppDownload, Point::BppInstallation].into())
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "points is a list of numbers from 1 to 4, such as [2, 3, 4]")]
enum PointsText {
    Numbers(Vec<u32>),
    /// From the environment: `2,3,4`.
    Text(String),
}

impl TryFrom<PointsText> for Points {
    type Error = &'static str;

    fn try_from(text: PointsText) -> Result<Self, Self::Error> {
        let numbers = match text {
            PointsText::Numbers(numbers) => Some(numbers),
            PointsText::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(|part| part.parse().ok()).collect()
            }
        };
        let point = |number| Point::ALL.into_iter().find(|point| point.number() == number);
        let points = numbers.and_then(|numbers| numbers.into_iter().map(point).collect::<Option<_>>());
        points.map(Self).ok_or("points is a list of numbers from 1 to 4, such as [2, 3, 4]")
    }
}

/// A notificationPointId of the two parties' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct PrivatePoint(u32);

impl TryFrom<u32> for PrivatePoint {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        (number >= PRIVATE_POINT_MIN)
            .then_some(Self(number))
            .ok_or("a point by agreement has a number from 100 up: those below belong to SGP.22 (5.3.5)")
    }
}

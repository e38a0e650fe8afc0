//! Where a revocation list comes from: a file, or an HTTP server (SGP.22 4.6). Plain HTTP, since lists are signed.
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::pki::CRL_OCTETS_MAX;
use crate::server::gathered;

/// For the whole of one fetch: a list is small, and somebody may wait for it at start.
const FETCH: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Http(Uri),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Http(uri) => write!(f, "{uri}"),
        }
    }
}

/// A file's last change and length, to see that it is another one.
pub(super) type Seen = Option<(SystemTime, u64)>;

/// How the files among the sources look now.
pub(super) async fn look(sources: &[Source]) -> Vec<Seen> {
    let files: Vec<PathBuf> = sources
        .iter()
        .filter_map(|source| match source {
            Source::File(path) => Some(path.clone()),
            Source::Http(_) => None,
        })
        .collect();
    if files.is_empty() {
        return Vec::new();
    }
    let look = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    tokio::task::spawn_blocking(move || files.iter().map(look).collect()).await.unwrap_or_default()
}

impl Source {
    /// The octets, in whatever form; the error is for people.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, String> {
        let fetched = async {
            match self {
                Self::File(path) => {
                    let path = path.clone();
                    let read = tokio::task::spawn_blocking(move || read(&path)).await;
                    read.map_err(|error| error.to_string())?
                }
                Self::Http(uri) => get(uri).await,
            }
        };
        let seconds = FETCH.as_secs();
        tokio::time::timeout(FETCH, fetched)
            .await
            .unwrap_or_else(|_| Err(format!("no list within {seconds} s")))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would keep us waiting.
    if !std::fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
        return Err("not a file".to_owned());
    }
    let mut content = Vec::new();
    // One octet more than is allowed, so that a longer file is seen to be one.
    let most = u64::try_from(CRL_OCTETS_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(most).read_to_end(&mut content).map_err(|error| error.to_string())?;
    Ok(content)
}

/// One GET on a connection of its own. Redirects are not followed: the address is in the configuration.
async fn get(uri: &Uri) -> Result<Vec<u8>, String> {
    let authority = uri.authority().ok_or("the address has no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await;
    let stream = TokioIo::new(stream.map_err(|error| error.to_string())?);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.map_err(|error| error.to_string())?;
    let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, authority.as_str())
        .header(USER_AGENT, concat!("smdpp/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("HTTP {}", response.status().as_u16()));
        }
        gathered(response.into_body(), CRL_OCTETS_MAX).await.map_err(|error| error.to_string())
    };
    // The connection is driven here, so that it ends with this function.
    tokio::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = connection => match ended {
            // It may end before the answer, which is complete then, was looked at.
            Ok(()) => answered.await,
            Err(error) => Err(error.to_string()),
        },
    }
}

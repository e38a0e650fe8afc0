//! A real SM-DS beside a server: both doors on sockets of this process, certificates from the server's folder.
use std::fs::OpenOptions;
use std::io::Write;

use euicc::{Lpa, LpaConfig};
use smds::{Files, Identity, Smds, Watch};
use tokio::task::JoinHandle;

use crate::error::RigError;
use crate::server::Server;

/// The name of the SM-DS of a fresh PKI.
pub const SMDS_ADDRESS: &str = "smds.example.com";

pub struct SmdsBeside {
    pub watch: Watch,
    es11: String,
    running: JoinHandle<()>,
}

impl SmdsBeside {
    /// Starts it and writes into the server's configuration where it is: before the server starts.
    pub async fn start(server: &Server) -> Result<Self, RigError> {
        let wrong = |error: String| RigError::Wrong(format!("the SM-DS: {error}"));
        let files = Files::of_folder(server.pki().folder());
        let identity = Identity::read(SMDS_ADDRESS, &files).map_err(|error| wrong(error.to_string()))?;
        let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let smds = Smds::bind(identity, anywhere, anywhere).await.map_err(|fault| wrong(fault.story()))?;
        let (watch, es11, es12) = (smds.watch(), smds.es11().to_string(), smds.es12());
        let path = server.config();
        let append = || {
            let mut file = OpenOptions::new().append(true).open(&path)?;
            write!(file, "\n[[smds]]\naddress = \"{SMDS_ADDRESS}\"\nconnect = \"{es12}\"\n")
        };
        append().map_err(RigError::file("add the SM-DS to", &path))?;
        Ok(Self { watch, es11, running: tokio::spawn(smds.run(std::future::pending())) })
    }

    /// Where LPAs ask.
    pub fn es11(&self) -> &str {
        &self.es11
    }

    /// An LPA that asks this SM-DS, under the roots of `server`.
    pub fn lpa(&self, server: &Server) -> Result<Lpa, RigError> {
        let tls_roots = vec![server.pki().ci()?];
        let config = LpaConfig { connect: Some(self.es11.clone()), tls_roots, ..LpaConfig::default() };
        Ok(Lpa::new(SMDS_ADDRESS, config)?)
    }
}

impl Drop for SmdsBeside {
    fn drop(&mut self) {
        self.running.abort();
    }
}

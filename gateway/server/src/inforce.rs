//! What is in force: the one place from which the judging stages and the door read
//! participants, certificates, anchors, schemas, routes and the gateway's own TLS
//! certificate. In: checked settings. Out: a whole, replaced at once by `reload.rs`, so
//! that no message is judged half by the old and half by the new rules.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use onepoint_certs::ChainCache;
use onepoint_store::StoreError;
use onepoint_xml::Limits;
use tokio_rustls::TlsAcceptor;

use crate::authenticate::Trust;
use crate::calendar::{Calendar, Entry};
use crate::clock::Clock;
use crate::config::{LegacyUse, Routes, Settings};
use crate::http::tls::{self, TlsError};
use crate::revocation::Revocation;

/// Memory for verified chains, bytes: some thousand senders.
const CHAIN_CACHE_BYTES: usize = 16 << 20;

/// Everything that judges, at one version.
pub(crate) struct InForce {
    pub(crate) trust: Trust,
    pub(crate) routes: Routes,
    /// Who may use which obsolete form.
    pub(crate) legacy: Vec<LegacyUse>,
    /// Does the TLS handshake of new connections.
    pub(crate) acceptor: TlsAcceptor,
    /// When what ends.
    pub(crate) calendar: Calendar,
}

/// Why settings cannot come into force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InForceError {
    #[error("the door")]
    Tls(#[from] TlsError),
    #[error("the folder of revocation lists")]
    Revocation(#[from] StoreError),
}

impl InForce {
    /// Everything that ends, and when.
    pub(crate) fn entries(&self, now: Timestamp) -> Vec<Entry> {
        self.calendar.entries(&self.trust.revocation.states(now))
    }

    /// Puts together what the settings say; what `before` knows of revocations stays known.
    /// Nothing of the running gateway is touched.
    ///
    /// # Errors
    /// When the folder of revocation lists, or certificate and key of the door cannot be used.
    pub(crate) fn of(
        settings: &Settings,
        before: Option<&InForce>,
        clock: Clock,
    ) -> Result<InForce, InForceError> {
        let before = before.map(|before| &*before.trust.revocation);
        let lists = Revocation::open(&settings.trust.revocation, before, clock.now())?;
        Ok(InForce {
            trust: trust(settings, lists),
            routes: settings.routes.clone(),
            legacy: settings.legacy.clone(),
            acceptor: tls::acceptor(&settings.listen)?,
            calendar: Calendar::of(settings),
        })
    }
}

/// What the stage `authenticate` reads.
pub(crate) fn trust(settings: &Settings, revocation: Revocation) -> Trust {
    Trust {
        registry: Arc::clone(&settings.registry),
        anchors: settings.trust.anchors.clone(),
        tolerance: settings.trust.tolerance,
        revocation: Arc::new(revocation),
        catalogue: Arc::clone(&settings.catalogue),
        chains: Mutex::new(ChainCache::new(CHAIN_CACHE_BYTES)),
        limits: Limits { bytes: settings.listen.body_bytes_max, ..Limits::default() },
        addresses: settings.addresses.clone(),
    }
}

/// The handle that everything holds which reads what is in force.
#[derive(Clone)]
pub(crate) struct Current(Arc<RwLock<Arc<InForce>>>);

impl Current {
    pub(crate) fn new(first: InForce) -> Current {
        Current(Arc::new(RwLock::new(Arc::new(first))))
    }

    /// What is in force now. Whoever judges takes it once and keeps to it.
    pub(crate) fn get(&self) -> Arc<InForce> {
        // Nothing panics while the lock is held.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets `next` be in force for everything that begins from now on.
    pub(crate) fn replace(&self, next: InForce) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

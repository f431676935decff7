//! What one signature proved, and how a message was carried. Made by this stage only, once a
//! signature has verified and its certificate's chain and participant are known.

use onepoint_certs::crl::Taken;
use onepoint_certs::{
    Certificate, Participant, ParticipantId, SignatureAlgorithm, SignaturePolicy,
};
use serde::Serialize;

/// The form of a signature, as facts name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// The XML Signature of the document itself.
    Xml,
    /// The XML Signature of a `DxpMsg` around it.
    Dxp,
    /// The XML Signature of a `DxpMsgSv`, by the node that carries it.
    DxpSv,
    /// A JSON Web Signature over it.
    Jws,
    /// The signed string of announcement 179.
    #[serde(rename = "announcement-179")]
    Announcement179,
    /// The signature beside the XML of the Hangzhou port.
    Mo,
}

/// A signature that verified, of a registered participant.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    form: Form,
    signer: ParticipantId,
    certificate: String,
    algorithm: SignatureAlgorithm,
    policy: String,
    tolerances: Vec<&'static str>,
    revocation: Vec<Taken>,
}

impl Proof {
    pub(super) fn new(
        form: Form,
        signer: &Participant,
        certificate: &Certificate,
        algorithm: SignatureAlgorithm,
        (policy, tolerances): (&SignaturePolicy, Vec<&'static str>),
        revocation: Vec<Taken>,
    ) -> Proof {
        Proof {
            form,
            signer: signer.id.clone(),
            certificate: certificate.fingerprint().to_string(),
            algorithm,
            policy: policy.name.clone(),
            tolerances,
            revocation,
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn signer(&self) -> &ParticipantId {
        &self.signer
    }

    /// SHA-256 of the certificate, hex.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Name of the signature policy that was applied.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// The revocation status of each certificate of the chain, as it was seen.
    pub(crate) fn revocation(&self) -> &[Taken] {
        &self.revocation
    }

    /// Codes of the loose rules that were needed.
    pub(crate) fn tolerances(&self) -> &[&'static str] {
        &self.tolerances
    }
}

/// What the envelope around a message says, for facts and for departments.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EnvelopeFacts {
    pub(crate) cop_msg_id: String,
    pub(crate) sender_id: String,
    pub(crate) receiver_ids: Vec<String>,
    /// Whether the envelope itself was signed.
    pub(crate) signed: bool,
    /// Number of the transport between nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_msg_id: Option<String>,
}

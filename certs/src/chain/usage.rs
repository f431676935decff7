//! The extended key usages that may sign messages (RFC 5280, section 4.2.1.12).
//!
//! rustls-webpki asks for the leaf and, as browsers do, for each intermediate:
//! a CA restricted to web servers cannot issue signers.

use webpki::{Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage};

// Contents of the object identifiers.
const CLIENT_AUTH: KeyPurposeId<'static> =
    KeyPurposeId::new(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02]);
const EMAIL_PROTECTION: KeyPurposeId<'static> =
    KeyPurposeId::new(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04]);
const DOCUMENT_SIGNING: KeyPurposeId<'static> =
    KeyPurposeId::new(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24]);
const ANY: KeyPurposeId<'static> = KeyPurposeId::new(&[0x55, 0x1d, 0x25, 0x00]);

/// Absent, or one of the usages of a signer.
pub(super) struct Signing;

impl ExtendedKeyUsageValidator for Signing {
    fn validate(&self, found: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for purpose in found {
            let purpose = purpose?;
            if [CLIENT_AUTH, EMAIL_PROTECTION, DOCUMENT_SIGNING, ANY].contains(&purpose) {
                return Ok(());
            }
            present.push(purpose.to_decoded_oid());
        }
        if present.is_empty() {
            return Ok(());
        }
        Err(Error::RequiredEkuNotFoundContext(webpki::RequiredEkuNotFoundContext {
            // The one to ask for when a certificate has to be issued again.
            required: KeyUsage::client_auth(),
            present,
        }))
    }
}

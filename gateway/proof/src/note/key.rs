//! Ed25519 keys of a log, as text.
//!
//! In: `<name>+<id>+<base64>` (public) or `PRIVATE+KEY+<name>+<id>+<base64>`;
//! out: signatures and their verification. What passes through this module of
//! a private key is wiped; the key pair that `ring` holds lives until the
//! signer is dropped.

use std::fmt;

use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::{Zeroize as _, Zeroizing};

use super::{NoteError, NoteSignature, check_key_name};
use crate::hash::{Hash, decode_base64, encode_base64};

/// Signature type byte of Ed25519 (c2sp.org/signed-note).
const TYPE_ED25519: u8 = 0x01;
/// Bytes of an Ed25519 public key and of a private seed (RFC 8032).
const KEY_BYTES: usize = 32;
/// Start of a private key string.
const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";
/// Longest key string: name, id, base64 of 33 bytes and prefix.
const MAX_KEY_TEXT: usize = 512;

const PUBLIC_FORM: &str = "<name>+<8 hex digits>+<base64 of type and 32 bytes>";
const PRIVATE_FORM: &str = "PRIVATE+KEY+<name>+<8 hex digits>+<base64 of type and 32 bytes>";

/// Key id: the first four bytes of SHA-256(name || 0x0A || type || key).
pub(crate) fn key_id(name: &str, typed_key: &[&[u8]]) -> u32 {
    let mut parts = vec![name.as_bytes(), b"\n"];
    parts.extend_from_slice(typed_key);
    let hash = Hash::of_parts(&parts);
    hash.as_bytes().first_chunk().map_or(0, |id| u32::from_be_bytes(*id))
}

/// The public half of a log's key.
#[derive(Clone, PartialEq, Eq)]
pub struct LogVerifier {
    name: String,
    key_id: u32,
    public: [u8; KEY_BYTES],
}

impl LogVerifier {
    /// A verifier for a name and a 32-byte public key.
    ///
    /// # Errors
    /// [`NoteError::KeyName`].
    pub fn new(name: &str, public: [u8; KEY_BYTES]) -> Result<LogVerifier, NoteError> {
        check_key_name(name)?;
        let key_id = key_id(name, &[&[TYPE_ED25519], &public]);
        Ok(LogVerifier { name: name.to_owned(), key_id, public })
    }

    /// Reads a verifier key string; white space around it is ignored.
    ///
    /// # Errors
    /// [`NoteError::Key`], [`NoteError::KeyName`], [`NoteError::KeyType`],
    /// [`NoteError::KeyId`].
    pub fn parse(text: &str) -> Result<LogVerifier, NoteError> {
        let (name, id, key) = split_key(text.trim(), PUBLIC_FORM)?;
        let verifier = LogVerifier::new(&name, *key)?;
        check_id(&id, verifier.key_id)?;
        Ok(verifier)
    }

    /// Name of the key: the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key.
    #[must_use]
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The 32 bytes of the public key (RFC 8032).
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for LogVerifier {
    /// The verifier key string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![TYPE_ED25519];
        typed.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.key_id, encode_base64(&typed))
    }
}

impl fmt::Debug for LogVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogVerifier({self})")
    }
}

/// The private half of a log's key.
pub struct LogSigner {
    verifier: LogVerifier,
    pair: Ed25519KeyPair,
}

impl LogSigner {
    /// Reads a signer key string; white space around it is ignored. The text
    /// itself is the caller's to wipe.
    ///
    /// # Errors
    /// [`NoteError::Key`], [`NoteError::KeyName`], [`NoteError::KeyType`],
    /// [`NoteError::KeyId`].
    pub fn parse(text: &str) -> Result<LogSigner, NoteError> {
        let rest = text.trim().strip_prefix(PRIVATE_PREFIX);
        let rest = rest.ok_or(NoteError::Key { expected: PRIVATE_FORM })?;
        let (name, id, seed) = split_key(rest, PRIVATE_FORM)?;
        let signer = LogSigner::from_seed(&name, &seed)?;
        check_id(&id, signer.key_id())?;
        Ok(signer)
    }

    /// A signer for a name and a 32-byte private seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`NoteError::KeyName`], [`NoteError::Key`].
    pub fn from_seed(name: &str, seed: &[u8; KEY_BYTES]) -> Result<LogSigner, NoteError> {
        let wrong = NoteError::Key { expected: PRIVATE_FORM };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong.clone())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| wrong)?;
        Ok(LogSigner { verifier: LogVerifier::new(name, public)?, pair })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &LogVerifier {
        &self.verifier
    }

    /// Name of the key: the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// Id of the key.
    #[must_use]
    pub fn key_id(&self) -> u32 {
        self.verifier.key_id()
    }

    /// Signs a note's text, final newline included.
    #[must_use]
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature {
            name: self.name().to_owned(),
            key_id: self.key_id(),
            bytes: self.pair.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for LogSigner {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.verifier)
    }
}

/// A new key: the signer key string, to be kept secret, and its public half.
///
/// # Errors
/// [`NoteError::KeyName`], [`NoteError::Randomness`].
pub fn generate_key(
    name: &str,
    random: &dyn SecureRandom,
) -> Result<(Zeroizing<String>, LogVerifier), NoteError> {
    let mut seed = Zeroizing::new([0u8; KEY_BYTES]);
    random.fill(&mut *seed).map_err(|_| NoteError::Randomness)?;
    let signer = LogSigner::from_seed(name, &seed)?;
    Ok((signer_text(&signer.verifier, &seed), signer.verifier))
}

fn signer_text(verifier: &LogVerifier, seed: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let mut typed = Zeroizing::new(vec![TYPE_ED25519]);
    // Room for all of it: growing would leave an unwiped copy behind.
    typed.reserve_exact(KEY_BYTES);
    typed.extend_from_slice(seed);
    let key = Zeroizing::new(encode_base64(&typed));
    let (name, id) = (&verifier.name, verifier.key_id);
    Zeroizing::new(format!("{PRIVATE_PREFIX}{name}+{id:08x}+{}", *key))
}

/// Name, id as written, and the 32 bytes behind the type.
fn split_key(
    text: &str,
    expected: &'static str,
) -> Result<(String, String, Zeroizing<[u8; KEY_BYTES]>), NoteError> {
    let wrong = || NoteError::Key { expected };
    if text.len() > MAX_KEY_TEXT {
        return Err(wrong());
    }
    let mut fields = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(wrong());
    };
    let mut typed = decode_base64(key).ok_or_else(wrong)?;
    let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
    let split = typed.split_first().map(|(kind, rest)| (*kind, rest.len()));
    bytes.iter_mut().zip(typed.iter().skip(1)).for_each(|(to, from)| *to = *from);
    typed.zeroize();
    match split {
        Some((TYPE_ED25519, KEY_BYTES)) => Ok((name.to_owned(), id.to_owned(), bytes)),
        Some((found, _)) if found != TYPE_ED25519 => Err(NoteError::KeyType { found }),
        _ => Err(wrong()),
    }
}

fn check_id(found: &str, expected: u32) -> Result<(), NoteError> {
    let expected = format!("{expected:08x}");
    if found == expected {
        Ok(())
    } else {
        Err(NoteError::KeyId { found: found.chars().take(16).collect(), expected })
    }
}

//! The bounds of the rows that go in, checked before any store sees them.
//!
//! In: a row; out: nothing, or [`StoreError::Invalid`] that names the field, what
//! was expected and what was found. Every store calls these, so that one message
//! out of bounds gets the same answer everywhere.

use super::*;

impl NewMessage<'_> {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        text("message id", self.id, MAX_ID_BYTES)?;
        text("zone", self.zone, MAX_ID_BYTES)?;
        text("sender", self.sender, MAX_ID_BYTES)?;
        optional("message guid", self.guid, MAX_KEY_BYTES)?;
        text("message type", self.message_type, MAX_KEY_BYTES)?;
        text("media type", self.media_type, MAX_KEY_BYTES)?;
        bytes("payload", self.payload.bytes, MAX_BODY_BYTES)
    }
}

impl BusinessKey<'_> {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        text("business key kind", self.kind, MAX_ID_BYTES)?;
        text("business key", self.value, MAX_KEY_BYTES)
    }
}

impl NewDocument<'_> {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        text("message id", self.message, MAX_ID_BYTES)?;
        document(self.index)?;
        optional("document guid", self.guid, MAX_KEY_BYTES)?;
        optional("order key", self.order_key, MAX_KEY_BYTES)?;
        self.business_key.map_or(Ok(()), |key| key.check())
    }
}

impl NewKeyVersion<'_> {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        self.key.check()?;
        if self.version == 0 {
            return Err(invalid("key version", "1 or more".into(), "0".into()));
        }
        text("message id", self.message, MAX_ID_BYTES)?;
        document(self.document)
    }
}

impl NewFact<'_> {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        optional("message id", self.message, MAX_ID_BYTES)?;
        self.document.map_or(Ok(()), document)?;
        optional("participant", self.participant, MAX_ID_BYTES)?;
        text("fact kind", self.kind, MAX_ID_BYTES)?;
        bytes("fact", self.fact, onepoint_proof::fact::MAX_FACT_BYTES)?;
        bytes("leaf entry", self.entry, onepoint_proof::tile::MAX_ENTRY_BYTES)
    }
}

impl NewDelivery<'_> {
    /// Checks the bounds, and that the id begins with the message's id and a dot.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        text("delivery id", self.id, MAX_ID_BYTES)?;
        text("message id", self.message, MAX_ID_BYTES)?;
        // Deliveries of a message are found by this prefix, without an index of their own.
        let rest = self.id.strip_prefix(self.message).and_then(|rest| rest.strip_prefix('.'));
        if rest.is_none_or(str::is_empty) {
            let expected = format!("`{}.` and a name", self.message);
            return Err(invalid("delivery id", expected, self.id.into()));
        }
        text("destination", self.destination, MAX_ID_BYTES)?;
        text("routing key", self.routing_key, MAX_KEY_BYTES)?;
        if self.order_keys.len() > MAX_ORDER_KEYS {
            let expected = format!("at most {MAX_ORDER_KEYS}");
            return Err(invalid("order keys", expected, self.order_keys.len().to_string()));
        }
        for key in self.order_keys {
            text("order key", key, MAX_KEY_BYTES)?;
        }
        text("message type", self.message_type, MAX_KEY_BYTES)?;
        text("headers", self.headers, MAX_HEADER_BYTES)
    }
}

impl NewAnswer<'_> {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first field out of bounds.
    pub fn check(&self) -> Result<(), StoreError> {
        text("department", self.department, MAX_ID_BYTES)?;
        text("answer id", self.answer_id, MAX_ID_BYTES)?;
        text("message id", self.message, MAX_ID_BYTES)?;
        text("message type", self.message_type, MAX_KEY_BYTES)?;
        bytes("payload", self.payload.bytes, MAX_BODY_BYTES)
    }
}

/// Checks the bounds of what the register names.
pub(crate) fn check_registered(kind: &str, name: &str) -> Result<(), StoreError> {
    text("registered kind", kind, MAX_ID_BYTES)?;
    text("registered name", name, MAX_KEY_BYTES)
}

/// Checks the bound of a payload stored on its own.
pub(crate) fn check_body(body: &[u8]) -> Result<(), StoreError> {
    bytes("payload", body, MAX_BODY_BYTES)
}

fn text(field: &'static str, value: &str, max: usize) -> Result<(), StoreError> {
    if value.is_empty() || value.len() > max {
        let found = format!("{} bytes", value.len());
        return Err(invalid(field, format!("1 to {max} bytes"), found));
    }
    Ok(())
}

fn optional(field: &'static str, value: Option<&str>, max: usize) -> Result<(), StoreError> {
    value.map_or(Ok(()), |value| text(field, value, max))
}

fn bytes(field: &'static str, value: &[u8], max: usize) -> Result<(), StoreError> {
    if value.len() > max {
        let found = format!("{} bytes", value.len());
        return Err(invalid(field, format!("at most {max} bytes"), found));
    }
    Ok(())
}

fn document(index: u32) -> Result<(), StoreError> {
    if index > MAX_DOCUMENT_INDEX {
        let expected = format!("at most {MAX_DOCUMENT_INDEX}");
        return Err(invalid("document index", expected, index.to_string()));
    }
    Ok(())
}

fn invalid(field: &'static str, expected: String, found: String) -> StoreError {
    StoreError::Invalid { field, expected, found }
}

//! The trace context a sender gives (W3C Trace Context, section 3.2): one header, carried
//! from the request into the outbox, to the department and with its answer. Only what is
//! well-formed is carried; it is never needed and never believed.

/// The header, in HTTP and AMQP.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The value, if it is one of version 00 that names a trace and a parent.
pub(crate) fn traceparent(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (part.len() == length && part.bytes().all(hex)).then_some(part)
    };
    let (version, trace, parent, _) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let named = |id: &str| id.bytes().any(|b| b != b'0');
    let good = version == "00" && named(trace) && named(parent) && parts.next().is_none();
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_trace_is_carried() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traceparent(Some(good)).as_deref(), Some(good));
        for bad in [
            "",
            "x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ] {
            assert_eq!(traceparent(Some(bad)), None, "{bad}");
        }
        assert_eq!(traceparent(None), None);
    }
}

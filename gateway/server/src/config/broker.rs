//! `[broker]`: the address of the RabbitMQ, and for `amqps` whom to trust and who we are.
//! The same for the gateway and for adapters.

use std::fmt;

use onepoint_relay::broker::{Broker, BrokerError, BrokerTls};

use super::section::Section;
use super::{ReadFile, file};

/// How to reach the broker.
#[derive(Clone)]
pub(crate) struct BrokerSettings {
    url: String,
    tls: Option<BrokerTls>,
    /// Whether vendors may publish to `onepoint.intake`.
    pub(crate) intake: bool,
}

impl BrokerSettings {
    /// The broker; `name` is what its own lists show for our connections.
    ///
    /// # Errors
    /// As [`Broker::new`].
    pub(crate) fn broker(&self, name: &str) -> Result<Broker, BrokerError> {
        Broker::new(&self.url, name, self.tls.clone())
    }

    /// The virtual host of the address; `/` when it names none (RabbitMQ URI specification).
    pub(crate) fn virtual_host(&self) -> String {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let path = path.split('?').next().unwrap_or_default();
        match path {
            "" | "%2f" | "%2F" => "/".to_owned(),
            path => path.to_owned(),
        }
    }

    /// All of it as one text, secrets too: to tell whether it has changed.
    pub(crate) fn whole(&self) -> String {
        let (ca, identity) = match &self.tls {
            Some(tls) => (tls.ca_pem.as_str(), tls.identity.as_ref()),
            None => ("", None),
        };
        let identity = identity.map(|(chain, key)| [&chain[..], &key[..]].concat());
        format!("{} {} {ca} {identity:?}", self.url, self.intake)
    }

    /// The user in the address, if it names one.
    pub(crate) fn user(&self) -> Option<&str> {
        let (_, rest) = self.url.split_once("://")?;
        let (credentials, _) = rest.split_once('@')?;
        credentials.split(':').next().filter(|user| !user.is_empty())
    }
}

impl fmt::Debug for BrokerSettings {
    /// Without the password in the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerSettings").field("intake", &self.intake).finish_non_exhaustive()
    }
}

/// Reads the section; `None` when there were faults.
pub(crate) fn read(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<BrokerSettings> {
    let url = section.text("url");
    let intake = section.flag("intake", true);
    let (has_ca, has_certificate) = (section.has("ca"), section.has("certificate"));
    let ca = has_ca.then(|| file(section, "ca", files)).flatten();
    let identity = has_certificate.then(|| {
        let chain = file(section, "certificate", files);
        Some((chain?.into_bytes(), file(section, "key", files)?.into_bytes()))
    });
    section.finish();
    let url = url?;
    let secure = url.starts_with("amqps://");
    if !secure && !url.starts_with("amqp://") {
        section.fault("url", "expected amqp://… or amqps://…");
        return None;
    }
    if secure && !has_ca {
        section.fault("ca", "is missing; amqps needs a PEM file of the certificates to trust");
        return None;
    }
    if !secure && (has_ca || has_certificate) {
        section.fault("url", "is amqp, but certificates are named; expected amqps://…");
        return None;
    }
    let tls = match (secure, ca, identity) {
        (false, _, _) => None,
        (true, Some(ca_pem), None) => Some(BrokerTls { ca_pem, identity: None }),
        (true, Some(ca_pem), Some(Some(identity))) => {
            Some(BrokerTls { ca_pem, identity: Some(identity) })
        }
        // A file could not be read: said already.
        _ => return None,
    };
    let settings = BrokerSettings { url, tls, intake };
    if let Err(error) = settings.broker("onepoint") {
        let key = if error.code() == "broker-address" { "url" } else { "ca" };
        section.fault(key, error.en());
        return None;
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> BrokerSettings {
        BrokerSettings { url: url.to_owned(), tls: None, intake: true }
    }

    #[test]
    fn virtual_host_and_user_are_read_from_the_address() {
        let of = |url: &str| {
            let settings = settings(url);
            (settings.virtual_host(), settings.user().map(str::to_owned))
        };
        let user = |name: &str| Some(name.to_owned());
        assert_eq!(of("amqp://a:b@h:5672/%2f"), ("/".to_owned(), user("a")));
        assert_eq!(of("amqps://a@h/zone?heartbeat=2"), ("zone".to_owned(), user("a")));
        assert_eq!(of("amqp://h"), ("/".to_owned(), None));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", settings("amqp://a:secret@h")).contains("secret"));
    }
}

//! What only a restart changes: what the process has open or has given its word for. In: two
//! configurations; out: a fault for each such difference, so that nobody takes a reload
//! for more than it is.

use std::path::Path;

use ring::digest::{SHA256, digest};

use crate::config::{BrokerSettings, ConfigFault, Settings, Transport};
use crate::facts::hex;

/// Keys with their values; those that are secret stand here by their digest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fixed(Vec<(&'static str, String)>);

impl Fixed {
    pub(super) fn of(settings: &Settings) -> Fixed {
        let (listen, log) = (&settings.listen, &settings.log);
        let secret = |text: &str| hex(digest(&SHA256, text.as_bytes()).as_ref());
        let keys = settings.master_keys.as_ref().map(|keys| keys.ids().collect::<Vec<_>>());
        // Queues of a broker are declared once; pulled ones come and go.
        let departments = settings.departments.iter();
        let queues =
            departments.filter(|d| settings.broker.is_some() && d.transport == Transport::Amqp);
        let queues: Vec<&str> = queues.map(|d| d.name.as_str()).collect();
        Fixed(vec![
            ("zone", settings.zone.clone()),
            ("listen.address", listen.address.to_string()),
            ("listen.body_bytes_max", listen.body_bytes_max.to_string()),
            ("listen.connections_max", listen.connections_max.to_string()),
            ("store.path", settings.store.display().to_string()),
            ("store.master_key", format!("{keys:?}")),
            ("retention", format!("{:?}", settings.retention)),
            ("log.origin", log.origin.clone()),
            ("log.key", secret(&log.key)),
            ("log.head", log.head.display().to_string()),
            (
                "broker.url",
                secret(&settings.broker.as_ref().map(BrokerSettings::whole).unwrap_or_default()),
            ),
            ("webhooks", format!("{:?}", settings.webhooks)),
            ("alarms", format!("{:?}", settings.alarms)),
            ("participant.transport", format!("{queues:?}")),
            ("participant.receipts", format!("{:?}", settings.receipts_by_broker)),
        ])
    }

    /// A fault for each key that differs.
    pub(super) fn differences(&self, next: &Fixed, file: &Path) -> Vec<ConfigFault> {
        let pairs = self.0.iter().zip(&next.0).filter(|(now, then)| now != then);
        let fault = |(now, _): (&(&'static str, String), _)| ConfigFault {
            file: file.to_owned(),
            line: 0,
            key: now.0.to_owned(),
            what: "changes only with a restart".to_owned(),
        };
        pairs.map(fault).collect()
    }
}

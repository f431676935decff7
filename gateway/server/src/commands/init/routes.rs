//! The routing table of a pilot: which departments must know which type. In: nothing. Out:
//! the `[[route]]` sections of its configuration.

/// Each type, and who must know it.
const ROUTES: [(&str, &[&str]); 35] = [
    // Import, as the norm has it. One submission reaches everyone concerned.
    ("CEB311Message", &["customs", "tax"]),
    ("CEB411Message", &["customs", "tax", "forex"]),
    ("CEB511Message", &["customs", "post"]),
    ("CEB513Message", &["customs", "post", "transport"]),
    ("CEB621Message", &["customs", "tax", "inspection"]),
    ("CEB623Message", &["customs"]),
    ("CEB625Message", &["customs"]),
    ("CEB711Message", &["customs", "park"]),
    // Export.
    ("CEB303Message", &["customs"]),
    ("CEB403Message", &["customs", "forex"]),
    ("CEB505Message", &["customs", "post"]),
    ("CEB507Message", &["customs", "park"]),
    ("CEB509Message", &["customs", "park"]),
    ("CEB603Message", &["customs", "tax", "government"]),
    ("CEB605Message", &["customs"]),
    ("CEB607Message", &["customs"]),
    ("CEB701Message", &["customs"]),
    ("CEB213Message", &["customs"]),
    ("CEB215Message", &["customs"]),
    ("PaymentDataMessage", &["customs"]),
    // The zone's own.
    ("EnterpriseFilingMessage", &["commerce", "market"]),
    ("ProductFilingMessage", &["inspection", "market"]),
    ("PurchaseRegistrationMessage", &["tax"]),
    ("RefundClaimMessage", &["tax"]),
    ("ContractMessage", &["commerce", "finance"]),
    ("SettlementRequestMessage", &["forex"]),
    ("QuarantineRequestMessage", &["inspection"]),
    ("LogisticsEventMessage", &["transport"]),
    ("GateEventMessage", &["park"]),
    ("StockEventMessage", &["park"]),
    ("TransitMessage", &["customs", "park"]),
    ("TaxGuaranteeMessage", &["customs", "finance"]),
    ("ProofRequestMessage", &["finance"]),
    ("AfterSaleMessage", &["market"]),
    ("StatisticsReportMessage", &["commerce", "government"]),
];

/// The sections of the configuration.
pub(super) fn toml() -> String {
    let quoted = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        names.join(", ")
    };
    let line = |(message_type, departments): &(&str, &[&str])| {
        let departments = quoted(departments);
        format!("\n[[route]]\ntype = \"{message_type}\"\ndepartments = [{departments}]\n")
    };
    ROUTES.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::init::parties::{PARTIES, Party};

    /// A department that cannot map what it is sent would bury it.
    #[test]
    fn every_department_maps_what_it_is_sent() {
        for (message_type, departments) in ROUTES {
            for name in departments {
                let department = onepoint_adapters::department(name).expect(name);
                assert!(
                    department.message_types().contains(&message_type),
                    "{name} {message_type}"
                );
                assert!(Party::by_id(name).is_some_and(|party| party.department == Some(*name)));
            }
        }
    }

    #[test]
    fn every_department_is_sent_all_it_maps_and_what_firms_may_send_is_routed() {
        let routed = |of: &str, to: &str| ROUTES.iter().any(|(t, d)| *t == of && d.contains(&to));
        for name in onepoint_adapters::DEPARTMENTS {
            let department = onepoint_adapters::department(name).expect(name);
            for message_type in department.message_types() {
                assert!(routed(message_type, name), "{name} {message_type}");
            }
        }
        for party in PARTIES.iter().filter(|party| party.role == "enterprise") {
            for message_type in party.may_send {
                assert!(ROUTES.iter().any(|(of, _)| of == message_type), "{message_type}");
            }
        }
    }
}

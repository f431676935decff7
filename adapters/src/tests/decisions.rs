//! What each department decides, and by what: the example of a type with one thing changed,
//! and the statuses and details that must come of it. All answers are valid.

use super::*;

/// Statuses of the answers in their order, then the codes of details, of a delivery to
/// `name` of the example with these changes: field, which one of that name, value.
fn told(name: &str, message_type: &str, changes: &[(&str, usize, Option<&str>)]) -> String {
    let body = changes
        .iter()
        .fold(example(message_type), |body, (field, nth, value)| with(&body, field, *nth, *value));
    let outcome = department(name).unwrap().map(&incoming(message_type, &[0], &body), now());
    let outcome = outcome.unwrap();
    outcome.answers.iter().for_each(assert_valid);
    let of =
        |field: &str| outcome.answers.iter().flat_map(|a| values(a, field)).collect::<Vec<_>>();
    [of("returnStatus"), of("detailCode")].concat().join(" ")
}

#[test]
fn foreign_exchange_settles_what_was_traded_before_the_request() {
    let settle = |changes: &[_]| told("forex", "SettlementRequestMessage", changes);
    assert_eq!(settle(&[]), "2 399");
    assert_eq!(settle(&[("tradeDate", 0, Some("20261102"))]), "2 100");
    // There is no rate for it.
    assert_eq!(settle(&[("currency", 0, Some("132"))]), "2 300");
    assert_eq!(told("forex", "CEB411Message", &[]), "120");
    assert_eq!(told("forex", "CEB403Message", &[("payNo", 0, None)]), "120");
}

#[test]
fn inspection_opens_what_customs_opens() {
    for chapter in ["01", "19", "24", "30", "93", "97"] {
        let code = format!("{chapter}01000000");
        let changes = [("gcode", 0, Some(&*code))];
        let (here, there) = (
            told("inspection", "CEB621Message", &changes),
            told("customs", "CEB621Message", &changes),
        );
        assert_eq!(here.contains("500"), there.contains("500"), "{chapter}: {here}, {there}");
        assert_eq!(here.contains("800"), there.contains("800"), "{chapter}: {here}, {there}");
        assert_eq!(here.contains("700"), there.contains("700"), "{chapter}: {here}, {there}");
    }
    let deleted = [("appType", 0, Some("3"))];
    assert_eq!(told("inspection", "CEB621Message", &deleted), "399");
}

#[test]
fn inspection_judges_quarantine_line_by_line() {
    let judge = |changes: &[_]| told("inspection", "QuarantineRequestMessage", changes);
    assert_eq!(judge(&[]), "2 399");
    assert_eq!(judge(&[("woodPackage", 0, Some("1"))]), "2 399");
    assert_eq!(judge(&[("expiryDate", 0, Some("20261030"))]), "2 100");
    assert_eq!(judge(&[("expiryDate", 0, None)]), "2 399");
    let living = ("gcode", 0, Some("0602909100"));
    assert_eq!(judge(&[living]), "2 399");
    assert_eq!(judge(&[living, ("certificateNo", 0, None), ("certificateType", 0, None)]), "2 300");
    assert_eq!(told("inspection", "ProductFilingMessage", &[]), "120 EACH-IMPORT");
    let free = [("quarantineConditions", 0, None)];
    assert_eq!(told("inspection", "ProductFilingMessage", &free), "120");
}

#[test]
fn commerce_asks_for_a_site_and_about_jumps() {
    let filing = |changes: &[_]| told("commerce", "EnterpriseFilingMessage", changes);
    assert_eq!(filing(&[]), "2 399");
    let without = ("websiteUrl", 0, None);
    assert_eq!(filing(&[without]), "2 100 SITE-MISSING");
    assert_eq!(filing(&[without, ("enterpriseRole", 0, Some("MERCHANT"))]), "2 399");
    let figures =
        |before| told("commerce", "StatisticsReportMessage", &[("previousValue", 0, before)]);
    assert_eq!(figures(Some("650")), "120");
    assert_eq!(figures(None), "120");
    assert_eq!(figures(Some("349")), "120 JUMP");
    assert_eq!(figures(Some("1401")), "120 JUMP");
    assert_eq!(told("commerce", "ContractMessage", &[]), "120");
}

#[test]
fn market_regulation_looks_at_licences_labels_and_complaints() {
    let filing = |changes: &[_]| told("market", "EnterpriseFilingMessage", changes);
    assert_eq!(filing(&[]), "399");
    assert_eq!(filing(&[("validUntil", 1, Some("20261031"))]), "100 LICENCE-ENDED");
    assert_eq!(filing(&[("validUntil", 1, None)]), "399");
    assert_eq!(filing(&[("qualificationType", 0, Some("ICP"))]), "100 LICENCE-MISSING");
    let product = |changes: &[_]| told("market", "ProductFilingMessage", changes);
    assert_eq!(product(&[]), "399");
    let bare = [("ingredient", 0, None), ("shelfLifeDays", 0, None)];
    assert_eq!(product(&bare), "100 LABEL LABEL");
    assert_eq!(product(&[bare[0], bare[1], ("isFood", 0, Some("0"))]), "399");
    let case = |reason| told("market", "AfterSaleMessage", &[("reasonCode", 0, Some(reason))]);
    assert_eq!((&*case("LATE"), &*case("FAKE"), &*case("QUALITY")), ("120", "300 399", "300 399"));
}

#[test]
fn the_post_takes_no_freight() {
    let waybill = |weight| told("post", "CEB511Message", &[("weight", 0, Some(weight))]);
    assert_eq!((&*waybill("30"), &*waybill("30.00001")), ("120", "100 TOO-HEAVY"));
    let out = |weight| told("post", "CEB505Message", &[("grossWeight", 0, Some(weight))]);
    assert_eq!((&*out("0.5"), &*out("31")), ("120", "100 TOO-HEAVY"));
    assert_eq!(told("post", "CEB513Message", &[]), "399");
    let body = example("CEB511Message");
    let outcome = department("post").unwrap().map(&incoming("CEB511Message", &[0], &body), now());
    let record = record(&outcome.unwrap())["documents"][0].clone();
    assert_eq!((&record["grams"], &record["class"]), (&json!("2100"), &json!("parcel")));
}

#[test]
fn transport_follows_a_shipment_to_its_end() {
    let event = |changes: &[_]| told("transport", "LogisticsEventMessage", changes);
    assert_eq!(event(&[]), "120");
    assert_eq!(event(&[("eventCode", 0, Some("SIGNED"))]), "399");
    let twice = |second: &str| {
        let body = example("LogisticsEventMessage");
        let (open, close) = ("<TrackingEvent>", "</TrackingEvent>");
        let prefix = if body.contains(open) { "" } else { "zone:" };
        assert_eq!(prefix, "", "the example has no prefix");
        let end = body.find(close).unwrap() + close.len();
        let line = body[body.find(open).unwrap()..end].to_owned();
        let body = format!("{}{line}{}", &body[..end], &body[end..]);
        let body = with(&body, "gnum", 1, Some("2"));
        let body = with(&body, "eventCode", 0, Some("RETURNED"));
        let body = with(&body, "eventTime", 1, Some(second));
        let office = department("transport").unwrap();
        let outcome = office.map(&incoming("LogisticsEventMessage", &[0], &body), now()).unwrap();
        values(&outcome.answers[0], "detailCode").join(" ")
    };
    assert_eq!(twice("20261101130000"), "AFTER-END");
    assert_eq!(twice("20261101110000"), "OUT-OF-ORDER AFTER-END");
    assert_eq!(told("transport", "CEB513Message", &[]), "399");
}

#[test]
fn finance_lends_on_proved_trade() {
    let ask = |changes: &[_]| told("finance", "ProofRequestMessage", changes);
    assert_eq!(ask(&[]), "2 399");
    assert_eq!(ask(&[("receiptDigest", 0, None)]), "2 300");
    assert_eq!(ask(&[("consentUntil", 0, Some("20261031"))]), "2 100");
    let granted = |amount| {
        let body = with(&example("ProofRequestMessage"), "amount", 0, Some(amount));
        let body = with(&body, "termDays", 0, Some("7"));
        let office = department("finance").unwrap();
        let outcome = office.map(&incoming("ProofRequestMessage", &[0], &body), now()).unwrap();
        ["decision", "grantedAmount", "validFrom", "validUntil"]
            .map(|field| values(&outcome.answers[1], field).join(" "))
    };
    // 80 per cent of 327.3.
    assert_eq!(granted("300"), ["PARTLY", "261.84", "20261124", "20261201"]);
    assert_eq!(granted("261.84"), ["GRANTED", "261.84", "20261124", "20261201"]);
    assert_eq!(told("finance", "TaxGuaranteeMessage", &[]), "120");
    assert_eq!(told("finance", "ContractMessage", &[]), "120");
}

#[test]
fn the_park_asks_about_what_does_not_fit() {
    let stock = |kind, change| {
        told(
            "park",
            "StockEventMessage",
            &[("eventType", 0, Some(kind)), ("qtyChange", 0, Some(change))],
        )
    };
    assert_eq!((&*stock("OUT", "-2"), &*stock("IN", "2")), ("120", "120"));
    assert_eq!((&*stock("OUT", "2"), &*stock("IN", "-2")), ("300 DIRECTION", "300 DIRECTION"));
    assert_eq!(stock("COUNT", "-2"), "120");
    // 3,500 kilograms of lorry and 2.2 of goods, give or take 5 per cent of these.
    let gate = |total| told("park", "GateEventMessage", &[("totalWeight", 0, total)]);
    assert_eq!((&*gate(Some("3502.31")), &*gate(None)), ("120", "120"));
    assert_eq!((&*gate(Some("3502.32")), &*gate(Some("3500"))), ("300 WEIGHT", "300 WEIGHT"));
    for message_type in ["CEB711Message", "CEB507Message", "CEB509Message", "TransitMessage"] {
        assert_eq!(told("park", message_type, &[]), "120", "{message_type}");
    }
}

#[test]
fn local_government_keeps_sums() {
    let kept = |message_type| {
        let body = example(message_type);
        let office = department("government").unwrap();
        let outcome = office.map(&incoming(message_type, &[0], &body), now()).unwrap();
        record(&outcome)["documents"][0]["sums"].clone()
    };
    assert_eq!(kept("CEB603Message"), json!({ "69": "400" }));
    assert_eq!(kept("StatisticsReportMessage"), json!({ "EXPORT-VALUE": "700" }));
}

/// Every status that the norm knows of a document is given by some department.
#[test]
fn every_status_of_the_norm_is_given() {
    let mut given = std::collections::BTreeSet::new();
    for (department, message_type) in all() {
        for chapter in ["01", "19", "24", "30", "93", "97"] {
            let body = example(message_type);
            let code = format!("{chapter}01000000");
            let body = match body.contains("gcode>") {
                true => with(&body, "gcode", 0, Some(&code)),
                false => body,
            };
            let outcome = department.map(&incoming(message_type, &[0], &body), now()).unwrap();
            given.extend(outcome.answers.iter().flat_map(|answer| values(answer, "returnStatus")));
        }
    }
    let known = [
        "1", "2", "3", "100", "120", "300", "399", "500", "503", "505", "599", "600", "700", "800",
        "899",
    ];
    for status in known {
        assert!(given.contains(status), "{status}: {given:?}");
    }
}

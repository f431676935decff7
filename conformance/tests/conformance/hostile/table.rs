//! Which test sends which bad input, as the customer listed it. In: the table below. Out: a
//! failure where a test that it names is gone, or where nothing sends the input to a gateway
//! from outside. Below each line the tests of the part come first, those over the public port last.

use onepoint_conformance::suites::repository;

/// File, and the test in it.
type Named = (&'static str, &'static str);

const WRAPPING: &str = "gateway/envelope/src/xmldsig/tests/wrapping.rs";
const IDS: &str = "gateway/envelope/src/xmldsig/tests/ids.rs";
const SHAPE: &str = "gateway/envelope/src/xmldsig/tests/shape.rs";
const JWS: &str = "gateway/envelope/src/jws/tests.rs";
const CHAIN: &str = "certs/src/chain/tests.rs";
const DATES: &str = "certs/src/chain/tests/dates.rs";
const CRL: &str = "certs/src/crl/tests.rs";
const SM2: &str = "certs/src/sm2/tests.rs";
const LISTS: &str = "gateway/server/src/revocation/tests.rs";

/// Everything forged that is sent as XML.
const FORGED: Named =
    ("conformance/tests/conformance/hostile.rs", "nothing_forged_or_wrapped_is_accepted");
/// Everything wrong with envelopes.
const ENVELOPES: Named =
    ("conformance/tests/conformance/forms/hostile.rs", "no_bad_envelope_is_accepted");
/// Everything wrong with JSON Web Signatures.
const TOKENS: Named =
    ("conformance/tests/conformance/forms/jose.rs", "no_bad_json_web_signature_is_accepted");
/// Everything wrong with payment data.
const PAYMENTS: Named =
    ("conformance/tests/conformance/forms/payment_data.rs", "bad_payment_data_are_refused_by_name");
/// Certificates that are registered and may not sign.
const CERTIFICATES: Named = (
    "conformance/tests/conformance/hostile/certificates.rs",
    "registered_certificates_are_judged_all_the_same",
);
const REVOCATION: &str = "conformance/tests/conformance/revocation.rs";

const TABLE: &[(&str, &[Named])] = &[
    (
        "Signature wrapping in all known shapes",
        &[
            (WRAPPING, "a_wrapped_document_is_refused"),
            (IDS, "wrapping_by_id_shows_what_was_signed_or_nothing"),
            (IDS, "the_original_with_an_id_in_a_false_document_is_not_the_document"),
            FORGED,
            ENVELOPES,
        ],
    ),
    ("duplicate Ids", &[(IDS, "an_id_names_one_element_or_none"), FORGED]),
    (
        "comments inside text",
        &[
            (WRAPPING, "a_comment_does_not_split_what_is_extracted"),
            (SHAPE, "a_signature_has_one_shape"),
            FORGED,
            ENVELOPES,
        ],
    ),
    (
        "two Signatures",
        &[(WRAPPING, "the_signature_is_one_and_stands_below_the_root"), FORGED, ENVELOPES],
    ),
    (
        "Signature not where the schema has it",
        &[(WRAPPING, "the_signature_is_one_and_stands_below_the_root"), FORGED, ENVELOPES],
    ),
    (
        "changed algorithm",
        &[
            (WRAPPING, "values_of_other_keys_algorithms_and_forms_are_refused"),
            (SHAPE, "what_the_profile_leaves_out_is_refused_by_its_name"),
            FORGED,
            TOKENS,
        ],
    ),
    (
        "truncated and DER/raw confusion for SM2 and ECDSA",
        &[
            (SM2, "a_truncated_value_is_refused"),
            (SM2, "the_forms_convert_and_are_strict"),
            (WRAPPING, "truncated_values_are_refused_before_anything_is_computed"),
            (WRAPPING, "an_sm2_value_in_der_is_named"),
            (WRAPPING, "an_ecdsa_value_in_der_is_named"),
            FORGED,
            TOKENS,
            PAYMENTS,
        ],
    ),
    (
        "r or s zero or too large",
        &[
            (SM2, "r_is_zero"),
            (SM2, "s_is_zero"),
            (SM2, "r_is_too_large"),
            (SM2, "s_is_too_large"),
            (WRAPPING, "values_out_of_range_are_named"),
            FORGED,
            TOKENS,
            PAYMENTS,
        ],
    ),
    (
        "r + s = 0 for SM2",
        &[
            (SM2, "r_and_s_add_up_to_the_order"),
            ("certs/src/sm2/table/tests.rs", "a_sum_at_infinity_and_parts_out_of_range"),
            FORGED,
            TOKENS,
        ],
    ),
    (
        "certificate of another participant",
        &[
            (WRAPPING, "values_of_other_keys_algorithms_and_forms_are_refused"),
            FORGED,
            ENVELOPES,
            TOKENS,
            PAYMENTS,
        ],
    ),
    ("expired", &[(DATES, "edges_without_and_with_tolerance"), CERTIFICATES]),
    ("not yet valid", &[(DATES, "edges_without_and_with_tolerance"), CERTIFICATES]),
    (
        "CA without CA flag",
        &[(CHAIN, "an_issuer_is_a_ca_that_may_sign_certificates"), CERTIFICATES],
    ),
    (
        "wrong usage",
        &[
            (CHAIN, "key_usage_of_the_signer"),
            (CHAIN, "extended_key_usage_of_signer_and_ca"),
            CERTIFICATES,
        ],
    ),
    (
        "chain loops",
        &[
            (CHAIN, "issuers_that_certify_each_other_lead_nowhere"),
            (CHAIN, "many_strangers_of_one_name_cost_little_and_do_not_pass"),
            CERTIFICATES,
        ],
    ),
    (
        "10 MB KeyInfo",
        &[
            (WRAPPING, "ten_megabytes_of_key_info_are_refused_at_once"),
            (
                "conformance/tests/conformance/hostile.rs",
                "ten_megabytes_of_key_info_cost_no_more_than_reading_them",
            ),
        ],
    ),
    (
        "stale CRL",
        &[
            (CRL, "unknown_is_taken_until_the_grace_ends_and_never_becomes_revoked"),
            (LISTS, "restarts_do_not_begin_a_new_grace_period"),
            (REVOCATION, "a_stale_list_is_taken_for_the_grace_of_the_policy_and_then_no_more"),
        ],
    ),
    (
        "CRL of another issuer",
        &[
            (CRL, "a_list_speaks_for_its_issuer_only"),
            (LISTS, "what_is_no_newer_list_of_the_issuer_changes_nothing"),
            (REVOCATION, "a_server_that_fails_in_any_way_stops_nothing_and_revokes_nobody"),
        ],
    ),
    (
        "delegation ended yesterday",
        &[
            (
                "certs/src/registry/tests/authority.rs",
                "a_delegation_holds_from_midnight_to_midnight",
            ),
            (
                "conformance/tests/conformance/hostile/certificates.rs",
                "a_delegation_that_ended_yesterday_is_over",
            ),
        ],
    ),
    // What the forms of signature and the trust in them add to that list.
    ("none, HMAC and key confusion", &[(JWS, "algorithms_and_keys_that_are_not_taken"), TOKENS]),
    (
        "external references, XSLT, XPath, retrieval methods",
        &[(SHAPE, "what_the_profile_leaves_out_is_refused_by_its_name"), FORGED],
    ),
    (
        "an intermediate that is revoked",
        &[
            (CRL, "a_revoked_issuer_refuses_the_chain"),
            (REVOCATION, "a_revoked_intermediate_is_refused_with_all_that_it_signed"),
        ],
    ),
    (
        "a certificate that is revoked between two messages",
        &[(
            REVOCATION,
            "a_certificate_that_is_revoked_between_two_messages_is_refused_from_then_on",
        )],
    ),
];

/// Whether `text` has a test of this name that is run.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains(&format!("fn {name}(")));
    at.is_some_and(|at| {
        let before = &lines[at.saturating_sub(3)..at];
        let has = |what: &str| before.iter().any(|line| line.trim_start().starts_with(what));
        (has("#[test]") || has("#[tokio::test")) && !has("#[ignore")
    })
}

#[test]
fn every_bad_input_of_the_list_has_its_tests() {
    let mut gone = Vec::new();
    for (input, tests) in TABLE {
        for (file, name) in *tests {
            let text = std::fs::read_to_string(repository().join(file)).unwrap_or_default();
            if !has_test(&text, name) {
                gone.push(format!("{input}: {file} has no test {name}"));
            }
        }
        if !tests.iter().any(|(file, _)| file.starts_with("conformance/")) {
            gone.push(format!("{input}: nothing sends it to a gateway"));
        }
    }
    assert!(gone.is_empty(), "{gone:#?}");
    assert!(!has_test("#[ignore]\n#[test]\nfn a() {}", "a") && !has_test("fn a() {}", "a"));
}

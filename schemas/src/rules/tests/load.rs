//! Files of rules that cannot be meant are refused with file and line.

use std::collections::BTreeSet;

use super::super::*;
use crate::Catalogue;

const GOOD: &str = r#"
[[rule]]
code = "a-rule"
types = ["CEB311Message"]
at = "head"
check = { kind = "one-of", fields = ["appType"], values = ["1"] }
en = "e"
zh = "z"
"#;

fn parse(text: &str) -> Result<RuleSet, RuleError> {
    let catalogue = Catalogue::load_builtin().unwrap();
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    let fields = TypeFields {
        head: names(&["appType", "appStatus", "tradeMode", "currency"]),
        line: names(&["gnum", "unit", "currency"]),
    };
    let known = Known {
        kinds: &[catalogue.by_name("CEB311Message").unwrap()],
        elsewhere: &|name| name == "CEB213Message",
        fields: &|_| Some(fields.clone()),
    };
    RuleSet::parse("rules.toml", text, &known)
}

/// The good rule with one line changed.
fn with(line: &str, other: &str) -> String {
    assert!(GOOD.contains(line));
    GOOD.replace(line, other)
}

fn refused(text: &str) -> (usize, Fault) {
    let error = parse(text).unwrap_err();
    assert_eq!(error.file, "rules.toml");
    assert!(error.to_string().starts_with(&format!("rules.toml:{}: ", error.line)));
    (error.line, error.fault)
}

#[test]
fn a_file_is_read_with_lists_of_its_own() {
    let text = with(
        "\"one-of\", fields = [\"appType\"], values = [\"1\"]",
        "\"in-list\", fields = [\"appType\"], list = \"moons\"",
    );
    assert_eq!(
        parse(&text).unwrap_err().fault.to_string(),
        "rule a-rule names the code list moons, which does not exist"
    );
    let set = parse(&format!("[lists]\nmoons = [\"1\", \"2\"]\n{text}")).unwrap();
    assert_eq!(set.of("CEB311Message").len(), 1);
    assert!(parse("").unwrap().of("CEB311Message").is_empty());
}

#[test]
fn rules_of_types_of_another_version_are_passed_over() {
    let text = with("types = [\"CEB311Message\"]", "types = [\"CEB213Message\"]");
    assert!(parse(&text).unwrap().of("CEB213Message").is_empty());
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_line() {
    let twice = format!("{GOOD}{GOOD}");
    assert_eq!(refused(&twice), (11, Fault::CodeTwice("a-rule".to_owned())));
    let own = with("a-rule", "amount-overflow");
    assert_eq!(refused(&own), (3, Fault::CodeTwice("amount-overflow".to_owned())));
    assert_eq!(refused(&with("a-rule", "A rule")), (3, Fault::Code("A rule".to_owned())));
    assert_eq!(refused(&with("\"e\"", "\"\"")), (3, Fault::Text("a-rule".to_owned())));
    let (line, fault) = refused(&with("[\"CEB311Message\"]", "[]"));
    assert_eq!((line, fault), (3, Fault::NoType("a-rule".to_owned())));
    let (_, fault) = refused(&with("CEB311Message", "CEB999Message"));
    assert!(matches!(fault, Fault::Type { name, .. } if name == "CEB999Message"));
    let (_, fault) = refused(&with("[\"appType\"]", "[\"appTyp\"]"));
    assert!(matches!(fault, Fault::Field { field, scope: "head", .. } if field == "appTyp"));
    let (_, fault) = refused(&with("[\"appType\"]", "[\"line/appType\"]"));
    assert!(matches!(fault, Fault::Field { scope: "line", .. }));
    let (_, fault) = refused(&with("en = ", "norm = { CEB311Message = \"-1\" }\nen = "));
    assert!(matches!(fault, Fault::Norm { code, .. } if code == "-1"));
    let (_, fault) = refused(&with("en = ", "norm = { CEB411Message = \"-401009\" }\nen = "));
    assert!(matches!(fault, Fault::Type { name, .. } if name == "CEB411Message"));
    let (line, fault) = refused(&format!("[lists]\nunits = [\"1\"]\n{GOOD}"));
    assert_eq!((line, fault), (1, Fault::ListTwice("units".to_owned())));
}

#[test]
fn what_is_not_of_the_form_is_refused_with_its_line() {
    for (text, line) in [
        ("rule = 1".to_owned(), 1),
        ("\n\nrule = [".to_owned(), 3),
        (with("at = \"head\"", "at = \"tail\""), 5),
        (with("zh = \"z\"", "zh = \"z\"\nmore = 1"), 9),
        (with("zh = \"z\"\n", ""), 2),
        (with("\"one-of\"", "\"one-off\""), 6),
        (with("values = [\"1\"]", "values = [\"1\"], or = [\"2\"]"), 6),
        (
            with(
                "\"one-of\", fields = [\"appType\"], values = [\"1\"]",
                "\"limit\", head = [], line = [], most = \"x\"",
            ),
            6,
        ),
    ] {
        let (found, fault) = refused(&text);
        assert!(matches!(fault, Fault::File(_)), "{fault:?}");
        assert_eq!(found, line, "{text}");
    }
}

#[test]
fn checks_that_mean_nothing_where_they_stand_are_refused() {
    let check = "kind = \"one-of\", fields = [\"appType\"], values = [\"1\"]";
    for wrong in [
        "kind = \"one-of\", fields = [\"appType\"], values = []",
        "kind = \"time\", fields = [\"appType\"], form = \"YYYY\"",
        "kind = \"sequence\", field = \"appType\"",
        "kind = \"unique\", field = \"appType\"",
        "kind = \"increasing\", field = \"appType\"",
        "kind = \"line-sum\", total = \"appType\", line = \"appStatus\", within = \"0\"",
        "kind = \"limit\", head = [], line = [\"appType\"], most = \"1\"",
        "kind = \"required\", fields = [\"appType?\"]",
        "kind = \"together\", fields = [\"appType?\", \"appStatus\"]",
    ] {
        let (line, fault) = refused(&with(check, wrong));
        assert!(line == 3 && matches!(fault, Fault::Check { .. }), "{wrong}: {fault:?}");
    }
    let line = with("at = \"head\"", "at = \"line\"");
    for wrong in ["kind = \"signed\", field = \"gnum\"", "kind = \"lines\", or = [\"gnum\"]"] {
        let (_, fault) = refused(&line.replace(check, wrong));
        assert!(matches!(fault, Fault::Check { .. }), "{wrong}: {fault:?}");
    }
}

#[test]
fn fields_beyond_the_bound_are_refused() {
    let many: Vec<String> = (0..=200).map(|n| format!("\"field{n}?\"")).collect();
    let text = with("[\"appType\"]", &format!("[{}]", many.join(", ")));
    assert_eq!(refused(&text), (3, Fault::TooMany(200)));
}

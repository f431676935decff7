//! `onepoint audit` from outside. In: the log of a real gateway, and logs made by hand
//! with everything wrong that an auditor has to see. Out: findings with the code that
//! names the fault, and exit codes. And a C2SP client that nobody here wrote.

use std::process::Command;

use onepoint_conformance::zone::onepoint;
use serde_json::Value;

mod client;
mod complete;
mod follow;
mod gateway;
mod journal;
mod made;

/// How an audit ended.
struct Audited {
    code: i32,
    findings: Vec<Value>,
    said: String,
}

impl Audited {
    /// Codes of the findings that failed.
    fn faults(&self) -> Vec<&str> {
        let failed = self.findings.iter().filter(|finding| finding["ok"] == false);
        failed.map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    /// The first finding with a code.
    fn finding(&self, code: &str) -> &Value {
        let found = self.findings.iter().find(|finding| finding["code"] == code);
        found.unwrap_or_else(|| panic!("no finding {code} in {}", self.said))
    }

    fn holds(&self) {
        assert_eq!(self.code, 0, "{}", self.said);
        assert!(self.faults().is_empty(), "{}", self.said);
    }

    /// It does not hold, and these are the faults.
    fn fails(&self, codes: &[&str]) {
        assert_eq!(self.code, 1, "{}", self.said);
        let mut faults = self.faults();
        faults.dedup();
        assert_eq!(faults, codes, "{}", self.said);
    }
}

/// Runs `onepoint audit ARGUMENTS --json`.
fn audit(arguments: &[&str]) -> Audited {
    let done =
        Command::new(onepoint()).arg("audit").args(arguments).arg("--json").output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let findings: Vec<Value> = lines.filter(|line| line.get("code").is_some()).collect();
    for finding in &findings {
        for language in ["en", "zh"] {
            assert!(!finding[language].as_str().unwrap().is_empty(), "{finding}");
        }
    }
    let said = format!("{arguments:?}:\n{said}{}", String::from_utf8_lossy(&done.stderr));
    Audited { code: done.status.code().unwrap(), findings, said }
}

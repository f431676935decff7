//! The wall clock of the gateway's machine is set an hour forwards, and back again, while
//! it runs: times in the log never go back, and a fact says when the clock was behind.

use onepoint_proof::{LogVerifier, VerifyOptions, verify_receipt};
use serde_json::Value;

use super::{Rig, receipts};

const HOUR_MS: i64 = 3_600_000;

/// Time of the fact in the receipt, and what the clock said when it was behind.
fn times(receipt: &Value) -> (i64, Option<i64>) {
    let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let fact = &receipt["fact"];
    (ms(fact["time"].as_str().unwrap()), fact["clock"].as_str().map(ms))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_an_hour_forwards_and_back_keeps_the_order() {
    let mut rig = Rig::start();
    let (mut last, mut behind, mut answers) = (0, 0, Vec::new());
    for offset in [0, 0, 3600, 3600, 0, 0, -3600, -3600, 0] {
        rig.shim.clock(offset);
        let answer = rig.accept().await.clone();
        for receipt in receipts(&answer) {
            let (time, clock) = times(receipt);
            assert!(time >= last, "{time} after {last}");
            if let Some(clock) = clock {
                behind += 1;
                assert_eq!(time, last, "behind, and not the last time");
                assert!(clock < last, "the clock was not behind");
            }
            last = time;
        }
        answers.push(answer);
    }
    assert!(behind >= 5, "{behind} facts say that the clock was behind");
    rig.shim.clock(0);

    // Read by a clock that is right: what was dated an hour ahead is not yet believed, and
    // is once that hour has come; what was dated before is good at once.
    let text = std::fs::read_to_string(rig.zone.folder().join("pki/log.pub")).unwrap();
    let key = LogVerifier::parse(text.trim()).unwrap();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for (number, answer) in answers.iter().enumerate() {
        for receipt in receipts(answer) {
            let faults = |at: i64| {
                let options = VerifyOptions { message: None, now_ms: Some(at) };
                let bytes = receipt.to_string().into_bytes();
                let report = verify_receipt(&bytes, std::slice::from_ref(&key), &options);
                report.faults().map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(faults(now_ms + HOUR_MS), [""; 0], "answer {number}, an hour later");
            let wanted: &[&str] = if number < 2 { &[] } else { &["time-in-future"] };
            assert_eq!(faults(now_ms), wanted, "answer {number}, now");
        }
    }

    // The next start keeps to the last time as well.
    rig.zone.stop_gateway();
    rig.up();
    let (time, clock) = times(&receipts(rig.accept().await)[0]);
    assert!(time >= last && clock.is_some(), "{time} after {last}");
}

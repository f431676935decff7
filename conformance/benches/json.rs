//! What a JSON message costs: strict reading and validation by its JSON Schema, against
//! serde_json's parse of the same bytes, in the same run. Prints `ratio NAME VALUE
//! LIMIT` last; the minimum of interleaved rounds counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

use std::hint::black_box;
use std::time::Instant;

use onepoint_schemas::{Catalogue, Json, JsonLimits, example};
use onepoint_xml::{Document, Limits};

/// Rounds, and calls of each stage within a round.
const ROUNDS: usize = 100;
const CALLS: u32 = 100;
/// Lines of the order that is measured: as many as make some 6 KB.
const LINES: usize = 20;

/// A stage: its name and one call of it.
type Stage<'s> = (&'static str, Box<dyn FnMut() + 's>);

fn main() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let kind = catalogue.by_name("CEB311Message").unwrap();
    let form = catalogue.json_form(kind).unwrap().unwrap();
    let text = order(example("CEB311Message").unwrap());
    let document = Document::parse(text.into_bytes(), &Limits::default()).unwrap();
    let bytes = form.to_json(&document).unwrap().into_bytes();
    let read = |bytes: &[u8]| Json::read(bytes.to_vec(), &JsonLimits::default()).unwrap();
    let json = read(&bytes);
    form.validate(&json).expect("the order is valid");
    println!("one order of {} bytes as JSON; minimum of {ROUNDS} rounds of {CALLS}", bytes.len());
    let mut stages: Vec<Stage<'_>> = vec![
        (
            "serde_json: parse",
            Box::new(|| {
                drop(black_box(
                    serde_json::from_slice::<serde_json::Value>(black_box(&bytes)).unwrap(),
                ));
            }),
        ),
        (
            "ours: read and validate",
            Box::new(|| {
                let json = read(black_box(&bytes));
                form.validate(&json).unwrap();
                drop(black_box(json));
            }),
        ),
        ("ours: read", Box::new(|| drop(black_box(read(black_box(&bytes)))))),
        ("ours: validate", Box::new(|| form.validate(black_box(&json)).unwrap())),
        (
            "ours: read, validate, to XML",
            Box::new(|| {
                drop(black_box(form.accept(read(black_box(&bytes))).unwrap()));
            }),
        ),
        (
            "ours: XML to JSON",
            Box::new(|| {
                drop(black_box(form.to_json(black_box(&document)).unwrap()));
            }),
        ),
    ];
    let mut minima = vec![f64::MAX; stages.len()];
    for _ in 0..ROUNDS {
        for ((_, call), least) in stages.iter_mut().zip(&mut minima) {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            *least = least.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
        }
    }
    for ((name, _), time) in stages.iter().zip(&minima) {
        println!("  {name:34} {time:8.2} us");
    }
    let [parse, ours, ..] = minima.as_slice() else { return };
    println!("ratio json-read-and-validate-to-serde_json {:.2} <=2", ours / parse);
}

/// The order with so many lines.
fn order(example: &str) -> String {
    let (open, close) = ("<ceb:OrderList>", "</ceb:OrderList>");
    let (before, rest) = example.split_once(open).expect("a line");
    let (line, after) = rest.split_once(close).expect("the end of the line");
    let mut text = before.to_owned();
    for number in 3..=LINES {
        let line = line.replacen("gnum>1<", &format!("gnum>{number}<"), 1);
        text.push_str(&format!("{open}{line}{close}"));
    }
    format!("{text}{open}{line}{close}{after}")
}
